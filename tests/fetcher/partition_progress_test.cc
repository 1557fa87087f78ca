#include "fetcher/partition_progress.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

LogOffsets Offsets(int64_t log_start, int64_t high_watermark, int64_t recovery_point, int64_t log_end) {
  return {{"orders", 0},
          Offset{log_start},
          Offset{high_watermark},
          Offset{recovery_point},
          Offset{log_end},
          /*log_start_needs_checkpoint=*/true,
          Offset{log_start}};
}

TEST(Publishable, CachedModeTellsAllThatIsWritten) {
  const LogOffsets told = Publishable(Offsets(2, 8, 5, 9), FlushMode::kCached);
  EXPECT_EQ(told.log_end_offset, Offset{9});
  EXPECT_EQ(told.high_watermark, Offset{8});
  EXPECT_EQ(told.recovery_point, Offset{5});
}

TEST(Publishable, Inv19_DurableModeTellsNothingAboveTheRecoveryPoint) {
  const LogOffsets told = Publishable(Offsets(2, 8, 5, 9), FlushMode::kDurable);
  EXPECT_EQ(told.log_end_offset, Offset{5});
  EXPECT_EQ(told.high_watermark, Offset{5});
  EXPECT_EQ(told.recovery_point, Offset{5});
  EXPECT_EQ(told.log_start_offset, Offset{2});
  EXPECT_TRUE(told.log_start_needs_checkpoint);
  EXPECT_EQ(told.first_dirty_offset, Offset{2});
}

TEST(Publishable, Inv19_NothingToldIsBelowTheLogStart) {
  const LogOffsets told = Publishable(Offsets(7, 8, 5, 9), FlushMode::kDurable);
  EXPECT_EQ(told.log_end_offset, Offset{7});
  EXPECT_EQ(told.high_watermark, Offset{7});
}

TEST(Publishable, Inv19_WhatIsDurableIsToldAsItIs) {
  const LogOffsets told = Publishable(Offsets(0, 4, 9, 9), FlushMode::kDurable);
  EXPECT_EQ(told.log_end_offset, Offset{9});
  EXPECT_EQ(told.high_watermark, Offset{4});
}

}  // namespace
}  // namespace slipstream
