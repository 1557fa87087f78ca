#include "fetcher/lane_upkeep.h"

#include <boost/asio/post.hpp>

namespace slipstream {
namespace {

constexpr size_t kLogsPerRound = 32;  // to begin compaction of
// So that many partitions do not hold up the fetching of any, nor few that have much to delete.
constexpr std::chrono::milliseconds kMaintenancePerTurn{2};
// A round of an idle lane takes half a second, and there may be very many logs in it, which nothing comes for.
constexpr std::chrono::milliseconds kMaintenancePerIdleRound{100};

}  // namespace

FollowedPartition* LaneUpkeep::TakeNext(std::vector<TopicPartition>& names) {
  FollowedPartition* const partition = partitions_.Find(names.back());
  names.pop_back();
  return partition;
}

asio::awaitable<void> LaneUpkeep::MaintainSomeLogs() {
  const TimePoint began = lane_.Now();
  if (to_maintain_.empty()) {
    next_maintenance_ = began + lane_.config.retention_check_interval;
    to_maintain_ = partitions_.SortedNames();
  }
  const auto at_most = lane_.kind == LaneKind::kIdle ? kMaintenancePerIdleRound : kMaintenancePerTurn;
  TimePoint turn_began = began;
  while (!to_maintain_.empty() && !run_.over()) {
    if (FollowedPartition* const partition = TakeNext(to_maintain_)) Maintain(*partition);
    const TimePoint now = lane_.Now();
    if (now - began > at_most) break;
    if (now - turn_began <= kMaintenancePerTurn) continue;
    co_await asio::post(lane_.io, asio::use_awaitable);
    turn_began = lane_.Now();
  }
}

void LaneUpkeep::Maintain(FollowedPartition& partition) {
  partition.maintained_at = lane_.Now();
  PartitionLog& log = partition.log();
  const Timestamp time = lane_.config.clock->WallTime();
  const absl::Status maintained = log.Maintain(time);
  if (!maintained.ok() && !partition.state.failed) partitions_.MarkFailed(partition, maintained);
  removals_.Start(log, log.TakeDeletedFiles(time));
  partitions_.Publish(partition);
  partitions_.DeclareLogStart(partition);
}

FollowedPartition* LaneUpkeep::BeingCompacted() {
  const PartitionLog* const log = lane_.cleaner.log();
  if (log == nullptr) return nullptr;
  FollowedPartition* const partition = partitions_.Find(log->partition());
  return partition != nullptr && &partition->log() == log ? partition : nullptr;
}

void LaneUpkeep::CompactSomeLogs() {
  LogCleaner& cleaner = lane_.cleaner;
  if (cleaner.log() != nullptr) {
    FollowedPartition* const partition = BeingCompacted();
    if (partition == nullptr) return;  // another lane's, whose turn it is
    // A swap that finds the disk full gives old files their names back: none of them may be on its way off the disk.
    if (removals_.Holds(partition->log())) return;
    const absl::Status polled = cleaner.Poll();
    // The partition is followed on: it only grows from now on, or its disk will say itself that it fails.
    if (!polled.ok()) lane_.events.OnNotice(std::string(polled.message()));
    if (cleaner.log() != nullptr) return;
    partitions_.Publish(*partition);
    // However many logs of this lane wait, those of the others have their turn.
    if (lane_.neighbours != nullptr && lane_.neighbours->OfferCleaner(lane_.kind)) return;
  }
  StartCompaction();
}

bool LaneUpkeep::TakeCleaner() {
  StartCompaction();
  return lane_.cleaner.log() != nullptr;
}

void LaneUpkeep::StartCompaction() {
  LogCleaner& cleaner = lane_.cleaner;
  const TimePoint now = lane_.Now();
  if (to_compact_.empty()) {
    if (now < next_compaction_) return;
    next_compaction_ = now + lane_.config.compaction.backoff;
    to_compact_ = partitions_.SortedNames();
  }
  for (size_t i = 0; i < kLogsPerRound && !to_compact_.empty() && cleaner.log() == nullptr; ++i) {
    FollowedPartition* const partition = TakeNext(to_compact_);
    if (partition == nullptr || partition->state.failed) continue;
    partition->compaction_looked_at = now;
    const absl::Status started = cleaner.Start(partition->log(), lane_.config.clock->WallTime());
    if (!started.ok()) lane_.events.OnNotice(std::string(started.message()));  // followed on, as above
  }
}

void LaneUpkeep::OnAdopted(const FollowedPartition& partition) {
  const TimePoint now = lane_.Now();
  if (now - partition.maintained_at >= lane_.config.retention_check_interval) to_maintain_.push_back(partition.name());
  if (now - partition.compaction_looked_at >= lane_.config.compaction.backoff) to_compact_.push_back(partition.name());
}

void LaneUpkeep::LetGoOf(const FollowedPartition& partition) {
  if (lane_.cleaner.log() == &partition.log()) lane_.cleaner.Stop();
}

void LaneUpkeep::Stop() {
  if (BeingCompacted() != nullptr) lane_.cleaner.Stop();
}

}  // namespace slipstream
