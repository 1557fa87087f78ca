// Fsyncs that no record waits for, such as that of a segment closed at the tail: beside the rounds, which do not wait
// for them either. A slow disk may take seconds for one: meanwhile all partitions are fetched and written on, this one
// too.
#pragma once

#include <functional>
#include <vector>

#include "fetcher/lane_partitions.h"
#include "fetcher/lane_run.h"

namespace slipstream {

class LaneFlushes {
 public:
  // `ended` is told of each, once nothing of it runs any more. All outlive this.
  LaneFlushes(const LaneContext& lane, LanePartitions& partitions, LaneRun& run,
              std::function<void(const PartitionLog*)> ended)
      : lane_(lane), partitions_(partitions), run_(run), ended_(std::move(ended)) {}

  // One of each log: what that leaves is due again with the next append.
  void Start(FollowedPartition& partition);
  bool Runs(const PartitionLog& log) const;
  bool RunsAny() const { return !running_.empty(); }

 private:
  void OnFlushed(const TopicPartition& name, const PartitionLog* log, const absl::Status& flushed);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  LaneRun& run_;
  const std::function<void(const PartitionLog*)> ended_;
  std::vector<const PartitionLog*> running_;  // one fsync of each
};

}  // namespace slipstream
