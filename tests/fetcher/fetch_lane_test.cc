#include "fetcher/fetch_lane.h"

#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

class FetchLaneTest : public LaneFixture {
 protected:
  // The copy ends at 12, where the leader's log starts, inside a batch.
  void ExpectABatchOver12IsTakenWhole() {
    StartWith({kP0});
    EXPECT_EQ(AskedAt(kP0), 12);
    Serve({{{.partition = kP0, .records = Batch(10, 5), .high_watermark = 15, .log_start_offset = 12}}});
    EXPECT_EQ(End(kP0), 15);
    EXPECT_EQ(Log(kP0).log_start_offset(), Offset{12});
    EXPECT_EQ(AskedAt(kP0), 15);
    EXPECT_TRUE(events_.failed.empty());
  }
};

TEST_F(FetchLaneTest, Ft03_Ft04_AppendsWhatIsFetchedAndAsksForWhatFollows) {
  StartWith({kP0});
  EXPECT_EQ(AskedAt(kP0), 0);
  EXPECT_EQ(AskedAfterEpoch(kP0), -1);
  Serve({{{.partition = kP0,
           .records = MakeBatches({{.base_offset = 0, .record_count = 3, .leader_epoch = 4},
                                   {.base_offset = 3, .record_count = 2, .leader_epoch = 5}})}}});
  EXPECT_EQ(End(kP0), 5);
  EXPECT_EQ(AskedAt(kP0), 5);
  EXPECT_EQ(AskedAfterEpoch(kP0), 5);
  Serve({{{.partition = kP0, .records = Batch(5, 5)}}});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(counters_.records.load(), 10u);
  EXPECT_EQ(counters_.batches.load(), 3u);
  EXPECT_EQ(Progress(kP0)->log_end_offset.load(), 10);
  EXPECT_EQ(stale_answers(), 0u);
}

TEST_F(FetchLaneTest, Ft03_Pf13_AddingAgainWithTheSameEpochChangesNothing) {
  StartWith({kP0});
  Add(kP0);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
  EXPECT_EQ(stale_answers(), 0u);
}

TEST_F(FetchLaneTest, Ft03_FetchingGoesOnBehindWhatTheLogHolds) {
  Fill(kP0, Batch(0, 7, 4));
  StartWith({kP0});
  EXPECT_EQ(AskedAt(kP0), 7);
  EXPECT_EQ(AskedAfterEpoch(kP0), 4);
}

TEST_F(FetchLaneTest, Ft24_OneRequestIsInFlight) {
  StartWith({kP0});
  Add(kP1);
  io_.poll();
  EXPECT_EQ(leader_.fetches.size(), 1u) << "what is new waits for the answer";
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  ASSERT_EQ(leader_.fetches.size(), 2u);
  EXPECT_TRUE(leader_.fetches.back().told.contains(kP1));
}

TEST_F(FetchLaneTest, Ft20_TheRequestCarriesTheSettings) {
  config_.replica_fetch_min_bytes = 17;
  config_.replica_fetch_max_bytes = 3000;
  config_.replica_fetch_response_max_bytes = 40000;
  config_.replica_fetch_wait_max = std::chrono::milliseconds(123);
  StartWith({kP0});
  const FetchRequest& request = leader_.fetches.at(0).request;
  EXPECT_EQ(request.min_bytes, 17);
  EXPECT_EQ(request.max_bytes, 40000);
  EXPECT_EQ(request.max_wait_ms, 123);
  const FetchPartition asked = leader_.fetches.at(0).told.at(kP0);
  EXPECT_EQ(asked.partition_max_bytes, 3000);
  EXPECT_EQ(asked.current_leader_epoch, LeaderEpoch{5});
  EXPECT_EQ(asked.log_start_offset, Offset{-1}) << "only a replica tells";
}

TEST_F(FetchLaneTest, Ft22_OneTopicWithoutAnIdMeansVersion12) {
  Start();
  Add(kP0, 5, Uuid{1, 1});
  Settle();
  EXPECT_EQ(leader_.fetches.back().version_max, FetchRequest::kVersionMax);
  Add({"nameless", 0});
  Serve({});
  EXPECT_EQ(leader_.fetches.back().version_max, 12);
  EXPECT_TRUE(leader_.fetches.back().full);
}

TEST_F(FetchLaneTest, Fm08_Rel27_ATopicIdThatBecomesKnownIsAskedByFromThenOn) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(leader_.fetches.back().version_max, 12);
  Add(kP0, 5, Uuid{1, 1});
  Serve({});  // the fetch that was under way
  EXPECT_EQ(leader_.fetches.back().version_max, FetchRequest::kVersionMax);
  EXPECT_TRUE(leader_.fetches.back().full) << "a session goes by ids or by names";
  EXPECT_EQ(leader_.fetches.back().request.topics.at(0).topic_id, (Uuid{1, 1}));
  EXPECT_EQ(AskedAt(kP0), 3);
  Serve({{{.partition = kP0, .records = Batch(3, 1)}}});
  EXPECT_EQ(End(kP0), 4);
  EXPECT_EQ(Log(kP0).topic_id(), (Uuid{1, 1}));
}

TEST_F(FetchLaneTest, Ft36_TheTopicIdIsWrittenDownBeforeTheFirstRecord) {
  Start();
  Add(kP0, 5, Uuid{1, 1});
  Settle();
  const std::filesystem::path written_down = Log(kP0).directory() / "partition.metadata";
  EXPECT_FALSE(std::filesystem::exists(written_down));
  bool before_the_records = false;
  queue_.before_write = [&] { before_the_records = std::filesystem::exists(written_down); };
  Serve({{{.partition = kP0, .records = Batch(0, 1)}}});
  EXPECT_EQ(End(kP0), 1);
  EXPECT_TRUE(before_the_records);
  EXPECT_EQ(Log(kP0).topic_id(), (Uuid{1, 1}));
}

TEST_F(FetchLaneTest, Ft37_Rel19_ABatchOverTheLogStartIsTakenWhole) {
  ASSERT_TRUE(Log(kP0).TruncateFullyAndStartAt(Offset{12}).ok());
  ExpectABatchOver12IsTakenWhole();
}

// What happened: after an unclean election our end lay inside a batch of the new leader, whose log began right there;
// the batch was refused again and again.
TEST_F(FetchLaneTest, Ft37_Inv30_ABatchOverTheLeadersLogStartIsTakenWholeWhenAllOfOursIsOlder) {
  Fill(kP0, Batch(0, 12), 12);
  ExpectABatchOver12IsTakenWhole();
}

TEST_F(FetchLaneTest, Ft38_Pf25_HighWatermarkAndLogStartFollowTheLeader) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 4}}});
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{4});
  Serve({{{.partition = kP0, .high_watermark = 30}}});
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{10}) << "never above our end";
  Serve({{{.partition = kP0, .high_watermark = 8, .log_start_offset = 3}}});
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{8}) << "it may fall";
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{3});
  Serve({{{.partition = kP0, .high_watermark = 8, .log_start_offset = 9}}});
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{3}) << "never above the high watermark";
  EXPECT_EQ(Progress(kP0)->high_watermark.load(), 8);
  EXPECT_EQ(Progress(kP0)->log_start_offset.load(), 3);
}

TEST_F(FetchLaneTest, Bad14_AHighWatermarkThatIsNoOffsetIsNone) {
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = std::numeric_limits<int64_t>::min()}}});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{0});
  EXPECT_EQ(Progress(kP0)->leader_high_watermark.load(), -1);
}

TEST_F(FetchLaneTest, Ft39_Rel23_Pf17_AnIdlePartitionHasLagZero) {
  StartWith({kP0, kP1});
  EXPECT_EQ(Progress(kP0)->Lag(), -1) << "not known before the first answer";
  Serve({{{.partition = kP1, .high_watermark = 20}}});
  EXPECT_EQ(Progress(kP0)->Lag(), 0);
  EXPECT_TRUE(Progress(kP0)->CaughtUp());
  EXPECT_EQ(Progress(kP1)->Lag(), 20);
  EXPECT_FALSE(Progress(kP1)->CaughtUp());
}

TEST_F(FetchLaneTest, Inv08_AReplicaAsksOnlyBehindWhatIsWritten) {
  config_.replica_id = BrokerId{3};
  StartWith({kP0});
  size_t fetches_at_write = 0;
  queue_.before_write = [&] { fetches_at_write = leader_.fetches.size(); };
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(fetches_at_write, 1u);
  EXPECT_EQ(leader_.fetches.size(), 2u);
  EXPECT_EQ(leader_.Asked(kP0)->log_start_offset, Offset{0});
}

TEST_F(FetchLaneTest, AConsumersNextFetchLeavesBeforeTheWrite) {
  StartWith({kP0});
  size_t fetches_at_write = 0;
  queue_.before_write = [&] { fetches_at_write = leader_.fetches.size(); };
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(fetches_at_write, 2u);
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(FetchLaneTest, Ft02_Rel20_ManyPartitionsShareOneRequest) {
  std::vector<TopicPartition> all;
  for (int32_t i = 0; i < 50; ++i) all.push_back({"many", i});
  StartWith(all);
  EXPECT_EQ(leader_.fetches.back().told.size(), 50u);
  ScriptedFetch answer;
  for (const TopicPartition& partition : all)
    answer.partitions.push_back({.partition = partition, .records = Batch(0, partition.partition + 1)});
  Serve(answer);
  for (const TopicPartition& partition : all) EXPECT_EQ(End(partition), partition.partition + 1);
  Serve({{{.partition = all[7], .records = Batch(8, 1)}}});
  EXPECT_THAT(leader_.fetches.back().told, ::testing::SizeIs(1)) << "only what changed is told";
}

}  // namespace
}  // namespace slipstream
