// FetchLane: replication quotas (RQ-06, RQ-07). While the throttled replicas of this broker get more than their bound,
// those of them that are not in sync are out of the session.
#include <algorithm>
#include <utility>

#include "fetcher/fetch_lane.h"

namespace slipstream {
namespace {

// So many come back before a fetch: any of them may use up the bound, and each that comes and goes is named in a
// request both times.
constexpr size_t kBackAtOnce = 64;

}  // namespace

// When it was accepted and not when it was written, so that the fetch that leaves in between knows.
void FetchLane::CountForQuota(const FollowedPartition& partition, uint64_t bytes) {
  if (config_.follower_throttle != nullptr)
    config_.follower_throttle->OnAppend(partition.name(), bytes, config_.clock->Now());
}

// The idle lane's are not asked about: one that is behind leaves it with the answer that shows that.
bool FetchLane::IsLeftOut(const FollowedPartition& partition) const {
  return config_.follower_throttle != nullptr && kind_ != LaneKind::kIdle &&
         config_.follower_throttle->LeavesOut(partition.name(), partition.lag, config_.clock->Now());
}

void FetchLane::LeaveOut(FollowedPartition& partition) {
  session_.Remove(partition.name());
  if (!std::exchange(partition.left_out, true)) left_out_.push_back(&partition);
}

// Before each fetch. All partitions are gone over only when the bound is passed or the list changes; in between each is
// looked at as it is declared.
void FetchLane::HoldBackThrottled() {
  if (config_.follower_throttle == nullptr || kind_ == LaneKind::kIdle) return;
  const bool exceeded_before =
      std::exchange(quota_exceeded_, config_.follower_throttle->IsExceeded(config_.clock->Now()));
  const uint64_t changes = config_.follower_throttle->changes();
  const bool changed = std::exchange(quota_changes_seen_, changes) != changes;
  if (quota_exceeded_ && (!exceeded_before || changed)) {
    for (const auto& [name, partition] : partitions_)
      if (session_.Wants(name) && IsLeftOut(*partition)) LeaveOut(*partition);
  }
  // Beyond the bound only those come back that are listed no more.
  const size_t to_try = quota_exceeded_ ? (changed ? left_out_.size() : 0) : std::min(left_out_.size(), kBackAtOnce);
  for (size_t i = 0; i < to_try; ++i) {
    FollowedPartition& partition = *left_out_.front();
    left_out_.pop_front();
    partition.left_out = false;
    if (!InTrouble(partition)) Declare(partition);  // or it is declared once that is over
  }
}

}  // namespace slipstream
