#include "throttle/shared_follower_throttle.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace slipstream {
namespace {

using TimePoint = SharedFollowerThrottle::TimePoint;

constexpr BrokerId kSelf{1};
const TopicPartition kListed{"listed", 0}, kOther{"other", 0};

ThrottledReplicas ListOf(absl::string_view topic) {
  ThrottledReplicas replicas(kSelf);
  EXPECT_TRUE(replicas.Update(topic, "*").ok());
  return replicas;
}

TEST(SharedFollowerThrottleTest, Rq07_ListAndBoundActAtOnceAtRunTime) {
  const TimePoint now;
  SharedFollowerThrottle throttle(kSelf, {}, now);
  throttle.SetBound(1000);
  EXPECT_FALSE(throttle.LeavesOut(kListed, 1, now));
  throttle.SetReplicas(ListOf(kListed.topic));
  throttle.OnAppend(kListed, 1001, now);
  throttle.OnAppend(kOther, 5000, now);
  EXPECT_EQ(throttle.byte_rate(now), 1001);
  EXPECT_TRUE(throttle.IsExceeded(now));
  EXPECT_TRUE(throttle.LeavesOut(kListed, 1, now));
  EXPECT_FALSE(throttle.LeavesOut(kListed, 0, now)) << "in sync";
  EXPECT_FALSE(throttle.LeavesOut(kOther, 1, now));
  throttle.SetBound(1001);
  EXPECT_FALSE(throttle.LeavesOut(kListed, 1, now));
  throttle.SetBound(0);
  throttle.SetReplicas(ListOf(kOther.topic));
  EXPECT_FALSE(throttle.LeavesOut(kListed, 1, now));
  EXPECT_TRUE(throttle.LeavesOut(kOther, 1, now)) << "what was counted before counts";
}

TEST(SharedFollowerThrottleTest, Rq07_WithNobodyListedNothingIsExceeded) {
  const TimePoint now;
  SharedFollowerThrottle throttle(kSelf, {}, now);
  throttle.SetReplicas(ListOf(kListed.topic));
  throttle.OnAppend(kListed, 1001, now);
  throttle.SetBound(1000);
  const uint64_t changes = throttle.changes();
  throttle.SetReplicas(ThrottledReplicas(kSelf));
  EXPECT_FALSE(throttle.IsExceeded(now));
  EXPECT_NE(throttle.changes(), changes);
}

TEST(SharedFollowerThrottleTest, Rq06_BytesOfAllThreadsCount) {
  constexpr int kThreads = 4, kAppends = 10'000;
  const TimePoint now;
  SharedFollowerThrottle throttle(kSelf, {}, now);
  throttle.SetReplicas(ListOf(kListed.topic));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int append = 0; append < kAppends; ++append) throttle.OnAppend(kListed, 3, now);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(throttle.byte_rate(now), 3 * kThreads * kAppends);
}

}  // namespace
}  // namespace slipstream
