// FetchLane: replication quotas (RQ-06, RQ-07). While the throttled replicas of this broker get more than their bound,
// those of them that are not in sync are out of the session.
#include <algorithm>

#include "fetcher/fetch_lane.h"

namespace slipstream {
namespace {

// So many come back before a fetch: any of them may use up the bound, and each that comes and goes is named in a
// request both times.
constexpr size_t kBackAtOnce = 64;
// An answer holds a second's worth of the bound of one partition, and no less than this.
constexpr int64_t kPartitionBytesMin = 64 << 10;

}  // namespace

bool FetchLane::IsListed(const FollowedPartition& partition) const {
  return config_.follower_throttle != nullptr && config_.follower_throttle->Lists(partition.name());
}

// When it was accepted and not when it was written, so that the fetch that leaves in between knows.
void FetchLane::CountForQuota(FollowedPartition& partition, uint64_t bytes) {
  if (!IsListed(partition)) return;
  config_.follower_throttle->OnAppend(partition.name(), bytes, config_.clock->Now());
  quota_hold_.NoteServed(partition);
}

int32_t FetchLane::PartitionBytesMax(const FollowedPartition& partition) const {
  const int32_t bytes = std::min(limits_.partition_max_bytes, answer_size_.bytes());
  if (!IsListed(partition)) return bytes;
  return static_cast<int32_t>(
      std::min<int64_t>(bytes, std::max(config_.follower_throttle->bound(), kPartitionBytesMin)));
}

// REQUIRES: it is in the session. Of one that no answer has told of yet, Kafka's follower asks nothing beyond the
// bound; here the first answer is what tells, and is over many. The idle lane's are not watched: one that is behind
// leaves it with the answer that shows that.
void FetchLane::WatchForQuota(FollowedPartition& partition) {
  if (kind_ != LaneKind::kIdle && partition.lag.value_or(0) > 0 && IsListed(partition)) {
    quota_hold_.Watch(partition);
  } else {
    quota_hold_.Forget(partition);
  }
}

// Before each fetch.
void FetchLane::ApplyQuota() {
  const SharedFollowerThrottle* const throttle = config_.follower_throttle;
  if (throttle == nullptr || kind_ == LaneKind::kIdle) return;
  const uint64_t changes = throttle->changes();
  if (std::exchange(quota_changes_seen_, changes) != changes) GoByNewList();
  if (!quota_hold_.watched().empty() || !quota_hold_.left_out().empty()) {
    const TimePoint now = config_.clock->Now();
    if (throttle->IsExceeded(now)) {
      LeaveOutThrottled(now);
    } else {
      BringBackSome();
    }
  }
  lane_counters_.left_out.store(quota_hold_.left_out().size(), std::memory_order_relaxed);
}

void FetchLane::GoByNewList() {
  for (const auto& [name, partition] : partitions_)
    if (session_.Wants(name)) WatchForQuota(*partition);
  const std::vector<FollowedPartition*> left_out(quota_hold_.left_out().begin(), quota_hold_.left_out().end());
  for (FollowedPartition* partition : left_out)
    if (!IsListed(*partition)) BringBack(*partition);
}

void FetchLane::LeaveOutThrottled(TimePoint now) {
  const QuotaHold::Partitions& watched = quota_hold_.watched();
  for (auto next = watched.begin(); next != watched.end();) {
    FollowedPartition& partition = **next++;
    if (!config_.follower_throttle->LeavesOut(partition.name(), partition.lag, now)) continue;
    session_.Remove(partition.name());
    quota_hold_.LeaveOut(partition);
  }
}

void FetchLane::BringBackSome() {
  for (size_t back = 0; back < kBackAtOnce && !quota_hold_.left_out().empty(); ++back)
    BringBack(**quota_hold_.left_out().begin());
}

void FetchLane::BringBack(FollowedPartition& partition) {
  quota_hold_.Forget(partition);
  Declare(partition);
}

// Nothing to ask for but what is left out: a fetch would be a long poll over nothing. What the leader is to forget is
// told with the next one, when most of it may be wanted again; unless it is much, which a fetch then tells of at once.
bool FetchLane::OnlyLeftOut() const {
  return session_.WantsNone() && !quota_hold_.left_out().empty() && session_.forgotten() <= kBackAtOnce;
}

}  // namespace slipstream
