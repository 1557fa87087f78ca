// FetchLane: partitions come and go between the lanes of a thread. One is fetched by one lane at a time (INV-22): it
// leaves the session when an answer is judged, before the next fetch, and the lane once its records are written.
#include <algorithm>

#include "fetcher/fetch_lane.h"
#include "log/check.h"

namespace slipstream {

void FetchLane::Hold(std::unique_ptr<FollowedPartition> partition) {
  if (kind_ == LaneKind::kTail) {
    partition->active_at = config_.clock->Now();
    partition->by_activity = by_activity_.insert(by_activity_.end(), partition.get());
  }
  partition->lane = kind_;
  partitions_[partition->name()] = std::move(partition);
}

std::unique_ptr<FollowedPartition> FetchLane::Release(FollowedPartition& partition) {
  if (kind_ == LaneKind::kTail) by_activity_.erase(partition.by_activity);
  const auto held = partitions_.find(partition.name());
  std::unique_ptr<FollowedPartition> released = std::move(held->second);
  partitions_.erase(held);
  return released;
}

void FetchLane::Adopt(std::unique_ptr<FollowedPartition> partition) {
  SLIP_CHECK(!Holds(partition->name()));
  FollowedPartition& adopted = *partition;
  Hold(std::move(partition));
  Declare(adopted);
  // What came due elsewhere is not put off by the move.
  const TimePoint now = config_.clock->Now();
  if (now - adopted.maintained_at >= config_.retention_check_interval) to_maintain_.push_back(adopted.name());
  if (now - adopted.compaction_looked_at >= config_.compaction.backoff) to_compact_.push_back(adopted.name());
  idle_.Interrupt();
}

void FetchLane::Place(FollowedPartition& partition, const LaneEvidence& seen) {
  if (!hand_over_) return;
  if (seen.answer_bytes > 0) NoteActivity(partition);
  partition.lane = LaneFor(kind_, seen);
  if (partition.lane == kind_) return;
  session_.Remove(partition.name());
  leaving_.push_back(&partition);
}

void FetchLane::NoteActivity(FollowedPartition& partition) {
  if (kind_ != LaneKind::kTail) return;
  partition.active_at = config_.clock->Now();
  by_activity_.splice(by_activity_.end(), by_activity_, partition.by_activity);
}

void FetchLane::LetQuietOnesLeave(TimePoint now) {
  if (!hand_over_) return;
  for (FollowedPartition* partition : by_activity_) {
    if (now - partition->active_at < kQuietAfter) break;
    if (partition->lane != kind_) continue;  // leaves already
    partition->lane = LaneKind::kIdle;
    session_.Remove(partition->name());
    leaving_.push_back(partition);
  }
}

void FetchLane::HandOverLeaving() {
  for (FollowedPartition* partition : std::exchange(leaving_, {})) {
    const bool delayed = partition->state.delayed_until.has_value();
    // Whatever keeps it out of the session is this lane's to end, and so is an fsync.
    if (partition->work == LeaderWork::kNone && !delayed && !Flushing(partition->log())) {
      hand_over_(Release(*partition));
      continue;
    }
    partition->lane = kind_;
    NoteActivity(*partition);
    if (partition->work == LeaderWork::kNone && !delayed) Declare(*partition);
  }
}

}  // namespace slipstream
