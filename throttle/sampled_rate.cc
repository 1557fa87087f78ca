#include "throttle/sampled_rate.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/in_range.h"
#include "log/status.h"

namespace slipstream {

absl::Status QuotaWindows::Validate(absl::string_view prefix) const {
  SLIP_RETURN_IF_ERROR(CheckInRange(absl::StrCat(prefix, ".window.num"), num, 1, 1000));
  return CheckInRange(absl::StrCat(prefix, ".window.size.seconds"), size.count(), 1, 3600);
}

SampledRate::SampledRate(QuotaWindows windows, TimePoint now)
    : window_(windows.size), kept_(windows.num * window_), samples_max_(static_cast<size_t>(windows.num) + 1) {
  SLIP_CHECK(windows.Validate("quota").ok());
  samples_.reserve(samples_max_);
  samples_.push_back({.start = now, .last_event = now});
}

void SampledRate::Record(uint64_t bytes, TimePoint now) {
  if (now - samples_[newest_].start >= window_) {
    newest_ = (newest_ + 1) % samples_max_;
    // The sample whose place is taken no longer counts: each one since began a window or more after the one before.
    if (newest_ == samples_.size()) samples_.emplace_back();
    samples_[newest_] = {.start = now, .last_event = now};
  }
  Sample& open = samples_[newest_];
  open.last_event = std::max(open.last_event, now);
  open.bytes += bytes;
}

double SampledRate::PerSecond(TimePoint now) const {
  uint64_t bytes = 0;
  TimePoint oldest_start = now;
  for (const Sample& sample : samples_) {
    if (now - sample.last_event >= kept_) continue;
    bytes += sample.bytes;
    oldest_start = std::min(oldest_start, sample.start);
  }
  const std::chrono::duration<double> time = std::max<std::chrono::nanoseconds>(now - oldest_start, window_);
  return static_cast<double>(bytes) / time.count();
}

}  // namespace slipstream
