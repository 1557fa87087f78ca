#include "log/compaction/cleanable_range.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kNever{std::numeric_limits<int64_t>::max()};
constexpr CompactionLag kNoLag{.now = Timestamp{10'000}, .min = std::chrono::milliseconds(0), .max = kNever};

// [0..10) [10..20) [20..30), 100 bytes each, of the seconds 1, 2 and 3.
std::vector<SealedSegment> ThreeSegments() {
  return {{Offset{0}, Offset{10}, 100, Timestamp{1000}, Timestamp{1900}},
          {Offset{10}, Offset{20}, 100, Timestamp{2000}, Timestamp{2900}},
          {Offset{20}, Offset{30}, 100, Timestamp{3000}, Timestamp{3900}}};
}

TEST(FirstDirtyOffset, Log157_ACheckpointOutsideTheLogTellsNothing) {
  EXPECT_EQ(FirstDirtyOffset(std::nullopt, Offset{5}, Offset{50}), Offset{5});
  EXPECT_EQ(FirstDirtyOffset(Offset{4}, Offset{5}, Offset{50}), Offset{5});
  EXPECT_EQ(FirstDirtyOffset(Offset{5}, Offset{5}, Offset{50}), Offset{5});
  EXPECT_EQ(FirstDirtyOffset(Offset{50}, Offset{5}, Offset{50}), Offset{50});
  EXPECT_EQ(FirstDirtyOffset(Offset{51}, Offset{5}, Offset{50}), Offset{5});
}

struct RangeCase {
  const char* name;
  int64_t first_dirty, stable, min_lag;
  size_t segments;
  uint64_t clean_bytes, dirty_bytes;
};

class CleanableRangeTest : public testing::TestWithParam<RangeCase> {};

TEST_P(CleanableRangeTest, Log157_WholeSegmentsThatAreDecidedAndOldEnough) {
  const RangeCase& c = GetParam();
  const CompactionLag lag{Timestamp{10'000}, std::chrono::milliseconds(c.min_lag), kNever};
  const CleanableRange range = FindCleanableRange(ThreeSegments(), Offset{c.first_dirty}, Offset{c.stable}, lag);
  EXPECT_EQ(range.segments, c.segments);
  EXPECT_EQ(range.clean_bytes, c.clean_bytes);
  EXPECT_EQ(range.dirty_bytes, c.dirty_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Table, CleanableRangeTest,
    testing::Values(RangeCase{"all", 0, 30, 0, 3, 0, 300},  //
                    RangeCase{"some_clean", 10, 35, 0, 3, 100, 200}, RangeCase{"half_clean", 15, 30, 0, 3, 100, 200},
                    RangeCase{"undecided", 0, 29, 0, 2, 0, 200}, RangeCase{"nothing_decided", 0, 9, 0, 0, 0, 0},
                    RangeCase{"all_clean", 30, 30, 0, 3, 300, 0}, RangeCase{"last_too_young", 0, 30, 6101, 2, 0, 200},
                    RangeCase{"just_old_enough", 0, 30, 6100, 3, 0, 300},
                    RangeCase{"first_too_young", 0, 30, 9000, 0, 0, 0},
                    RangeCase{"young_but_clean", 20, 30, 7000, 2, 200, 0}),
    [](const auto& test) { return test.param.name; });

TEST(CleanableRange, Log157_TheDirtyShareMustBeAboveTheRatio) {
  const CleanableRange half = FindCleanableRange(ThreeSegments(), Offset{10}, Offset{20}, kNoLag);
  EXPECT_DOUBLE_EQ(half.DirtyRatio(), 0.5);
  EXPECT_FALSE(half.WorthCleaning(0.5));
  EXPECT_TRUE(half.WorthCleaning(0.49));
  const CleanableRange clean = FindCleanableRange(ThreeSegments(), Offset{30}, Offset{30}, kNoLag);
  EXPECT_FALSE(clean.WorthCleaning(0));
  EXPECT_FALSE(CleanableRange{}.WorthCleaning(0));
}

TEST(CleanableRange, Log157_WhatWaitedForMaxCompactionLagIsCleanedWhateverTheRatio) {
  const auto overdue = [](int64_t max_lag, int64_t first_dirty) {
    const CompactionLag lag{Timestamp{10'000}, std::chrono::milliseconds(0), std::chrono::milliseconds(max_lag)};
    return FindCleanableRange(ThreeSegments(), Offset{first_dirty}, Offset{30}, lag).WorthCleaning(1);
  };
  EXPECT_FALSE(overdue(9000, 0));
  EXPECT_TRUE(overdue(8999, 0));
  EXPECT_FALSE(overdue(8000, 10)) << "only what is dirty counts";
  EXPECT_TRUE(overdue(7999, 10));
}

}  // namespace
}  // namespace slipstream
