#include "log/async_event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipstream {

// Coroutines stay out of headers: link-time optimisation takes g++'s numbering of their frames in two files for two
// types.
asio::awaitable<void> AsyncEvent::Wait() { co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable)); }

asio::awaitable<bool> InterruptibleSleep::For(std::chrono::nanoseconds duration) {
  timer_.expires_after(duration);
  auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

}  // namespace slipstream
