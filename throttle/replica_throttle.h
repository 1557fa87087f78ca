// What both sides of replication quotas consist of: whose replicas are throttled, and the bound that these share.
// Belongs to one thread.
#pragma once

#include <cstdint>

#include "log/topic_partition.h"
#include "throttle/replication_quota.h"
#include "throttle/throttled_replicas.h"

namespace slipstream {

class ReplicaThrottle {
 public:
  using TimePoint = ReplicationQuota::TimePoint;

  ReplicaThrottle(BrokerId self, QuotaWindows windows, TimePoint now) : replicas_(self), quota_(windows, now) {}

  ThrottledReplicas& replicas() { return replicas_; }  // SIDE.replication.throttled.replicas
  const ThrottledReplicas& replicas() const { return replicas_; }
  ReplicationQuota& quota() { return quota_; }  // SIDE.replication.throttled.rate
  const ReplicationQuota& quota() const { return quota_; }

 protected:
  // Without a bound that is one comparison and no look-up.
  bool IsHeldBack(const TopicPartition& partition, TimePoint now) const {
    return quota_.IsExceeded(now) && replicas_.Contains(partition);
  }
  void Count(const TopicPartition& partition, uint64_t bytes, TimePoint now) {
    if (replicas_.Contains(partition)) quota_.Record(bytes, now);
  }

 private:
  ThrottledReplicas replicas_;
  ReplicationQuota quota_;
};

}  // namespace slipstream
