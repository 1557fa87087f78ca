// FetchLane: fsyncs that no record waits for, such as that of a segment closed at the tail. A slow disk may take
// seconds for one: meanwhile all partitions are fetched and written on, this one too.
#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "fetcher/fetch_lane.h"

namespace slipstream {

bool FetchLane::Flushing(const PartitionLog& log) const {
  return std::ranges::find(flushing_, &log) != flushing_.end();
}

void FetchLane::StartFlush(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  if (Flushing(log)) return;  // what it leaves is due again with the next append
  flushing_.push_back(&log);
  asio::co_spawn(io_, log.Flush(queue_),
                 [this, name = partition.name(), &log](std::exception_ptr thrown, const absl::Status& flushed) {
                   if (thrown) EndWith(std::move(thrown));
                   std::erase(flushing_, &log);
                   OnFlushed(name, &log, flushed);
                   progress_.NotifyAll();
                 });
}

void FetchLane::OnFlushed(const TopicPartition& name, const PartitionLog* log, const absl::Status& flushed) {
  FollowedPartition* const partition = Find(name);
  if (partition != nullptr && &partition->log() == log) {
    if (!flushed.ok() && !partition->state.failed) MarkFailed(*partition, flushed);
    Publish(*partition);
  }
  if (between_rounds_) HandOverLeaving();  // one that waited for this
  std::erase_if(removals_under_way_, [log](Removal& removal) {
    std::erase(removal.flushing, log);
    if (!removal.flushing.empty()) return false;
    removal.removed();
    return true;
  });
}

}  // namespace slipstream
