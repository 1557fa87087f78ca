// Bytes per second over the last few windows of time, counted as Kafka's metrics count them (RQ-02), so that a limit
// means here what it means on a broker. Pure: time is an argument. Belongs to one thread.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace slipstream {

struct QuotaWindows {
  int32_t num = 11;              // .window.num, 1 .. 1000
  std::chrono::seconds size{1};  // .window.size.seconds, 1 s .. 1 h
  // `prefix`: whose windows these are, replication.quota or alter.log.dirs.replication.quota. Names field, value,
  // bound.
  absl::Status Validate(absl::string_view prefix) const;
};

class SampledRate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The first window begins now. REQUIRES: valid windows.
  SampledRate(QuotaWindows windows, TimePoint now);

  // Allocates nothing. Times may come a little out of order, as from several threads.
  void Record(uint64_t bytes, TimePoint now);
  // At least one whole window is divided by, so that the first bytes are no burst. Unlike Kafka's, reading changes
  // nothing: whoever looks at a metric does not move a limit.
  double PerSecond(TimePoint now) const;

 private:
  // What was recorded from `start` on, for one window's time. A pause before the next sample belongs to none, but is in
  // the time that is divided by.
  struct Sample {
    TimePoint start, last_event;  // invariant: last_event < start + window
    uint64_t bytes = 0;
  };

  std::chrono::nanoseconds window_, kept_;  // a sample counts until its last event is `kept_` ago: num windows
  // A ring of up to num + 1: the open one, and as many closed ones as can still count. Its memory is there from the
  // start.
  std::vector<Sample> samples_;
  size_t samples_max_;
  size_t newest_ = 0;
};

}  // namespace slipstream
