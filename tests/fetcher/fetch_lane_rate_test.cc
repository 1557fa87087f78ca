// A rate limit over all fetchers: what a fetch asks for, and when it leaves.
#include "tests/fetcher/lane_fixture.h"
#include "tests/support/virtual_clock.h"
#include "throttle/byte_rate_limit.h"

namespace slipstream {
namespace {

class FetchLaneRateTest : public LaneFixture {
 protected:
  // A pause of half a second is behind it: half a second's bytes are free.
  void LimitTo(int64_t bytes_per_second) {
    limit_.emplace(bytes_per_second, clock_.Now() - std::chrono::hours(1));
    config_.rate_limit = &*limit_;
    config_.clock = &clock_;
  }
  VirtualClock clock_;
  std::optional<ByteRateLimit> limit_;
};

TEST_F(FetchLaneRateTest, AFetchAsksForNoMoreThanTheRateAllows) {
  LimitTo(1000);
  StartWith({kP0});
  EXPECT_EQ(leader_.fetches.back().request.max_bytes, 500);
}

TEST_F(FetchLaneRateTest, WithoutALimitItAsksForAllThatIsConfigured) {
  LimitTo(kUnlimitedRate);
  StartWith({kP0});
  EXPECT_EQ(leader_.fetches.back().request.max_bytes, 4 << 20);
}

TEST_F(FetchLaneRateTest, WhatCameIsWrittenAndThenWaitedFor) {
  const std::vector<std::byte> batch = Batch(0, 10);
  LimitTo(100);
  StartWith({kP0});
  leader_.Say({{{.partition = kP0, .records = batch, .high_watermark = 10}}});
  RunUntil([this] { return End(kP0) == 10; });
  // Half a second was free, and so much must be again.
  const auto wait = std::chrono::milliseconds(batch.size() * 10) - ByteRateLimit::kBurst + ByteRateLimit::kQuantum;
  const auto end = clock_.Now() + wait;
  while (clock_.Now() < end) {
    io_.poll();
    EXPECT_FALSE(leader_.waiting());
    clock_.AdvanceTo(std::min(clock_.NextAlarm().value_or(end), end));
  }
  Settle();
  EXPECT_EQ(AskedAt(kP0), 10);
}

TEST_F(FetchLaneRateTest, APartitionIsLetGoOfWhileTheRateIsWaitedFor) {
  LimitTo(1);
  StartWith({kP0});
  leader_.Say({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 10}}});
  RunUntil([this] { return End(kP0) == 10; });
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  RunUntil([&] { return removed; });
  EXPECT_EQ(lane_->size(), 0u);
}

}  // namespace
}  // namespace slipstream
