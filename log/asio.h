// The one name by which the rest of the code knows Boost.Asio.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>

namespace slipstream {
namespace asio = boost::asio;

// What co_spawn is to do at the end of a coroutine that nobody waits for. asio::detached would drop an exception
// without a word; this way it leaves io_context::run, and the thread ends loudly.
struct RethrowException {
  void operator()(const std::exception_ptr& thrown) const {
    if (thrown) std::rethrow_exception(thrown);
  }
};
}  // namespace slipstream
