#include "throttle/leader_throttle.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using TimePoint = LeaderThrottle::TimePoint;

constexpr BrokerId kSelf{1};
const TopicPartition kListed{"listed", 0}, kListedToo{"listed", 1}, kOther{"other", 0};

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

LeaderThrottle MakeThrottle(int64_t bound) {
  LeaderThrottle throttle(kSelf, {}, At(0));
  EXPECT_TRUE(throttle.replicas().Update(kListed.topic, "0:1,1:1").ok());
  throttle.quota().set_bound(bound);
  return throttle;
}

struct Case {
  const char* name;
  FetchingReplica reader;
  bool listed, exceeded, withheld;
};

class WithholdsTest : public ::testing::TestWithParam<Case> {};

TEST_P(WithholdsTest, Rq08_DecisionTable) {
  const Case& c = GetParam();
  LeaderThrottle throttle = MakeThrottle(1000);
  throttle.OnAnswer(kListed, FetchingReplica::kOutOfSync, c.exceeded ? 1001 : 1000, At(0));
  EXPECT_EQ(throttle.Withholds(c.listed ? kListed : kOther, c.reader, At(0)), c.withheld);
}

INSTANTIATE_TEST_SUITE_P(
    Table, WithholdsTest,
    ::testing::Values(Case{"OutOfSyncListedExceeded", FetchingReplica::kOutOfSync, true, true, true},
                      Case{"OutOfSyncListedWithin", FetchingReplica::kOutOfSync, true, false, false},
                      Case{"OutOfSyncOtherExceeded", FetchingReplica::kOutOfSync, false, true, false},
                      Case{"OutOfSyncOtherWithin", FetchingReplica::kOutOfSync, false, false, false},
                      Case{"InSyncListedExceeded", FetchingReplica::kInSync, true, true, false},
                      Case{"InSyncListedWithin", FetchingReplica::kInSync, true, false, false},
                      Case{"ConsumerListedExceeded", FetchingReplica::kConsumer, true, true, false},
                      Case{"ConsumerListedWithin", FetchingReplica::kConsumer, true, false, false}),
    [](const auto& test) { return test.param.name; });

TEST(LeaderThrottleTest, Rq08_FromThePartitionOnThatFindsItExceededNothingIsGiven) {
  LeaderThrottle throttle = MakeThrottle(1000);
  EXPECT_FALSE(throttle.Withholds(kListed, FetchingReplica::kOutOfSync, At(0)));
  // The answer to another follower is built in between.
  throttle.OnAnswer(kListedToo, FetchingReplica::kOutOfSync, 1001, At(0));
  EXPECT_TRUE(throttle.Withholds(kListedToo, FetchingReplica::kOutOfSync, At(0)));
  EXPECT_TRUE(throttle.Withholds(kListed, FetchingReplica::kOutOfSync, At(0)));
}

TEST(LeaderThrottleTest, Rq08_BytesOfListedPartitionsCountWhateverFollowerTheyGoTo) {
  LeaderThrottle throttle = MakeThrottle(1000);
  throttle.OnAnswer(kListed, FetchingReplica::kInSync, 100, At(0));
  throttle.OnAnswer(kListedToo, FetchingReplica::kOutOfSync, 20, At(0));
  throttle.OnAnswer(kListed, FetchingReplica::kConsumer, 4000, At(0));
  throttle.OnAnswer(kOther, FetchingReplica::kOutOfSync, 50'000, At(0));
  EXPECT_EQ(throttle.quota().byte_rate(At(0)), 120);
}

struct ParkedCase {
  const char* name;
  bool withheld, on_older_segment;
  ParkedShare expected;
};

class ShareOfParkedFetchTest : public ::testing::TestWithParam<ParkedCase> {};

TEST_P(ShareOfParkedFetchTest, Rq09_DecisionTable) {
  EXPECT_EQ(ShareOfParkedFetch(GetParam().withheld, GetParam().on_older_segment, 77), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, ShareOfParkedFetchTest,
                         ::testing::Values(ParkedCase{"BytesCount", false, false, {.completes = false, .bytes = 77}},
                                           ParkedCase{"ARollCompletes", false, true, {.completes = true, .bytes = 0}},
                                           ParkedCase{"WithheldBytesDoNot", true, false, {}},
                                           ParkedCase{"NorARoll", true, true, {}}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace slipstream
