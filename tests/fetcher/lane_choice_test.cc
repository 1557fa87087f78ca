#include "fetcher/lane_choice.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

constexpr int32_t kAsked = 1 << 20;
constexpr uint64_t kHalf = kAsked / 2;

TEST(LaneFor, DecisionTable) {
  struct Case {
    LaneKind now;
    LaneEvidence seen;
    LaneKind expected;
    const char* why;
  };
  const LaneKind kIdle = LaneKind::kIdle, kTail = LaneKind::kTail, kBulk = LaneKind::kBulk;
  const std::vector<Case> cases = {
      {kIdle, {.lag = 0, .answer_bytes = 0}, kIdle, "nothing new"},
      {kIdle, {.lag = 0, .answer_bytes = 100}, kTail, "it wakes"},
      {kIdle, {.lag = 7, .answer_bytes = 100}, kTail, "and more came meanwhile"},
      {kIdle, {.lag = 7, .answer_bytes = 0}, kBulk, "far behind, and the answer was full of others"},
      {kIdle, {.lag = 7, .answer_bytes = kHalf}, kBulk, "a backlog"},
      {kTail, {.lag = 0, .answer_bytes = 0}, kTail, "time alone makes it quiet"},
      {kTail, {.lag = 0, .answer_bytes = kHalf}, kTail, "a large batch is no backlog"},
      {kTail, {.lag = 7, .answer_bytes = 100}, kTail, "the next answer has them"},
      {kTail, {.lag = 7, .answer_bytes = 0}, kTail, "it was another's turn"},
      {kTail, {.lag = 7, .answer_bytes = kHalf}, kBulk, "it cannot keep up with small answers"},
      {kBulk, {.lag = 7, .answer_bytes = 0}, kBulk, "behind, and held back"},
      {kBulk, {.lag = 7, .answer_bytes = 100}, kBulk, "behind"},
      {kBulk, {.lag = 0, .answer_bytes = kHalf}, kBulk, "behind again by the next answer"},
      {kBulk, {.lag = 0, .answer_bytes = kHalf - 1}, kTail, "caught up"},
      {kBulk,
       {.lag = 0, .answer_bytes = 0},
       kTail,
       "caught up: there it is asked for again soon, and time makes it quiet"},
  };
  for (Case c : cases) {
    c.seen.asked_bytes = kAsked;
    EXPECT_EQ(LaneFor(c.now, c.seen), c.expected)
        << LaneName(c.now) << ", lag " << c.seen.lag << ", " << c.seen.answer_bytes << " bytes: " << c.why;
  }
}

TEST(LimitsOf, OnlyBulkAsksForAllThatIsConfigured) {
  const FetcherConfig config;
  const LaneLimits bulk = LimitsOf(LaneKind::kBulk, config);
  EXPECT_EQ(bulk.partition_max_bytes, config.replica_fetch_max_bytes);
  EXPECT_EQ(bulk.response_max_bytes, config.replica_fetch_response_max_bytes);
  EXPECT_EQ(bulk.response_start_bytes, 4 << 20);
  for (const LaneKind kind : {LaneKind::kIdle, LaneKind::kTail}) {
    EXPECT_EQ(LimitsOf(kind, config).partition_max_bytes, 1 << 20) << LaneName(kind);
    EXPECT_EQ(LimitsOf(kind, config).response_max_bytes, 4 << 20) << LaneName(kind);
  }
}

TEST(LimitsOf, ATailAnswersSoonSoThatWhatWakesCanJoin) {
  FetcherConfig config;
  EXPECT_EQ(LimitsOf(LaneKind::kTail, config).wait_max.count(), 20);
  EXPECT_EQ(LimitsOf(LaneKind::kIdle, config).wait_max, config.replica_fetch_wait_max);
  config.replica_fetch_wait_max = std::chrono::milliseconds(5);
  EXPECT_EQ(LimitsOf(LaneKind::kTail, config).wait_max.count(), 5);
  config.replica_fetch_wait_max = std::chrono::milliseconds(500);
  config.replica_fetch_min_bytes = 10'000;
  EXPECT_EQ(LimitsOf(LaneKind::kTail, config).wait_max.count(), 500) << "who sets a minimum means to wait for it";
}

}  // namespace
}  // namespace slipstream
