// What the owner of logs does from time to time: retention and the like, and compaction. Between the rounds of a lane,
// while no append runs.
#pragma once

#include <vector>

#include "fetcher/lane_partitions.h"
#include "fetcher/lane_removals.h"
#include "fetcher/lane_run.h"

namespace slipstream {

class LaneUpkeep {
 public:
  using TimePoint = LanePartitions::TimePoint;

  // All outlive this.
  LaneUpkeep(const LaneContext& lane, LanePartitions& partitions, LaneRemovals& removals, const LaneRun& run)
      : lane_(lane), partitions_(partitions), removals_(removals), run_(run) {}

  bool MaintenanceDue() const { return !to_maintain_.empty() || lane_.Now() >= next_maintenance_; }
  // So many that the lane's records do not wait for long, or an idle lane's next poll; the thread's other lanes have
  // their turns meanwhile. REQUIRES: MaintenanceDue().
  asio::awaitable<void> MaintainSomeLogs();
  // One log of the thread at a time, on a thread beside this one; here only what is ready is taken over.
  void CompactSomeLogs();
  // The cleaner is free and this lane's turn. True: there is something for it to do, and it has begun.
  bool TakeCleaner();
  // Another lane's until now: what came due there is not put off by the move.
  void OnAdopted(const FollowedPartition& partition);
  void LetGoOf(const FollowedPartition& partition);  // nobody works on its log any more
  void Stop();

 private:
  void StartCompaction();
  void Maintain(FollowedPartition& partition);
  FollowedPartition* BeingCompacted();                              // nullptr: none of ours
  FollowedPartition* TakeNext(std::vector<TopicPartition>& names);  // nullptr: it is gone

  const LaneContext& lane_;
  LanePartitions& partitions_;
  LaneRemovals& removals_;
  const LaneRun& run_;
  std::vector<TopicPartition> to_maintain_, to_compact_;  // of the round that is due
  TimePoint next_maintenance_ = TimePoint::min(), next_compaction_ = TimePoint::min();
};

}  // namespace slipstream
