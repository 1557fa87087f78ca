// Whose turn it is: one handler at a time runs on the only thread; time moves when none is ready. What falls on the
// same time runs in an order that the seed draws.
#pragma once

#include <boost/asio/executor_work_guard.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "log/async_event.h"
#include "tests/sim/random.h"
#include "tests/support/virtual_clock.h"

namespace slipstream::sim {

class Scheduler {
 public:
  using TimePoint = Clock::TimePoint;

  explicit Scheduler(Random& random);

  asio::io_context& io() { return io_; }
  VirtualClock& clock() { return clock_; }
  TimePoint now() { return clock_.Now(); }
  void After(std::chrono::nanoseconds delay, std::function<void()> event);

  // False: nothing is ready.
  bool RunOneReady() { return io_.poll_one() > 0; }
  // To the next event or alarm; what is due becomes ready. False: there is none up to `limit`.
  bool AdvanceToNext(TimePoint limit);

 private:
  Random& random_;
  VirtualClock clock_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::map<std::tuple<TimePoint, uint64_t, uint64_t>, std::function<void()>> events_;  // time, drawn order, number
  uint64_t next_ = 0;
};

// Sleeps of several coroutines that can be ended together. Outlives them.
class Naps {
 public:
  explicit Naps(Scheduler& scheduler) : scheduler_(scheduler) {}

  // False: Wake or End cut it short.
  asio::awaitable<bool> For(std::chrono::nanoseconds duration);
  void Wake();
  // Now and for ever: nobody sleeps any more.
  void End();
  bool ended() const { return ended_; }

 private:
  Scheduler& scheduler_;
  std::map<uint64_t, InterruptibleSleep*> sleeping_;
  uint64_t next_ = 0;
  bool ended_ = false;
};

}  // namespace slipstream::sim
