#include "fetcher/lane_quota.h"

#include <utility>
#include <vector>

namespace slipstream {
namespace {

// So many come back before a fetch: any of them may use up the bound, and each that comes and goes is named in a
// request both times.
constexpr size_t kBackAtOnce = 64;

}  // namespace

void LaneQuota::CountAccepted(FollowedPartition& partition, uint64_t bytes) {
  if (!partitions_.IsListed(partition)) return;
  lane_.config.follower_throttle->OnAppend(partition.name(), bytes, lane_.Now());
  partitions_.quota_hold().NoteServed(partition);
}

void LaneQuota::Apply() {
  const SharedFollowerThrottle* const throttle = lane_.config.follower_throttle;
  if (throttle == nullptr || lane_.kind == LaneKind::kIdle) return;
  const uint64_t changes = throttle->changes();
  if (std::exchange(changes_seen_, changes) != changes) GoByNewList();
  const QuotaHold& hold = partitions_.quota_hold();
  if (!hold.watched().empty() || LeavesOut()) {
    const LanePartitions::TimePoint now = lane_.Now();
    if (throttle->IsExceeded(now)) {
      LeaveOutThrottled(now);
    } else {
      BringBackSome();
    }
  }
  lane_.lane_counters.left_out.store(hold.left_out().size(), std::memory_order_relaxed);
}

void LaneQuota::GoByNewList() {
  for (const auto& [name, partition] : partitions_.by_name())
    if (partitions_.session().Wants(name)) partitions_.WatchForQuota(*partition);
  const QuotaHold::Partitions& held = partitions_.quota_hold().left_out();
  const std::vector<FollowedPartition*> left_out(held.begin(), held.end());
  for (FollowedPartition* partition : left_out)
    if (!partitions_.IsListed(*partition)) BringBack(*partition);
}

void LaneQuota::LeaveOutThrottled(LanePartitions::TimePoint now) {
  const QuotaHold::Partitions& watched = partitions_.quota_hold().watched();
  for (auto next = watched.begin(); next != watched.end();) {
    FollowedPartition& partition = **next++;
    if (!lane_.config.follower_throttle->LeavesOut(partition.name(), partition.lag, now)) continue;
    partitions_.session().Remove(partition.name());
    partitions_.quota_hold().LeaveOut(partition);
  }
}

void LaneQuota::BringBackSome() {
  for (size_t back = 0; back < kBackAtOnce && LeavesOut(); ++back)
    BringBack(**partitions_.quota_hold().left_out().begin());
}

void LaneQuota::BringBack(FollowedPartition& partition) {
  partitions_.quota_hold().Forget(partition);
  partitions_.Declare(partition);
}

bool LaneQuota::OnlyLeftOut() const {
  const FetchSession& session = partitions_.session();
  return session.WantsNone() && LeavesOut() && session.forgotten() <= kBackAtOnce;
}

}  // namespace slipstream
