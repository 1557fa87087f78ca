// How a lane's run stands: what is under way, what wakes it, what ends it.
#pragma once

#include <exception>
#include <functional>
#include <utility>

#include "fetcher/lane_context.h"
#include "log/async_event.h"

namespace slipstream {

struct FetchExchange;

class LaneRun {
 public:
  // `stop_waiting`: whatever waits for the leader or for remote storage comes back soon.
  LaneRun(const LaneContext& lane, std::function<void()> stop_waiting)
      : progress(lane.io.get_executor()),
        idle(lane.io.get_executor(), *lane.config.clock),
        stop_waiting_(std::move(stop_waiting)) {}

  void Stop() {
    stopping_ = true;
    stop_waiting_();
    idle.Interrupt();
  }
  // By what was thrown in a coroutine of the lane: it leaves once nothing runs any more that knows the lane.
  void Fail(std::exception_ptr thrown) {
    failure_ = std::move(thrown);
    stop_waiting_();
  }
  bool stopping() const { return stopping_; }
  const std::exception_ptr& failure() const { return failure_; }
  bool over() const { return stopping_ || failure_; }

  AsyncEvent progress;                 // an answer came, an append or the asking ended
  InterruptibleSleep idle;             // between rounds
  FetchExchange* in_flight = nullptr;  // the fetch that is

 private:
  const std::function<void()> stop_waiting_;
  bool stopping_ = false;
  std::exception_ptr failure_;
};

}  // namespace slipstream
