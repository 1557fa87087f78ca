// How many bytes a second may be copied, and whether more were. A broker has three, all alike (RQ-01): what it sends as
// leader, what it takes as follower, and what it moves between its log dirs.
// A quota refuses and delays nothing: whoever is about to ask for bytes looks first. Pure: time is an argument. Belongs
// to one thread; how threads share a bound: throttle/README.md.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "log/check.h"
#include "throttle/sampled_rate.h"

namespace slipstream {

inline constexpr int64_t kUnlimitedRate = std::numeric_limits<int64_t>::max();  // bytes per second

// What counts of leader.replication.throttled.rate and its like: the broker's own value, else the cluster's default.
inline int64_t EffectiveBound(std::optional<int64_t> broker, std::optional<int64_t> cluster_default) {
  return broker.value_or(cluster_default.value_or(kUnlimitedRate));
}

class ReplicationQuota {
 public:
  using TimePoint = SampledRate::TimePoint;

  ReplicationQuota(QuotaWindows windows, TimePoint now) : rate_(windows, now) {}

  // Acts at once, on what was recorded before too. REQUIRES: not negative.
  void set_bound(int64_t bytes_per_second) {
    SLIP_CHECK_GE(bytes_per_second, 0);
    bound_ = bytes_per_second;
  }
  int64_t bound() const { return bound_; }

  // Also while unlimited: a bound that is set now must know what was copied just before.
  void Record(uint64_t bytes, TimePoint now) { rate_.Record(bytes, now); }
  // A rate that is just the bound is within it.
  bool IsExceeded(TimePoint now) const {
    return bound_ != kUnlimitedRate && rate_.PerSecond(now) > static_cast<double>(bound_);
  }
  double byte_rate(TimePoint now) const { return rate_.PerSecond(now); }  // Kafka's metric byte-rate

 private:
  SampledRate rate_;
  int64_t bound_ = kUnlimitedRate;
};

}  // namespace slipstream
