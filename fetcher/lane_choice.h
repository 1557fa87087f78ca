// Which of a fetcher thread's lanes a partition belongs in, and what each of them asks for. Pure.
//
// One session over everything would drag each idle partition through every fetch of a busy one, at both ends. So the
// partitions are split by what they are up to, each part with a connection and a session of its own.
#pragma once

#include <chrono>
#include <cstdint>

#include "fetcher/fetcher_config.h"

namespace slipstream {

enum class LaneKind {
  kIdle,  // nothing new for a while, or nothing known yet: one long poll over many
  kTail,  // in sync and recently active: few partitions, small and quick answers
  kBulk,  // behind: large answers, which a rate limit holds back before all others
};
inline constexpr size_t kLaneKinds = 3;
const char* LaneName(LaneKind kind);

// A partition of the tail without records for so long becomes idle,
inline constexpr std::chrono::milliseconds kQuietAfter{1000};
// and the idle lane's next fetch waits so long at most for those that do.
inline constexpr std::chrono::milliseconds kArrivalsWithin{50};

struct LaneLimits {
  int32_t partition_max_bytes = 0;
  int32_t response_start_bytes = 0, response_max_bytes = 0;  // AnswerSize
  std::chrono::milliseconds wait_max{0};
};
LaneLimits LimitsOf(LaneKind kind, const FetcherConfig& config);

// What an answer showed of a partition.
struct LaneEvidence {
  int64_t lag = 0;            // records up to the leader's high watermark that the answer did not hold
  uint64_t answer_bytes = 0;  // that it did,
  int32_t asked_bytes = 0;    // of so many at most
};
LaneKind LaneFor(LaneKind now, const LaneEvidence& seen);

}  // namespace slipstream
