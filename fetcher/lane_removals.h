// Deleted segments' files leave the disk beside the rounds, one file after the other: to free a large one may take the
// disk seconds, which nobody waits for.
#pragma once

#include <utility>
#include <vector>

#include "fetcher/lane_partitions.h"
#include "fetcher/lane_run.h"
#include "log/deleted_files.h"

namespace slipstream {

class LaneRemovals {
 public:
  // All outlive this.
  LaneRemovals(const LaneContext& lane, LanePartitions& partitions, LaneRun& run)
      : lane_(lane), partitions_(partitions), run_(run) {}

  void Start(const FollowedPartition& partition, DeletedFiles files);
  bool Runs() const { return running_; }
  // What is not begun goes back to the logs that are here still, or else the next start removes it.
  void Stop();

 private:
  struct Removal {
    TopicPartition partition;
    DeletedFiles files;
  };
  asio::awaitable<void> RunAll();
  void GiveBack(const Removal& removal);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  LaneRun& run_;
  std::vector<Removal> waiting_;
  bool running_ = false;
};

}  // namespace slipstream
