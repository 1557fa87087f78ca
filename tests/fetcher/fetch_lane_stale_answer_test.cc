// Answers that no longer count, and partitions that leave while one is under way: FT-09, FT-30.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::IsEmpty;

class StaleAnswerTest : public LaneFixture {
 protected:
  void Remove(const TopicPartition& partition) {
    lane_->Remove({partition}, [this] { ++removals_; });
  }
  // The leader is asked about kP0 in epoch 5, which becomes 6 before it answers; until kP0 is fetched at offset 5.
  void StartAndChangeEpochDuringTheLookUp() {
    Start();
    Add(kP0);
    leader_.HoldLookUps();
    RunUntil([&] { return leader_.question_waiting(); });
    Add(kP0, 6);
    leader_.AnswerQuestions();
    RunUntilAskedAt(kP0, 5);
  }
  int removals_ = 0;
};

TEST_F(StaleAnswerTest, Ft09_Rel11_ARemovedPartitionIsLetGoWhileTheFetchIsInFlight) {
  StartWith({kP0, kP1});
  Remove(kP0);
  EXPECT_EQ(removals_, 1) << "no need to wait for the leader";
  EXPECT_EQ(lane_->size(), 1u);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}, {.partition = kP1, .records = Batch(0, 2)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(End(kP1), 2) << "the rest of the answer counts";
  EXPECT_EQ(stale_answers(), 1u);
  EXPECT_EQ(AskedAt(kP0), -1);
}

TEST_F(StaleAnswerTest, Ft18_Rel11_Pf11_ARemovedPartitionIsNotTruncatedByALateDivergence) {
  Fill(kP0, Batch(0, 5, 4));
  StartWith({kP0, kP1});
  Remove(kP0);
  Serve({{{.partition = kP0, .diverging = {LeaderEpoch{3}, Offset{2}}}}});
  EXPECT_EQ(End(kP0), 5);
  EXPECT_THAT(events_.truncated, IsEmpty());
}

TEST_F(StaleAnswerTest, Ft09_ARemovalWaitsForTheWriteThatIsRunning) {
  StartWith({kP0});
  bool asked = false;
  queue_.before_write = [&] {
    Remove(kP0);
    asked = true;
    EXPECT_EQ(removals_, 0);
  };
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});
  RunUntil([&] { return removals_ == 1; });
  EXPECT_TRUE(asked);
  EXPECT_EQ(End(kP0), 3);
  EXPECT_EQ(lane_->size(), 0u);
  leader_.Say({});
}

TEST_F(StaleAnswerTest, Ft09_UnknownAndNotYetStartedPartitionsCountAsRemoved) {
  Start();
  Remove(kP0);
  Add(kP1);
  Remove(kP1);
  RunUntil([&] { return removals_ == 2; });
  EXPECT_EQ(lane_->size(), 0u);
  EXPECT_THAT(leader_.fetches, IsEmpty());
}

TEST_F(StaleAnswerTest, Ft09_StoppingAnswersRemovals) {
  StartWith({kP0});
  lane_->Stop();
  lane_->Remove({kP0}, [this] { ++removals_; });
  RunUntil([&] { return ended_; });
  EXPECT_EQ(removals_, 1);
}

// What happened: a removal, and with it a hand-over to a new leader, waited until the dead leader's deadline.
TEST_F(StaleAnswerTest, Ft09_ARemovedPartitionIsLetGoWhileTheLeaderIsNotReached) {
  leader_.HoldQuestions();
  Start();
  Add(kP0);
  Add(kP1);
  RunUntil([&] { return leader_.question_waiting(); });
  Remove(kP0);
  EXPECT_EQ(removals_, 1) << "no need to wait for the leader";
  EXPECT_EQ(lane_->size(), 1u);
  leader_.AnswerQuestions();
  RunUntilAskedAt(kP1, 0);
  EXPECT_EQ(AskedAt(kP0), -1);
}

TEST_F(StaleAnswerTest, Ft12_Rel11_Pf11_ARemovedPartitionIsLetGoWhileItsEpochIsLookedUp) {
  for (const TopicPartition& partition : {kP0, kP1}) Fill(partition, Batch(0, 5, 4));
  leader_.truncation_on_fetch = false;
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>&) {
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{3}, Offset{0}}},
                                    {kP1, KafkaError::kNone, {LeaderEpoch{4}, Offset{5}}}};
  };
  Start();
  Add(kP0);
  Add(kP1);
  leader_.HoldLookUps();
  RunUntil([&] { return leader_.question_waiting(); });
  ASSERT_EQ(leader_.epoch_look_ups.size(), 1u);
  Remove(kP0);
  EXPECT_EQ(removals_, 1);
  leader_.AnswerQuestions();
  RunUntilAskedAt(kP1, 5);
  EXPECT_EQ(End(kP0), 5) << "not cut by an answer that came too late";
  EXPECT_THAT(events_.truncated, IsEmpty());
}

TEST_F(StaleAnswerTest, Ft12_Pf10_AnAnswerToALookUpOfAnOlderEpochDoesNotCount) {
  Fill(kP0, Batch(0, 5, 4));
  leader_.truncation_on_fetch = false;
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>& queries) {
    const bool old = queries[0].current_leader_epoch == LeaderEpoch{5};
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{old ? 3 : 4}, Offset{old ? 0 : 5}}}};
  };
  StartAndChangeEpochDuringTheLookUp();
  EXPECT_EQ(leader_.epoch_look_ups.size(), 2u) << "asked again with the new epoch";
  EXPECT_THAT(events_.truncated, IsEmpty());
}

// KAFKA-7786: the partition failed on the word of a leader that it had been told of already.
TEST_F(StaleAnswerTest, Ft12_Rel12_Pf10_ALookUpFencedForAnOlderEpochFailsNothing) {
  Fill(kP0, Batch(0, 5, 4));
  leader_.truncation_on_fetch = false;
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>& queries) {
    if (queries[0].current_leader_epoch == LeaderEpoch{5})
      return std::vector<EpochAnswer>{{kP0, KafkaError::kFencedLeaderEpoch, {}}};
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{4}, Offset{5}}}};
  };
  StartAndChangeEpochDuringTheLookUp();
  EXPECT_EQ(leader_.Asked(kP0)->current_leader_epoch, LeaderEpoch{6});
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(StaleAnswerTest, Ft09_Ft12_ARemovedPartitionIsLetGoWhileItsOffsetsAreAskedFor) {
  config_.gap_policy = GapPolicy::kRestart;
  Fill(kP0, Batch(0, 10, 4));
  StartWith({kP0, kP1});
  leader_.on_list_offset = [](Timestamp) { return OffsetAnswer{KafkaError::kNone, Offset{50}, LeaderEpoch{5}}; };
  leader_.HoldLookUps();
  leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}}});
  RunUntil([&] { return leader_.question_waiting(); });
  ASSERT_EQ(leader_.offset_queries.size(), 1u);
  Remove(kP0);
  EXPECT_EQ(removals_, 1);
  leader_.AnswerQuestions();
  Settle();
  EXPECT_EQ(leader_.offset_queries.size(), 1u) << "nobody needs the other offset";
  EXPECT_EQ(End(kP0), 10) << "not restarted by an answer that came too late";
  EXPECT_EQ(AskedAt(kP1), 0);
}

TEST_F(StaleAnswerTest, Ft09_OthersAreLetGoAndComeWhileOneIsAskedAbout) {
  StartWith({kP0, kP1});
  leader_.on_list_offset = [](Timestamp) { return OffsetAnswer{KafkaError::kNone, Offset{0}, LeaderEpoch{5}}; };
  leader_.HoldLookUps();
  leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange},
                {.partition = kP1, .error = KafkaError::kOffsetOutOfRange}}});
  RunUntil([&] { return leader_.question_waiting(); });
  Remove(kP1);
  Remove(kP0);
  Add(kP2);
  EXPECT_EQ(removals_, 2);
  EXPECT_EQ(lane_->size(), 1u);
  leader_.AnswerQuestions();
  RunUntilAskedAt(kP2, 0);
  EXPECT_EQ(leader_.offset_queries.size(), 1u);
}

TEST_F(StaleAnswerTest, Ft30_Inv10_TheAnswerBehindAFailedWriteIsIgnored) {
  StartWith({kP0});
  queue_.write_bytes_left = 10;
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});
  leader_.Say({{{.partition = kP0, .records = Batch(3, 3)}}});  // its fetch left ahead of the write
  RunUntil([&] { return stale_answers() == 1; });
  queue_.write_bytes_left = 1 << 20;
  RunUntilAskedAt(kP0, 0);
  EXPECT_EQ(End(kP0), 0);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(StaleAnswerTest, Ft30_Rel57_Pf10_AnAnswerFromBeforeANewLeaderEpochIsIgnored) {
  Fill(kP0, Batch(0, 5, 4));
  StartWith({kP0, kP1});
  Add(kP0, 6);
  Serve({{{.partition = kP0, .diverging = {LeaderEpoch{3}, Offset{2}}}}});
  EXPECT_EQ(End(kP0), 5) << "the offset is the same, the epoch asked with is not";
  EXPECT_THAT(events_.truncated, IsEmpty());
  EXPECT_EQ(stale_answers(), 1u);
  EXPECT_EQ(leader_.Asked(kP0)->current_leader_epoch, LeaderEpoch{6});
  Serve({{{.partition = kP0, .records = Batch(5, 1, 6)}}});
  EXPECT_EQ(End(kP0), 6);
}

TEST_F(StaleAnswerTest, Ft30_Pf10_RemovedAndAddedAgainStartsAnew) {
  StartWith({kP0, kP1});
  Remove(kP0);
  Add(kP0);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(stale_answers(), 1u);
  EXPECT_EQ(AskedAt(kP0), 0);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(StaleAnswerTest, Ft30_Bad13_AnAnswerWithAPartitionNotAskedForIsNotUsed) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3)}, {.partition = kP2, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(stale_answers(), 1u);
  EXPECT_TRUE(leader_.fetches.back().full);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(StaleAnswerTest, Ft30_Bad13_AnAnswerThatNamesAPartitionTwiceIsNotUsed) {
  StartWith({kP0, kP1});
  Serve({});  // incremental from here on
  Serve({{{.partition = kP0, .records = Batch(0, 3)}, {.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(stale_answers(), 1u);
  EXPECT_TRUE(leader_.fetches.back().full);
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(StaleAnswerTest, Ft30_Rel57_ReplayedRecordsAreNotAppendedTwice) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});
  RunUntilAskedAt(kP0, 3);
  EXPECT_EQ(End(kP0), 3);
  EXPECT_THAT(events_.truncated, IsEmpty());
}

}  // namespace
}  // namespace slipstream
