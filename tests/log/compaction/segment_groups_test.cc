#include "log/compaction/segment_groups.h"

#include <gmock/gmock.h>

#include <limits>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SegmentSizes Sized(int64_t base, int64_t end, uint64_t log, uint64_t index = 8, uint64_t time_index = 12) {
  return {Offset{base}, Offset{end}, log, index, time_index};
}

TEST(GroupSegments, Log159_SumsStayWithinSegmentBytes) {
  const std::vector<SegmentSizes> segments = {Sized(0, 10, 40), Sized(10, 20, 60), Sized(20, 30, 1), Sized(30, 40, 99),
                                              Sized(40, 50, 1)};
  EXPECT_THAT(GroupSegments(segments, 100, 1000), ElementsAre(2, 2, 1));
  EXPECT_THAT(GroupSegments(segments, 1000, 1000), ElementsAre(5));
  EXPECT_THAT(GroupSegments({}, 100, 1000), IsEmpty());
}

TEST(GroupSegments, Log159_ASegmentAboveTheBoundStaysAlone) {
  const std::vector<SegmentSizes> segments = {Sized(0, 10, 500), Sized(10, 20, 10), Sized(20, 30, 10)};
  EXPECT_THAT(GroupSegments(segments, 100, 1000), ElementsAre(1, 2));
}

TEST(GroupSegments, Log159_SumsOfEachIndexStayWithinSegmentIndexBytes) {
  const std::vector<SegmentSizes> by_offset = {Sized(0, 10, 1, 48), Sized(10, 20, 1, 48), Sized(20, 30, 1, 8)};
  EXPECT_THAT(GroupSegments(by_offset, 1000, 100), ElementsAre(2, 1));
  const std::vector<SegmentSizes> by_time = {Sized(0, 10, 1, 8, 60), Sized(10, 20, 1, 8, 48), Sized(20, 30, 1, 8, 48)};
  EXPECT_THAT(GroupSegments(by_time, 1000, 100), ElementsAre(1, 2));
}

TEST(GroupSegments, Log159_OffsetsStayWithinThirtyOneBitsOfTheFirst) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  const std::vector<SegmentSizes> segments = {Sized(5, 10, 1), Sized(10, kMax + 5, 1), Sized(kMax + 5, kMax + 6, 1)};
  EXPECT_THAT(GroupSegments(segments, 1000, 1000), ElementsAre(2, 1));
}

TEST(GroupSegments, Log159_EmptySegmentsJoinTheirNeighbours) {
  const std::vector<SegmentSizes> segments = {Sized(0, 10, 0, 0, 0), Sized(10, 20, 100, 100, 100),
                                              Sized(20, 30, 0, 0, 0)};
  EXPECT_THAT(GroupSegments(segments, 100, 100), ElementsAre(3));
}

}  // namespace
}  // namespace slipstream
