#include "fetcher/lane_partitions.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "session/backoff.h"

namespace slipstream {
namespace {

// An answer holds a second's worth of the bound of one partition that has a quota, and no less than this.
constexpr int64_t kThrottledBytesMin = 64 << 10;

}  // namespace

void LanePartitions::Insert(std::unique_ptr<FollowedPartition> partition) {
  by_name_[partition->name()] = std::move(partition);
  lane_.lane_counters.partitions.store(by_name_.size(), std::memory_order_relaxed);
}

std::unique_ptr<FollowedPartition> LanePartitions::Extract(FollowedPartition& partition) {
  SLIP_CHECK(!session_.Wants(partition.name()) && partition.quota_place == QuotaPlace::kNone);
  partition.served = 0;  // another lane counts anew
  work_.Drop(partition);
  std::erase(delayed_, &partition);
  const auto held = by_name_.find(partition.name());
  std::unique_ptr<FollowedPartition> extracted = std::move(held->second);
  by_name_.erase(held);
  lane_.lane_counters.partitions.store(by_name_.size(), std::memory_order_relaxed);
  return extracted;
}

FollowedPartition* LanePartitions::Find(const TopicPartition& partition) {
  const auto found = by_name_.find(partition);
  return found == by_name_.end() ? nullptr : found->second.get();
}

std::vector<TopicPartition> LanePartitions::SortedNames() const {
  std::vector<TopicPartition> names;
  names.reserve(by_name_.size());
  for (const auto& [name, partition] : by_name_) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

void LanePartitions::Declare(FollowedPartition& partition) {
  if (partition.lane != lane_.kind) return;  // about to leave: whoever takes it asks for it
  const bool tells_log_start = lane_.config.replica_id >= BrokerId{0};
  FetchPartitionData data;
  data.topic_id = partition.initial.topic_id;
  data.fetch_offset = partition.state.fetch_offset;
  data.log_start_offset = tells_log_start ? partition.log().log_start_offset() : Offset{-1};
  data.partition_max_bytes = BytesMax(partition);
  data.current_leader_epoch = partition.state.current_leader_epoch;
  data.last_fetched_epoch = partition.state.last_fetched_epoch.value_or(LeaderEpoch{});
  session_.Set(partition.name(), data);
  WatchForQuota(partition);
}

void LanePartitions::DeclareLogStart(FollowedPartition& partition) {
  if (lane_.config.replica_id >= BrokerId{0} && session_.Wants(partition.name())) Declare(partition);
}

void LanePartitions::Undeclare(FollowedPartition& partition) {
  session_.Remove(partition.name());
  quota_hold_.Forget(partition);
}

void LanePartitions::BecomeFetching(FollowedPartition& partition) {
  partition.work = LeaderWork::kNone;
  partition.state.BecomeFetching(partition.log().log_end_offset(), partition.log().latest_epoch());
  partition.lag.reset();
  partition.initial.progress->health.store(PartitionHealth::kFetching);
  Declare(partition);
}

void LanePartitions::ForgetLeader(FollowedPartition& partition) {
  session_.StartOver();
  partition.initial.progress->ForgetLeader();
}

bool LanePartitions::InTrouble(const FollowedPartition& partition) const {
  return partition.work != LeaderWork::kNone || partition.state.delayed_until.has_value();
}

void LanePartitions::RequireLeaderWork(FollowedPartition& partition, LeaderWork work) {
  Undeclare(partition);
  partition.work = work;
  work_.Enqueue(partition);
}

void LanePartitions::Delay(FollowedPartition& partition, std::chrono::milliseconds wait) {
  Undeclare(partition);
  // Its work is taken up again once its time has come, and not before.
  work_.Drop(partition);
  partition.state.Delay(lane_.Now(), wait);
  partition.initial.progress->health.store(partition.state.failed ? PartitionHealth::kFailed
                                                                  : PartitionHealth::kDelayed);
  if (std::ranges::find(delayed_, &partition) == delayed_.end()) delayed_.push_back(&partition);
}

void LanePartitions::BackOff(FollowedPartition& partition, int times) {
  Delay(partition,
        BackoffAfter(times, lane_.config.replica_fetch_backoff, lane_.config.failed_partition_backoff_max, kNoJitter));
}

void LanePartitions::MarkFailed(FollowedPartition& partition, const absl::Status& why) {
  partition.state.failed = true;
  lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  BackOff(partition);
  lane_.events.OnPartitionFailed(partition.name(), why, !partition.log().failure().ok());
}

void LanePartitions::TellIfLasting(const FollowedPartition& partition, absl::string_view asked, KafkaError error) {
  if (IsRetriable(error)) return;
  const std::string what = absl::StrCat(asked, ": ", KafkaErrorName(error));
  lane_.events.OnPartitionFailed(partition.name(), absl::FailedPreconditionError(what), /*for_good=*/false);
}

void LanePartitions::DropAnswer(FollowedPartition& partition, const absl::Status& why) {
  lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  lane_.events.OnNotice(absl::StrCat(partition.name().ToString(), ": answer of ", lane_.leader.endpoint().ToString(),
                                     " dropped: ", why.message()));
  Delay(partition);
}

LanePartitions::TimePoint LanePartitions::WakeDelayed(TimePoint now) {
  TimePoint due = TimePoint::max();
  std::erase_if(delayed_, [&](FollowedPartition* partition) {
    if (partition->state.Delayed(now)) {
      due = std::min(due, *partition->state.delayed_until);
      return false;
    }
    partition->state.delayed_until.reset();
    partition->initial.progress->health.store(PartitionHealth::kFetching);
    if (partition->work != LeaderWork::kNone) {
      work_.Enqueue(*partition);
      due = now;
    } else {
      Declare(*partition);
    }
    return true;
  });
  return due;
}

bool LanePartitions::IsListed(const FollowedPartition& partition) const {
  return lane_.config.follower_throttle != nullptr && lane_.config.follower_throttle->Lists(partition.name());
}

int32_t LanePartitions::BytesMax(const FollowedPartition& partition) const {
  const int32_t bytes = std::min(lane_.limits.partition_max_bytes, answer_size_.bytes());
  if (!IsListed(partition)) return bytes;
  return static_cast<int32_t>(
      std::min<int64_t>(bytes, std::max(lane_.config.follower_throttle->bound(), kThrottledBytesMin)));
}

// Of one that no answer has told of yet, Kafka's follower asks nothing beyond the bound; here the first answer is what
// tells, and is over many. The idle lane's are not watched: one that is behind leaves it with the answer that shows
// that.
void LanePartitions::WatchForQuota(FollowedPartition& partition) {
  if (lane_.kind != LaneKind::kIdle && partition.lag.value_or(0) > 0 && IsListed(partition)) {
    quota_hold_.Watch(partition);
  } else {
    quota_hold_.Forget(partition);
  }
}

}  // namespace slipstream
