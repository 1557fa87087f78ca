// Replication quotas in a lane: which partitions are out of its session while the bound is passed.
#include <algorithm>

#include "tests/fetcher/lane_fixture.h"
#include "tests/support/virtual_clock.h"
#include "throttle/shared_follower_throttle.h"

namespace slipstream {
namespace {

class FetchLaneQuotaTest : public LaneFixture {
 protected:
  FetchLaneQuotaTest() {
    config_.clock = &clock_;
    config_.follower_throttle = &throttle_;
    throttle_.SetBound(1);
    List("0:1");
  }
  void List(absl::string_view value) {
    ThrottledReplicas replicas(kSelf);
    EXPECT_TRUE(replicas.Update(kP0.topic, value).ok());
    throttle_.SetReplicas(std::move(replicas));
  }
  static ScriptedPartition TenOfHundred(const TopicPartition& partition) {
    return {.partition = partition, .records = Batch(0, 10), .high_watermark = 100};
  }
  void LetTimePass() { clock_.AdvanceTo(clock_.Now() + std::chrono::hours(1)); }

  static constexpr BrokerId kSelf{1};
  VirtualClock clock_;
  SharedFollowerThrottle throttle_{kSelf, {}, clock_.Now()};
};

TEST_F(FetchLaneQuotaTest, Rq07_BeyondTheBoundWhatLagsIsLeftOutAndTheOthersGoOn) {
  StartWith({kP0, kP1});
  Serve({{TenOfHundred(kP0), TenOfHundred(kP1)}});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 10);
  Serve({});
  EXPECT_EQ(AskedAt(kP0), -1) << "still beyond";
  LetTimePass();
  PollUntilAskedAt(kP0, 10);
}

TEST_F(FetchLaneQuotaTest, Rq06_Rq07_WhatIsInSyncIsCountedAndNotLeftOut) {
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 10}}});
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(throttle_.byte_rate(clock_.Now()), static_cast<double>(Batch(0, 10).size()));
  // Then it falls behind.
  Serve({{{.partition = kP0, .records = Batch(10, 10), .high_watermark = 100}}});
  EXPECT_EQ(AskedAt(kP0), -1);
}

TEST_F(FetchLaneQuotaTest, Rq07_AloneItIsFetchedAgainByTimeAlone) {
  StartWith({kP0});
  leader_.Say({{TenOfHundred(kP0)}});
  RunUntil([this] { return End(kP0) == 10; });
  io_.poll();
  EXPECT_FALSE(leader_.waiting()) << "no long poll over nothing";
  const auto end = clock_.Now() + std::chrono::hours(1);
  while (!leader_.waiting() && clock_.Now() < end) {
    clock_.AdvanceTo(std::min(clock_.NextAlarm().value_or(end), end));
    io_.poll();
  }
  EXPECT_EQ(AskedAt(kP0), 10);
}

// What would happen: each of many brings its part of an answer before it is looked at.
TEST_F(FetchLaneQuotaTest, Inv25_PassingTheBoundTakesOutWhatBroughtNothingYet) {
  List("*");
  StartWith({kP0, kP1, kP2});
  leader_.Say(
      {{{.partition = kP0, .high_watermark = 100}, TenOfHundred(kP1), {.partition = kP2, .high_watermark = 0}}});
  RunUntil([this] { return End(kP1) == 10 && leader_.waiting(); });
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), -1);
  EXPECT_EQ(AskedAt(kP2), 0) << "in sync";
}

TEST_F(FetchLaneQuotaTest, Inv25_OneThatFallsBehindWhileTheBoundIsPassedIsTakenOut) {
  List("*");
  StartWith({kP0, kP1, kP2});
  Serve({{TenOfHundred(kP0)}});
  EXPECT_EQ(AskedAt(kP1), 0) << "in sync";
  Serve({{{.partition = kP1, .high_watermark = 100}}});
  EXPECT_EQ(AskedAt(kP1), -1);
}

// What would happen: the first to come back uses up the bound each time, and the others get nothing for ever.
TEST_F(FetchLaneQuotaTest, Inv25_WhoeverGotRecordsLongestAgoComesBackFirst) {
  List("*");
  Start();
  for (const TopicPartition& partition : {kP0, kP1, kP2, TopicPartition{"other", 0}}) Add(partition);
  Settle();
  Serve({{TenOfHundred(kP0), {.partition = kP1, .high_watermark = 100}, {.partition = kP2, .high_watermark = 100}}});
  LetTimePass();
  Serve({});
  const std::vector<FetchTopic>& topics = leader_.fetches.back().request.topics;
  ASSERT_EQ(topics.size(), 1u);
  std::vector<int32_t> order;
  for (const FetchPartition& partition : topics[0].partitions) order.push_back(partition.partition);
  EXPECT_THAT(order, ::testing::ElementsAre(1, 2, 0));
}

// What would happen: an answer of megabytes is more than a low bound allows in all its windows.
TEST_F(FetchLaneQuotaTest, Rq11_OfAListedPartitionNoMoreIsAskedThanASecondOfTheBound) {
  throttle_.SetBound(100'000);
  StartWith({kP0, kP1});
  EXPECT_EQ(leader_.Asked(kP0)->partition_max_bytes, 100'000);
  EXPECT_EQ(leader_.Asked(kP1)->partition_max_bytes, 4 << 20);
  throttle_.SetBound(1);
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 10}}});
  EXPECT_EQ(leader_.Asked(kP0)->partition_max_bytes, 64 << 10);
}

TEST_F(FetchLaneQuotaTest, Rq07_WhatIsListedNoMoreComesBackAtOnce) {
  List("*");
  StartWith({kP0, kP1, kP2});
  Serve({{TenOfHundred(kP0), TenOfHundred(kP1)}});
  EXPECT_EQ(AskedAt(kP0), -1);
  List("1:1");
  Serve({});
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(AskedAt(kP1), -1);
  List("0:1");
  Serve({});
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 10);
}

TEST_F(FetchLaneQuotaTest, Rq07_ManyComeBackAFewAtATime) {
  constexpr int kMany = 100, kAtOnce = 64;
  List("*");
  Start();
  std::vector<TopicPartition> partitions;
  for (int32_t i = 0; i < kMany; ++i) partitions.push_back({kP0.topic, i});
  Add({"other", 0});
  for (const TopicPartition& partition : partitions) Add(partition);
  Settle();
  ScriptedFetch answer;
  for (const TopicPartition& partition : partitions)
    answer.partitions.push_back({.partition = partition, .high_watermark = 100});
  answer.partitions[0] = TenOfHundred(partitions[0]);
  Serve(std::move(answer));
  const auto asked = [&] {
    return std::ranges::count_if(partitions, [this](const auto& partition) { return AskedAt(partition) >= 0; });
  };
  EXPECT_EQ(asked(), 0);
  LetTimePass();
  Serve({});
  EXPECT_EQ(asked(), kAtOnce);
  Serve({});
  EXPECT_EQ(asked(), kMany);
}

TEST_F(FetchLaneQuotaTest, Rq07_AFailedWriteOfOneLeftOutIsTriedAgainInItsTurn) {
  StartWith({kP0, kP1});
  queue_.write_bytes_left = 0;
  Serve({{TenOfHundred(kP0)}});
  EXPECT_EQ(End(kP0), 0);
  queue_.write_bytes_left = 1 << 20;
  clock_.Advance(std::chrono::seconds(1));  // its pause is over, the bytes still count
  Serve({});
  EXPECT_EQ(AskedAt(kP0), -1);
  LetTimePass();
  PollUntilAskedAt(kP0, 0);
  Serve({{TenOfHundred(kP0)}});
  EXPECT_EQ(End(kP0), 10);
}

TEST_F(FetchLaneQuotaTest, APartitionLeftOutIsLetGoOf) {
  StartWith({kP0, kP1});
  Serve({{TenOfHundred(kP0)}});
  ASSERT_EQ(AskedAt(kP0), -1);
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  RunUntil([&] { return removed; });
  EXPECT_EQ(lane_->size(), 1u);
  LetTimePass();
  Serve({});
  EXPECT_EQ(AskedAt(kP0), -1);
}

}  // namespace
}  // namespace slipstream
