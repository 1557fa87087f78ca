// A condition variable for coroutines of one thread: waiters sleep until the next NotifyAll. Check the condition, then
// Wait, in a loop: nothing else runs between the check and the wait, so no notification is lost.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include <chrono>

#include "log/asio.h"

namespace slipstream {

class AsyncEvent {
 public:
  explicit AsyncEvent(const asio::any_io_executor& executor)
      : timer_(executor, std::chrono::steady_clock::time_point::max()) {}

  asio::awaitable<void> Wait();
  void NotifyAll() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;  // never set anew: that would wake whoever waits already
};

// Sleeps, or less long when NotifyAll is called; true when the time was slept to its end.
class InterruptibleSleep {
 public:
  explicit InterruptibleSleep(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::awaitable<bool> For(std::chrono::nanoseconds duration);
  void Interrupt() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace slipstream
