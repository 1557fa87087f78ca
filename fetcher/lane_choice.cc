#include "fetcher/lane_choice.h"

#include <algorithm>

#include "log/check.h"

namespace slipstream {
namespace {

// More of one partition than that is bulk, but for a batch that is larger itself.
constexpr int32_t kTailPartitionBytes = 1 << 20;
// Small enough for the processor's cache to hold what is received, checked and written, large enough that a write costs
// little per byte: bench by scripts/compare-follow.
constexpr int32_t kAnswerBytes = 4 << 20;
// A partition that has just woken joins the tail's next request: the one under way may not keep it waiting for long.
constexpr std::chrono::milliseconds kTailWaitMax{20};

}  // namespace

const char* LaneName(LaneKind kind) {
  switch (kind) {
    case LaneKind::kIdle: return "idle";
    case LaneKind::kTail: return "tail";
    case LaneKind::kBulk: return "bulk";
  }
  SLIP_CHECK(false);
  return "";
}

LaneLimits LimitsOf(LaneKind kind, const FetcherConfig& config) {
  LaneLimits limits{config.replica_fetch_max_bytes, std::min(config.replica_fetch_response_max_bytes, kAnswerBytes),
                    config.replica_fetch_response_max_bytes, config.replica_fetch_wait_max};
  if (kind == LaneKind::kBulk) return limits;
  limits.partition_max_bytes = std::min(limits.partition_max_bytes, kTailPartitionBytes);
  limits.response_max_bytes = limits.response_start_bytes;
  // Whoever asks for more than a byte at least means to wait for it.
  if (kind == LaneKind::kTail && config.replica_fetch_min_bytes <= 1)
    limits.wait_max = std::min(limits.wait_max, kTailWaitMax);
  return limits;
}

LaneKind LaneFor(LaneKind now, const LaneEvidence& seen) {
  // The same measure in both directions, so that a partition between the two lanes does not go to and fro.
  const bool much = seen.answer_bytes >= static_cast<uint64_t>(std::min(seen.asked_bytes, kTailPartitionBytes)) / 2;
  if (now == LaneKind::kBulk) return seen.lag > 0 || much ? LaneKind::kBulk : LaneKind::kTail;
  if (seen.lag > 0 && much) return LaneKind::kBulk;
  if (seen.answer_bytes > 0) return LaneKind::kTail;
  // Behind, and nothing came: the answer was full of others, or the leader holds it back.
  return seen.lag > 0 && now == LaneKind::kIdle ? LaneKind::kBulk : now;
}

}  // namespace slipstream
