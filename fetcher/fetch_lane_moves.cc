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
  lane_counters_.partitions.store(partitions_.size(), std::memory_order_relaxed);
}

// Nothing of the lane points at it any more. REQUIRES: it is out of the session.
std::unique_ptr<FollowedPartition> FetchLane::Release(FollowedPartition& partition) {
  SLIP_CHECK(!session_.Wants(partition.name()) && partition.quota_place == QuotaPlace::kNone);
  partition.served = 0;  // another lane counts anew
  DropLeaderWork(partition);
  for (auto* list : {&delayed_, &leaving_}) std::erase(*list, &partition);
  if (kind_ == LaneKind::kTail) by_activity_.erase(partition.by_activity);
  const auto held = partitions_.find(partition.name());
  std::unique_ptr<FollowedPartition> released = std::move(held->second);
  partitions_.erase(held);
  lane_counters_.partitions.store(partitions_.size(), std::memory_order_relaxed);
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
  // A pause after a failure is slept to its end.
  if (without_work_ || AwaitsArrivals()) idle_.Interrupt();
  arrivals_until_ = {};
}

bool FetchLane::InTrouble(const FollowedPartition& partition) const {
  return partition.work != LeaderWork::kNone || partition.state.delayed_until.has_value();
}

void FetchLane::Place(FollowedPartition& partition, const LaneEvidence& seen) {
  if (neighbours_ == nullptr) return;
  if (seen.answer_bytes > 0) NoteActivity(partition);
  const LaneKind to = LaneFor(kind_, seen);
  if (to != kind_) Leave(partition, to);
}

void FetchLane::Leave(FollowedPartition& partition, LaneKind to) {
  partition.lane = to;
  Undeclare(partition);
  leaving_.push_back(&partition);
}

void FetchLane::NoteActivity(FollowedPartition& partition) {
  if (kind_ != LaneKind::kTail) return;
  partition.active_at = config_.clock->Now();
  by_activity_.splice(by_activity_.end(), by_activity_, partition.by_activity);
}

bool FetchLane::MayBecomeIdle(const FollowedPartition& partition) const {
  return partition.lane == kind_ && !InTrouble(partition) && partition.quota_place == QuotaPlace::kNone;
}

bool FetchLane::CallQuietOnes() {
  const TimePoint quiet_since = config_.clock->Now() - kQuietAfter;
  for (const FollowedPartition* partition : by_activity_) {
    if (partition->active_at > quiet_since) break;
    quiet_called_ = quiet_called_ || MayBecomeIdle(*partition);
  }
  return quiet_called_;
}

// While the idle lane's long poll is under way they stay: nobody would ask for them until it comes back.
void FetchLane::LetQuietOnesLeave(TimePoint now) {
  if (kind_ != LaneKind::kTail || neighbours_ == nullptr) return;
  if (!std::exchange(quiet_called_, false) && neighbours_->IdleIsFetching()) return;
  for (FollowedPartition* partition : by_activity_) {
    if (now - partition->active_at < kQuietAfter) break;
    if (MayBecomeIdle(*partition)) Leave(*partition, LaneKind::kIdle);
  }
}

void FetchLane::HandOverLeaving() {
  if (leaving_.empty()) return;
  for (FollowedPartition* partition : std::exchange(leaving_, {})) {
    if (InTrouble(*partition)) {
      partition->lane = kind_;  // this lane's to end: then it is asked for here again
    } else if (Flushing(partition->log())) {
      leaving_.push_back(partition);
    } else {
      neighbours_->HandOver(Release(*partition));
    }
  }
}

}  // namespace slipstream
