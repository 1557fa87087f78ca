// A condition variable for coroutines of one thread: waiters sleep until the next NotifyAll. Check the condition, then
// Wait, in a loop: nothing else runs between the check and the wait, so no notification is lost.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>

#include "log/asio.h"
#include "log/clock.h"

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

// Sleeps, one caller at a time, or less long when it is interrupted; true when the time was slept to its end.
class InterruptibleSleep {
 public:
  explicit InterruptibleSleep(const asio::any_io_executor& executor, Clock& clock = SystemClock())
      : clock_(clock), alarm_(clock.MakeAlarm(executor)), woken_(executor) {}

  asio::awaitable<bool> For(std::chrono::nanoseconds duration);
  void Interrupt() { woken_.NotifyAll(); }

 private:
  Clock& clock_;
  std::unique_ptr<Alarm> alarm_;
  AsyncEvent woken_;
  bool rang_ = false;
};

}  // namespace slipstream
