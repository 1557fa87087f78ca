// A condition variable for coroutines of one thread: waiters sleep until the next NotifyAll. Check the condition, then
// Wait, in a loop: nothing else runs between the check and the wait, so no notification is lost.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

#include "log/asio.h"

namespace slipstream {

class AsyncEvent {
 public:
  explicit AsyncEvent(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::awaitable<void> Wait() {
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  void NotifyAll() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

// Sleeps, or less long when NotifyAll is called; true when the time was slept to its end.
class InterruptibleSleep {
 public:
  explicit InterruptibleSleep(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::awaitable<bool> For(std::chrono::nanoseconds duration) {
    timer_.expires_after(duration);
    auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !error;
  }
  void Interrupt() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace slipstream
