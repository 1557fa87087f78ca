// FetchLane: what the owner of logs does from time to time.
#include <algorithm>

#include "fetcher/fetch_lane.h"
#include "log/check.h"

namespace slipstream {
namespace {

// So that many partitions do not hold up the fetching of any.
constexpr size_t kLogsPerRound = 32;

}  // namespace

FollowedPartition* FetchLane::TakeNext(std::vector<TopicPartition>& names) {
  FollowedPartition* const partition = Find(names.back());
  names.pop_back();
  return partition;
}

// In an order that does not hang on how a hash map was seeded.
std::vector<TopicPartition> FetchLane::SortedNames() const {
  std::vector<TopicPartition> names;
  names.reserve(partitions_.size());
  for (const auto& [name, partition] : partitions_) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

void FetchLane::MaintainSomeLogs() {
  SLIP_CHECK_EQ(appends_running_, 0u);
  const TimePoint now = config_.clock->Now();
  if (to_maintain_.empty()) {
    if (now < next_maintenance_) return;
    next_maintenance_ = now + config_.retention_check_interval;
    to_maintain_ = SortedNames();
  }
  for (size_t i = 0; i < kLogsPerRound && !to_maintain_.empty(); ++i) {
    FollowedPartition* const partition = TakeNext(to_maintain_);
    if (partition == nullptr) continue;
    partition->maintained_at = now;
    const absl::Status maintained = partition->log().Maintain(config_.clock->WallTime());
    if (!maintained.ok() && !partition->state.failed) MarkFailed(*partition, maintained);
    Publish(*partition);
    DeclareLogStart(*partition);
  }
}

FollowedPartition* FetchLane::BeingCompacted() {
  if (cleaner_.log() == nullptr) return nullptr;
  FollowedPartition* const partition = Find(cleaner_.log()->partition());
  return partition != nullptr && &partition->log() == cleaner_.log() ? partition : nullptr;
}

// One log of the thread at a time, on a thread beside this one; here only what is ready is taken over.
void FetchLane::CompactSomeLogs() {
  SLIP_CHECK_EQ(appends_running_, 0u);
  if (cleaner_.log() != nullptr) {
    FollowedPartition* const partition = BeingCompacted();
    if (partition == nullptr) return;  // another lane's, whose turn it is
    const absl::Status polled = cleaner_.Poll();
    // The partition is followed on: it only grows from now on, or its disk will say itself that it fails.
    if (!polled.ok()) events_.OnNotice(std::string(polled.message()));
    if (cleaner_.log() != nullptr) return;
    Publish(*partition);
    // However many logs of this lane wait, those of the others have their turn.
    if (neighbours_ != nullptr && neighbours_->OfferCleaner(kind_)) return;
  }
  StartCompaction();
}

bool FetchLane::TakeCleaner() {
  if (!between_rounds_ || stopping_ || failure_) return false;
  StartCompaction();
  return cleaner_.log() != nullptr;
}

void FetchLane::StartCompaction() {
  const TimePoint now = config_.clock->Now();
  if (to_compact_.empty()) {
    if (now < next_compaction_) return;
    next_compaction_ = now + config_.compaction.backoff;
    to_compact_ = SortedNames();
  }
  for (size_t i = 0; i < kLogsPerRound && !to_compact_.empty() && cleaner_.log() == nullptr; ++i) {
    FollowedPartition* const partition = TakeNext(to_compact_);
    if (partition == nullptr || partition->state.failed) continue;
    partition->compaction_looked_at = now;
    const absl::Status started = cleaner_.Start(partition->log(), config_.clock->WallTime());
    if (!started.ok()) events_.OnNotice(std::string(started.message()));  // followed on, as above
  }
}

}  // namespace slipstream
