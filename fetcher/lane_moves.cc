#include "fetcher/lane_moves.h"

#include <utility>

namespace slipstream {

void LaneMoves::Hold(std::unique_ptr<FollowedPartition> partition) {
  if (lane_.kind == LaneKind::kTail) {
    partition->active_at = lane_.Now();
    partition->by_activity = by_activity_.insert(by_activity_.end(), partition.get());
  }
  partition->lane = lane_.kind;
  partitions_.Insert(std::move(partition));
}

std::unique_ptr<FollowedPartition> LaneMoves::Release(FollowedPartition& partition) {
  std::erase(leaving_, &partition);
  removals_.LetGoOf(partition.log());
  if (lane_.kind == LaneKind::kTail) by_activity_.erase(partition.by_activity);
  return partitions_.Extract(partition);
}

void LaneMoves::Place(FollowedPartition& partition, const LaneEvidence& seen) {
  if (lane_.neighbours == nullptr) return;
  if (seen.answer_bytes > 0) NoteActivity(partition);
  const LaneKind to = LaneFor(lane_.kind, seen);
  if (to != lane_.kind) Leave(partition, to);
}

void LaneMoves::Leave(FollowedPartition& partition, LaneKind to) {
  partition.lane = to;
  partitions_.Undeclare(partition);
  leaving_.push_back(&partition);
}

void LaneMoves::NoteActivity(FollowedPartition& partition) {
  if (lane_.kind != LaneKind::kTail) return;
  partition.active_at = lane_.Now();
  by_activity_.splice(by_activity_.end(), by_activity_, partition.by_activity);
}

bool LaneMoves::MayBecomeIdle(const FollowedPartition& partition) const {
  return partition.lane == lane_.kind && !partitions_.InTrouble(partition) &&
         partition.quota_place == QuotaPlace::kNone;
}

bool LaneMoves::CallQuietOnes() {
  const TimePoint quiet_since = lane_.Now() - kQuietAfter;
  for (const FollowedPartition* partition : by_activity_) {
    if (partition->active_at > quiet_since) break;
    quiet_called_ = quiet_called_ || MayBecomeIdle(*partition);
  }
  return quiet_called_;
}

// While the idle lane's long poll is under way they stay: nobody would ask for them until it comes back.
void LaneMoves::LetQuietOnesLeave(TimePoint now) {
  if (lane_.kind != LaneKind::kTail || lane_.neighbours == nullptr) return;
  if (!std::exchange(quiet_called_, false) && lane_.neighbours->IdleIsFetching()) return;
  for (FollowedPartition* partition : by_activity_) {
    if (now - partition->active_at < kQuietAfter) break;
    if (MayBecomeIdle(*partition)) Leave(*partition, LaneKind::kIdle);
  }
}

void LaneMoves::HandOverLeaving() {
  if (leaving_.empty()) return;
  for (FollowedPartition* partition : std::exchange(leaving_, {})) {
    if (partitions_.InTrouble(*partition)) {
      partition->lane = lane_.kind;  // this lane's to end: then it is asked for here again
    } else if (flushes_.Runs(partition->log())) {
      leaving_.push_back(partition);
    } else {
      lane_.neighbours->HandOver(Release(*partition));
    }
  }
}

void LaneMoves::CallForArrivals(TimePoint now) {
  if (lane_.kind == LaneKind::kIdle && lane_.neighbours != nullptr && lane_.neighbours->CallQuietOnes())
    arrivals_until_ = now + kArrivalsWithin;
}

}  // namespace slipstream
