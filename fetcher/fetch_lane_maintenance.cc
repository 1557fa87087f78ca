// FetchLane: what the owner of logs does from time to time.
#include <algorithm>

#include "fetcher/fetch_lane.h"
#include "log/check.h"
#include "log/clock.h"

namespace slipstream {
namespace {

// So that many partitions do not hold up the fetching of any.
constexpr size_t kLogsPerRound = 32;

}  // namespace

void FetchLane::MaintainSomeLogs() {
  SLIP_CHECK_EQ(appends_running_, 0u);
  const TimePoint now = std::chrono::steady_clock::now();
  if (to_maintain_.empty()) {
    if (now < next_maintenance_) return;
    next_maintenance_ = now + config_.retention_check_interval;
    for (const auto& [name, partition] : partitions_) to_maintain_.push_back(name);
  }
  for (size_t i = 0; i < kLogsPerRound && !to_maintain_.empty(); ++i) {
    FollowedPartition* partition = Find(to_maintain_.back());
    to_maintain_.pop_back();
    if (partition == nullptr) continue;
    const absl::Status maintained = partition->log().Maintain(SystemClock().WallTime());
    if (!maintained.ok() && !partition->state.failed) MarkFailed(*partition, maintained);
    partition->initial.progress->Publish(partition->log());
  }
}

}  // namespace slipstream
