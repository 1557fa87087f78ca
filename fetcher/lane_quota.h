// Replication quotas of a lane (RQ-06, RQ-07). While the throttled replicas of this broker get more than their bound,
// those of them that are not in sync are out of the session.
#pragma once

#include "fetcher/lane_partitions.h"

namespace slipstream {

class LaneQuota {
 public:
  // Both outlive this.
  LaneQuota(const LaneContext& lane, LanePartitions& partitions) : lane_(lane), partitions_(partitions) {}

  // When it was accepted and not when it was written, so that the fetch that leaves in between knows.
  void CountAccepted(FollowedPartition& partition, uint64_t bytes);
  // Before each fetch.
  void Apply();
  bool LeavesOut() const { return !partitions_.quota_hold().left_out().empty(); }
  // Nothing to ask for but what is left out: a fetch would be a long poll over nothing. What the leader is to forget is
  // told with the next one, when most of it may be wanted again; unless it is much, which a fetch then tells of at
  // once.
  bool OnlyLeftOut() const;

 private:
  void GoByNewList();
  void LeaveOutThrottled(LanePartitions::TimePoint now);
  void BringBackSome();
  void BringBack(FollowedPartition& partition);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  uint64_t changes_seen_ = 0;  // of the list
};

}  // namespace slipstream
