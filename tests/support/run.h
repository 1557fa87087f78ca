// Runs one coroutine to its end on an io_context of its own, together with whatever it started beside itself.
#pragma once

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <utility>

#include "log/asio.h"
#include "log/check.h"

namespace slipstream {

template <typename T>
T RunToEnd(asio::awaitable<T> work) {
  asio::io_context context;
  std::optional<T> result;
  asio::co_spawn(context, std::move(work), [&result](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  context.run();
  SLIP_CHECK(result.has_value());
  return *std::move(result);
}

}  // namespace slipstream
