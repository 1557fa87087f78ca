// How many per second it was over about the last minute, as Kafka's meters say it: what lies back counts less and less,
// a minute ago 1/e. Moves when it is looked at; needs no timer.
#pragma once

#include <cmath>
#include <cstdint>

#include "log/clock.h"

namespace slipstream {

class OneMinuteRate {
 public:
  using TimePoint = Clock::TimePoint;

  explicit OneMinuteRate(TimePoint began = TimePoint()) : at_(began) {}

  // `total`: of all that was counted since `began`, never less than before. Looks of the first seconds see the mean of
  // all so far, as the first look after them does: one of a moment must not linger for a minute.
  double Update(uint64_t total, TimePoint now) {
    const double seconds = std::chrono::duration<double>(now - at_).count();
    if (seconds <= 0) return per_second_;
    const double of_late = static_cast<double>(total - total_) / seconds;
    if (!looked_ && seconds < kFirstSeconds) return of_late;
    per_second_ += (looked_ ? 1 - std::exp(-seconds / 60) : 1) * (of_late - per_second_);
    looked_ = true;
    at_ = now;
    total_ = total;
    return per_second_;
  }

 private:
  static constexpr double kFirstSeconds = 5;  // as Kafka's meters tick

  TimePoint at_;
  uint64_t total_ = 0;
  bool looked_ = false;
  double per_second_ = 0;
};

}  // namespace slipstream
