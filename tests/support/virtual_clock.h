// Time that stands still until it is told to go on: both of the day and of pauses. For one thread.
#pragma once

#include <boost/asio/post.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "log/clock.h"

namespace slipstream {

// Outlives its alarms, and what they are set to ring.
class VirtualClock final : public Clock {
 public:
  VirtualClock() = default;
  // Alarms of the same time ring in the order of what `draw` gave when they were set.
  explicit VirtualClock(std::function<uint64_t()> draw) : draw_(std::move(draw)) {}

  Timestamp WallTime() override {
    return {kFirstDay.value + std::chrono::duration_cast<std::chrono::milliseconds>(passed_).count()};
  }
  TimePoint Now() override { return kBegin + passed_; }
  std::unique_ptr<Alarm> MakeAlarm(const asio::any_io_executor& executor) override {
    return std::make_unique<VirtualAlarm>(*this, executor);
  }

  std::optional<TimePoint> NextAlarm() const {
    return set_.empty() ? std::nullopt : std::optional(std::get<0>(set_.begin()->first));
  }
  // On the way, alarms ring in the order of their times, and of their setting where those are the same and nothing else
  // is drawn; what they ring runs with the executor's next turn.
  void AdvanceTo(TimePoint time) {
    while (!set_.empty() && std::get<0>(set_.begin()->first) <= time) {
      const auto due = set_.begin();
      passed_ = std::max(passed_, std::get<0>(due->first) - kBegin);
      VirtualAlarm& alarm = *due->second;
      set_.erase(due);
      alarm.Ring();
    }
    passed_ = std::max(passed_, time - kBegin);
  }
  void Advance(std::chrono::nanoseconds by) { AdvanceTo(Now() + by); }

 private:
  using Key = std::tuple<TimePoint, uint64_t, uint64_t>;  // when, drawn order, order of setting

  class VirtualAlarm final : public Alarm {
   public:
    VirtualAlarm(VirtualClock& clock, const asio::any_io_executor& executor) : clock_(clock), executor_(executor) {}
    ~VirtualAlarm() override { Cancel(); }
    void Set(TimePoint at, std::function<void()> ring) override {
      Cancel();
      ring_ = std::move(ring);
      key_ = {at, clock_.draw_ ? clock_.draw_() : 0, clock_.next_++};
      clock_.set_[*key_] = this;
    }
    void Cancel() override {
      if (key_) clock_.set_.erase(*key_);
      key_.reset();
      ++*turn_;
    }
    void Ring() {
      key_.reset();
      asio::post(executor_, [ring = std::move(ring_), turn = *turn_, now = turn_] {
        if (turn == *now) ring();
      });
    }

   private:
    VirtualClock& clock_;
    const asio::any_io_executor executor_;
    std::function<void()> ring_;
    std::optional<Key> key_;
    std::shared_ptr<uint64_t> turn_ = std::make_shared<uint64_t>(0);
  };

  static constexpr TimePoint kBegin{std::chrono::hours(1)};
  static constexpr Timestamp kFirstDay{1'700'000'000'000};
  std::chrono::nanoseconds passed_{0};
  std::map<Key, VirtualAlarm*> set_;
  const std::function<uint64_t()> draw_;
  uint64_t next_ = 0;
};

}  // namespace slipstream
