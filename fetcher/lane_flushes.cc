#include "fetcher/lane_flushes.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace slipstream {

bool LaneFlushes::Runs(const PartitionLog& log) const { return std::ranges::find(running_, &log) != running_.end(); }

void LaneFlushes::Start(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  if (Runs(log)) return;
  running_.push_back(&log);
  asio::co_spawn(lane_.io, log.Flush(lane_.queue),
                 [this, name = partition.name(), &log](std::exception_ptr thrown, const absl::Status& flushed) {
                   if (thrown) run_.Fail(std::move(thrown));
                   std::erase(running_, &log);
                   OnFlushed(name, &log, flushed);
                   run_.progress.NotifyAll();
                 });
}

void LaneFlushes::OnFlushed(const TopicPartition& name, const PartitionLog* log, const absl::Status& flushed) {
  FollowedPartition* const partition = partitions_.Find(name);
  if (partition != nullptr && &partition->log() == log) {
    if (!flushed.ok() && !partition->state.failed) partitions_.MarkFailed(*partition, flushed);
    partitions_.Publish(*partition);
  }
  ended_(log);
}

}  // namespace slipstream
