#include "fetcher/refresh_pause.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RefreshPause, TakesATenthOfTheTimeAtMost) {
  struct Row {
    milliseconds doubted, took, pause;
  };
  constexpr Row kRows[] = {
      {milliseconds(0), milliseconds(0), milliseconds(100)},  // cheap: as soon as makes sense
      {milliseconds(0), milliseconds(11), milliseconds(100)},
      {milliseconds(0), milliseconds(20), milliseconds(180)},   // thousands of partitions
      {milliseconds(0), milliseconds(500), milliseconds(1000)}  // a far cluster, or a busy one
  };
  for (const Row& row : kRows) EXPECT_EQ(RefreshPause(row.doubted, row.took), row.pause) << row.took.count() << " ms";
}

TEST(RefreshPause, AsksLittleOnceItIsNoElection) {
  EXPECT_EQ(RefreshPause(seconds(29), milliseconds(1)), milliseconds(100));
  EXPECT_EQ(RefreshPause(seconds(30), milliseconds(1)), seconds(1));
}

}  // namespace
}  // namespace slipstream
