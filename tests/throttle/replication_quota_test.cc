#include "throttle/replication_quota.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using TimePoint = ReplicationQuota::TimePoint;

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

TEST(ReplicationQuotaTest, Rq01_IsUnlimitedUntilABoundIsSet) {
  ReplicationQuota quota({}, At(0));
  EXPECT_EQ(quota.bound(), kUnlimitedRate);
  for (int i = 0; i < 1000; ++i) quota.Record(uint64_t{1} << 50, At(i));
  EXPECT_FALSE(quota.IsExceeded(At(1000)));
}

TEST(ReplicationQuotaTest, Rq01_ABoundActsAtOnceOnWhatWasRecordedBefore) {
  ReplicationQuota quota({}, At(0));
  quota.Record(1000, At(0));
  quota.set_bound(999);
  EXPECT_TRUE(quota.IsExceeded(At(0)));
  quota.set_bound(1000);
  EXPECT_FALSE(quota.IsExceeded(At(0)));
  quota.set_bound(1);
  EXPECT_TRUE(quota.IsExceeded(At(0)));
  quota.set_bound(kUnlimitedRate);
  EXPECT_FALSE(quota.IsExceeded(At(0)));
}

TEST(ReplicationQuotaTest, Rq01_TheBrokersBoundComesBeforeTheClustersDefault) {
  EXPECT_EQ(EffectiveBound(std::nullopt, std::nullopt), kUnlimitedRate);
  EXPECT_EQ(EffectiveBound(std::nullopt, 7), 7);
  EXPECT_EQ(EffectiveBound(5, 7), 5);
  EXPECT_EQ(EffectiveBound(5, std::nullopt), 5);
  EXPECT_EQ(EffectiveBound(0, 7), 0);
}

TEST(ReplicationQuotaTest, Rq02_ExceededIsStrictlyAboveTheBound) {
  ReplicationQuota quota({}, At(0));
  quota.set_bound(0);
  EXPECT_FALSE(quota.IsExceeded(At(0)));
  quota.Record(1, At(0));
  EXPECT_TRUE(quota.IsExceeded(At(0)));
}

struct Step {
  int64_t at_ms;
  std::vector<uint64_t> recorded;
  bool exceeded;
  double rate;
};

TEST(ReplicationQuotaTest, Rq03_Vector) {
  ReplicationQuota quota({.num = 10, .size = seconds(1)}, At(0));
  quota.set_bound(100);
  const std::vector<Step> steps = {
      {0, {}, false, 0},
      {1500, {1, 149}, false, 150 / 1.5},
      {1500, {1}, true, 151 / 1.5},
      {2000, {}, false, 75.5},
      {2500, {99}, false, 250 / 2.5},
      {2500, {1}, true, 251 / 2.5},
      {4500, {}, false, 251 / 4.5},
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const uint64_t bytes : steps[i].recorded) quota.Record(bytes, At(steps[i].at_ms));
    EXPECT_DOUBLE_EQ(quota.byte_rate(At(steps[i].at_ms)), steps[i].rate) << "step " << i;
    EXPECT_EQ(quota.IsExceeded(At(steps[i].at_ms)), steps[i].exceeded) << "step " << i;
  }
}

// Moves between log dirs have the quota alone: no list, every byte counts, and the whole thread waits.
TEST(ReplicationQuotaTest, Rq10_Ad09_MovesBetweenLogDirsWaitUntilTheRateIsBackWithinTheBound) {
  ReplicationQuota moves({.num = 11, .size = seconds(1)}, At(0));
  moves.set_bound(1000);  // replica.alter.log.dirs.io.max.bytes.per.second, over all moves
  moves.Record(2500, At(100));
  moves.Record(2500, At(200));  // another partition's
  int64_t ms = 200;
  while (moves.IsExceeded(At(ms))) ++ms;
  EXPECT_EQ(ms, 5000);
}

}  // namespace
}  // namespace slipstream
