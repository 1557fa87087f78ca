// The follower's side of replication quotas: its list, its bound, and what it leaves out of a fetch. Belongs to one
// thread.
#pragma once

#include <cstdint>
#include <optional>

#include "log/topic_partition.h"
#include "throttle/replica_throttle.h"

namespace slipstream {

class FollowerThrottle : public ReplicaThrottle {
 public:
  using ReplicaThrottle::ReplicaThrottle;

  // Whether the fetch that is being built goes without this partition (RQ-07). Asked anew for each fetch: nothing is
  // remembered of it here. `lag` in offsets, nullopt while unknown. A replica that is in sync is always fetched:
  // else a throttle would push it out of the ISR.
  bool LeavesOut(const TopicPartition& partition, std::optional<int64_t> lag, TimePoint now) const {
    return lag != 0 && IsHeldBack(partition, now);
  }
  // Counts what was written, also of a replica that is in sync (RQ-06).
  void OnAppend(const TopicPartition& partition, uint64_t bytes, TimePoint now) { Count(partition, bytes, now); }
};

}  // namespace slipstream
