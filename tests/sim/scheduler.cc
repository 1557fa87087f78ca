#include "tests/sim/scheduler.h"

#include <algorithm>
#include <utility>

namespace slipstream::sim {

Scheduler::Scheduler(Random& random)
    : random_(random), clock_([this] { return random_.Next(); }), work_(io_.get_executor()) {}

void Scheduler::After(std::chrono::nanoseconds delay, std::function<void()> event) {
  events_[{clock_.Now() + delay, random_.Next(), next_++}] = std::move(event);
}

bool Scheduler::AdvanceToNext(TimePoint limit) {
  const std::optional<TimePoint> alarm = clock_.NextAlarm();
  const bool event_first = !events_.empty() && (!alarm || std::get<0>(events_.begin()->first) <= *alarm);
  if (!event_first && !alarm) return false;
  const TimePoint at = std::max(clock_.Now(), event_first ? std::get<0>(events_.begin()->first) : *alarm);
  if (at > limit) return false;
  if (!event_first) {
    clock_.AdvanceTo(at);
    return true;
  }
  std::function<void()> event = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  // Before the alarms of the same time, or after them.
  if (random_.Chance({1, 2})) {
    asio::post(io_, std::move(event));
    clock_.AdvanceTo(at);
  } else {
    clock_.AdvanceTo(at);
    asio::post(io_, std::move(event));
  }
  return true;
}

asio::awaitable<bool> Naps::For(std::chrono::nanoseconds duration) {
  if (ended_) co_return false;
  InterruptibleSleep sleep(scheduler_.io().get_executor(), scheduler_.clock());
  const uint64_t number = next_++;
  sleeping_[number] = &sleep;
  const bool slept = co_await sleep.For(duration);
  sleeping_.erase(number);
  co_return slept;
}

void Naps::Wake() {
  for (const auto& [number, sleep] : sleeping_) sleep->Interrupt();
}

void Naps::End() {
  ended_ = true;
  Wake();
}

}  // namespace slipstream::sim
