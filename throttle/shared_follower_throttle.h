// The follower's side of replication quotas for all fetcher threads of a broker together. Any thread may use it. Where
// no replica is listed nothing is locked.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "throttle/follower_throttle.h"

namespace slipstream {

class SharedFollowerThrottle {
 public:
  using TimePoint = FollowerThrottle::TimePoint;

  // REQUIRES: valid windows.
  SharedFollowerThrottle(BrokerId self, QuotaWindows windows, TimePoint now) : throttle_(self, windows, now) {}

  // Both act at once, on what was counted before too, and at run time.
  void SetReplicas(ThrottledReplicas replicas) {
    const std::lock_guard lock(mutex_);
    throttle_.replicas() = std::move(replicas);
    lists_some_.store(!throttle_.replicas().empty(), std::memory_order_relaxed);
    changes_.fetch_add(1, std::memory_order_relaxed);
  }
  void SetBound(int64_t bytes_per_second) {  // 0 .. kUnlimitedRate
    const std::lock_guard lock(mutex_);
    throttle_.quota().set_bound(bytes_per_second);
    bound_.store(bytes_per_second, std::memory_order_relaxed);
  }
  int64_t bound() const { return bound_.load(std::memory_order_relaxed); }

  // How often the list was replaced: who went by it looks again when this has moved.
  uint64_t changes() const { return changes_.load(std::memory_order_relaxed); }
  // Beyond the bound, for whoever is listed; false while nobody is.
  bool IsExceeded(TimePoint now) const {
    if (!lists_some()) return false;
    const std::lock_guard lock(mutex_);
    return throttle_.quota().IsExceeded(now);
  }
  bool Lists(const TopicPartition& partition) const {
    if (!lists_some()) return false;
    const std::lock_guard lock(mutex_);
    return throttle_.replicas().Contains(partition);
  }
  // As FollowerThrottle's.
  bool LeavesOut(const TopicPartition& partition, std::optional<int64_t> lag, TimePoint now) const {
    if (!lists_some()) return false;
    const std::lock_guard lock(mutex_);
    return throttle_.LeavesOut(partition, lag, now);
  }
  void OnAppend(const TopicPartition& partition, uint64_t bytes, TimePoint now) {
    if (!lists_some()) return;
    const std::lock_guard lock(mutex_);
    throttle_.OnAppend(partition, bytes, now);
  }
  double byte_rate(TimePoint now) const {  // Kafka's metric FollowerReplication byte-rate
    const std::lock_guard lock(mutex_);
    return throttle_.quota().byte_rate(now);
  }

 private:
  bool lists_some() const { return lists_some_.load(std::memory_order_relaxed); }

  std::atomic<bool> lists_some_{false};
  std::atomic<uint64_t> changes_{0};
  std::atomic<int64_t> bound_{kUnlimitedRate};
  mutable std::mutex mutex_;
  FollowerThrottle throttle_;  // guarded by mutex_
};

}  // namespace slipstream
