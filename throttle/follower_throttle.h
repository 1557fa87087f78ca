// The follower's side of replication quotas: its list, its bound, and what it leaves out of a fetch. Belongs to one
// thread.
#pragma once

#include <cstdint>
#include <optional>

#include "log/topic_partition.h"
#include "throttle/replication_quota.h"
#include "throttle/throttled_replicas.h"

namespace slipstream {

class FollowerThrottle {
 public:
  using TimePoint = ReplicationQuota::TimePoint;

  FollowerThrottle(BrokerId self, QuotaWindows windows, TimePoint now) : replicas_(self), quota_(windows, now) {}

  ThrottledReplicas& replicas() { return replicas_; }  // follower.replication.throttled.replicas
  ReplicationQuota& quota() { return quota_; }         // follower.replication.throttled.rate

  // Whether the fetch that is being built goes without this partition (RQ-07). Asked anew for each fetch, so nothing
  // needs to be remembered of it. `lag` in offsets, nullopt while unknown. A replica that is in sync is always fetched:
  // else a throttle would push it out of the ISR.
  bool LeavesOut(const TopicPartition& partition, std::optional<int64_t> lag, TimePoint now) const {
    if (lag == 0) return false;
    return quota_.IsExceeded(now) && replicas_.Contains(partition);
  }
  // Counts what was written, also of a replica that is in sync (RQ-06).
  void OnAppend(const TopicPartition& partition, uint64_t bytes, TimePoint now) {
    if (replicas_.Contains(partition)) quota_.Record(bytes, now);
  }

 private:
  ThrottledReplicas replicas_;
  ReplicationQuota quota_;
};

}  // namespace slipstream
