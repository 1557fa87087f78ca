#include "throttle/follower_throttle.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "throttle/leader_throttle.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using TimePoint = FollowerThrottle::TimePoint;

constexpr BrokerId kSelf{1};
const TopicPartition kListed{"listed", 0}, kOther{"other", 0};

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

FollowerThrottle MakeThrottle(int64_t bound) {
  FollowerThrottle throttle(kSelf, {}, At(0));
  EXPECT_TRUE(throttle.replicas().Update(kListed.topic, "*").ok());
  throttle.quota().set_bound(bound);
  return throttle;
}

TEST(FollowerThrottleTest, Rq06_WhatIsListedCountsEvenInSync) {
  FollowerThrottle throttle = MakeThrottle(1000);
  throttle.OnAppend(kListed, 600, At(0));
  throttle.OnAppend(kOther, 5000, At(0));
  EXPECT_EQ(throttle.quota().byte_rate(At(0)), 600);
}

struct Case {
  const char* name;
  bool listed;
  std::optional<int64_t> lag;
  bool exceeded, left_out;
};

class LeavesOutTest : public ::testing::TestWithParam<Case> {};

TEST_P(LeavesOutTest, Rq07_Pf32_DecisionTable) {
  const Case& c = GetParam();
  FollowerThrottle throttle = MakeThrottle(1000);
  throttle.OnAppend(kListed, c.exceeded ? 1001 : 1000, At(0));
  EXPECT_EQ(throttle.LeavesOut(c.listed ? kListed : kOther, c.lag, At(0)), c.left_out);
}

INSTANTIATE_TEST_SUITE_P(Table, LeavesOutTest,
                         ::testing::Values(Case{"ListedLaggingExceeded", true, 1, true, true},
                                           Case{"ListedUnknownExceeded", true, std::nullopt, true, true},
                                           Case{"ListedInSyncExceeded", true, 0, true, false},
                                           Case{"ListedLaggingWithin", true, 1, false, false},
                                           Case{"ListedUnknownWithin", true, std::nullopt, false, false},
                                           Case{"ListedInSyncWithin", true, 0, false, false},
                                           Case{"OtherLaggingExceeded", false, 1, true, false},
                                           Case{"OtherUnknownExceeded", false, std::nullopt, true, false},
                                           Case{"OtherInSyncExceeded", false, 0, true, false},
                                           Case{"OtherLaggingWithin", false, 1, false, false}),
                         [](const auto& test) { return test.param.name; });

TEST(FollowerThrottleTest, Rq07_ALeftOutPartitionIsFetchedAgainByTimeAlone) {
  FollowerThrottle throttle = MakeThrottle(1000);
  throttle.OnAppend(kListed, 3000, At(0));
  EXPECT_TRUE(throttle.LeavesOut(kListed, 1, At(2999)));
  EXPECT_FALSE(throttle.LeavesOut(kListed, 1, At(3000)));
}

TEST(FollowerThrottleTest, Rq05_EachSideHasItsOwnListAndItsOwnBound) {
  FollowerThrottle follower = MakeThrottle(10);
  LeaderThrottle leader(kSelf, {}, At(0));
  leader.quota().set_bound(10);
  follower.OnAppend(kListed, 1000, At(0));
  leader.OnAnswer(kListed, FetchingReplica::kOutOfSync, 1000, At(0));
  EXPECT_TRUE(follower.LeavesOut(kListed, 1, At(0)));
  EXPECT_FALSE(leader.Withholds(kListed, FetchingReplica::kOutOfSync, At(0)));
  ASSERT_TRUE(leader.replicas().Update(kListed.topic, "*").ok());
  EXPECT_FALSE(leader.Withholds(kListed, FetchingReplica::kOutOfSync, At(0)));  // the follower's bytes are not its own
  leader.OnAnswer(kListed, FetchingReplica::kOutOfSync, 1000, At(0));
  EXPECT_TRUE(leader.Withholds(kListed, FetchingReplica::kOutOfSync, At(0)));
}

// A replica with much to copy over a link that is faster than the bound, by fetches that may overlap.
struct Copying {
  const char* name;
  int64_t bound, answer_bytes;
  int64_t fetches;  // at a time
};

class ThrottledCopyTest : public ::testing::TestWithParam<Copying> {
 protected:
  struct Arrival {
    int64_t ms, bytes;
  };

  static constexpr int64_t kRunMs = 120'000;
  static constexpr int64_t kPassMs = 10;  // an answer's time on the wire, and a pause with nothing to fetch

  // What comes: each answer is a little smaller than it may be, and takes a few passes.
  std::vector<Arrival> Copy(uint64_t seed) {
    std::mt19937_64 random(seed);
    FollowerThrottle throttle = MakeThrottle(GetParam().bound);
    std::vector<int64_t> due(static_cast<size_t>(GetParam().fetches), -1);  // -1: nothing under way
    std::vector<Arrival> arrivals;
    for (int64_t ms = 0; ms < kRunMs; ms += kPassMs) {
      for (int64_t& answer_at : due) {
        if (answer_at == ms) {
          const int64_t bytes = GetParam().answer_bytes - static_cast<int64_t>(random() % 1000);
          throttle.OnAppend(kListed, static_cast<uint64_t>(bytes), At(ms));
          arrivals.push_back({ms, bytes});
        }
        if (answer_at <= ms && !throttle.LeavesOut(kListed, 1'000'000, At(ms)))
          answer_at = ms + kPassMs * static_cast<int64_t>(1 + random() % 4);
      }
    }
    return arrivals;
  }
};

TEST_P(ThrottledCopyTest, Rq11_RunsAtHalfToElevenTenthsOfTheBound) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    int64_t bytes = 0;
    for (const Arrival& arrival : Copy(seed)) bytes += arrival.bytes;
    const double share = static_cast<double>(bytes) * 1000 / kRunMs / static_cast<double>(GetParam().bound);
    EXPECT_GE(share, 0.5) << "seed " << seed;
    EXPECT_LE(share, 1.1) << "seed " << seed;
  }
}

// What the sum over windows promises: within the time of all windows, the bound over one window more, and what was
// already under way when it was reached.
TEST_P(ThrottledCopyTest, Inv25_NoSpanOfAllWindowsHoldsMuchMoreThanTheBound) {
  const QuotaWindows windows;
  const int64_t span_ms = windows.num * std::chrono::milliseconds(windows.size).count();
  const int64_t bytes_max =
      GetParam().bound * (windows.num + 1) * windows.size.count() + GetParam().fetches * GetParam().answer_bytes;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<Arrival> arrivals = Copy(seed);
    int64_t bytes = 0;
    size_t first = 0;
    for (const Arrival& arrival : arrivals) {
      bytes += arrival.bytes;
      while (arrivals[first].ms <= arrival.ms - span_ms) bytes -= arrivals[first++].bytes;
      ASSERT_LE(bytes, bytes_max) << "seed " << seed << " at " << arrival.ms << " ms";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, ThrottledCopyTest,
                         ::testing::Values(Copying{"SmallAnswers", 1'000'000, 100'000, 1},
                                           Copying{"AnswersOfASecond", 1'000'000, 1'000'000, 1},
                                           Copying{"AnswersOfManySeconds", 1'000'000, 8'000'000, 1},
                                           Copying{"SeveralAtATime", 50'000'000, 4'000'000, 4}),
                         [](const auto& test) { return test.param.name; });

// However low the bound: after all windows nothing that was copied counts any more.
TEST(FollowerThrottleTest, Inv25_AThrottledReplicaGoesOnAtAnyRate) {
  FollowerThrottle throttle = MakeThrottle(1);
  for (int64_t ms = 0; ms < 100'000; ms += 11'000) {
    ASSERT_FALSE(throttle.LeavesOut(kListed, std::nullopt, At(ms)));
    throttle.OnAppend(kListed, 4 << 20, At(ms));
    ASSERT_TRUE(throttle.LeavesOut(kListed, std::nullopt, At(ms + 10'999)));
  }
}

}  // namespace
}  // namespace slipstream
