// Logs that disagree with the leader's: FT-10..FT-17 by epoch look-up, FT-35 by the fetch answer.
#include "tests/fetcher/lane_fixture.h"
#include "tests/support/virtual_clock.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

FetchEpochEndOffset Diverging(int32_t epoch, int64_t offset) { return {LeaderEpoch{epoch}, Offset{offset}}; }
EpochAnswer Ends(const TopicPartition& partition, int32_t epoch, int64_t offset) {
  return {partition, KafkaError::kNone, {LeaderEpoch{epoch}, Offset{offset}}};
}

// Ten records in each of the epochs, oldest first.
std::vector<std::byte> TenOfEach(std::initializer_list<int32_t> epochs) {
  std::vector<std::byte> batches;
  int64_t offset = 0;
  for (const int32_t epoch : epochs) {
    AppendBatch(batches, {.base_offset = offset, .record_count = 10, .leader_epoch = epoch});
    offset += 10;
  }
  return batches;
}

class FetchLaneTruncationTest : public LaneFixture {
 protected:
  // The leader is too old to tell of divergence in fetch answers.
  void LookUpsAnswer(std::vector<std::vector<EpochAnswer>> answers) {
    leader_.truncation_on_fetch = false;
    leader_.on_epoch_look_up = [this, answers](const std::vector<EpochQuery>&) {
      return answers.at(std::min(leader_.epoch_look_ups.size(), answers.size()) - 1);
    };
  }
};

TEST_F(FetchLaneTruncationTest, Ft35_Rel08_Pf23_ADivergenceCutsAndNothingElseOfTheAnswerCounts) {
  Fill(kP0, TenOfEach({3, 4}), 5);
  StartWith({kP0, kP1});
  EXPECT_EQ(AskedAfterEpoch(kP0), 4);
  Serve({{{.partition = kP0,
           .records = Batch(20, 5),
           .high_watermark = 20,
           .log_start_offset = 5,
           .diverging = Diverging(3, 10)}}});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{5});
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{0});
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(AskedAfterEpoch(kP0), 3);
  EXPECT_THAT(events_.truncated, ElementsAre(RecordingEvents::Truncated{kP0, Offset{20}, Offset{10}, false}));
  EXPECT_EQ(counters_.truncated_offsets.load(), 10u);
  EXPECT_THAT(leader_.epoch_look_ups, IsEmpty()) << "FT-35: none on this path";
  Serve({{{.partition = kP0, .records = Batch(10, 2), .high_watermark = 12}}});
  EXPECT_EQ(End(kP0), 12);
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{12});
}

// What happened: inside the session the leader had nothing new to tell, and the copy never counted as caught up again.
TEST_F(FetchLaneTruncationTest, Ft35_AfterACutTheLeaderIsAskedForItsMarksAnew) {
  Fill(kP0, TenOfEach({3, 4}), 20);
  StartWith({kP0});
  Serve({{{.partition = kP0, .high_watermark = 20}}});
  ASSERT_TRUE(Progress(kP0)->CaughtUp());
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)}}});
  EXPECT_FALSE(Progress(kP0)->CaughtUp()) << "what the leader said before no longer holds";
  EXPECT_TRUE(leader_.fetches.back().full);
  Serve({{{.partition = kP0, .high_watermark = 10}}});
  EXPECT_TRUE(Progress(kP0)->CaughtUp());
  EXPECT_EQ(Progress(kP0)->Lag(), 0);
}

// A leader that gives two records, and takes them back when it is asked for more.
class EndlessDivergenceTest : public FetchLaneTruncationTest {
 protected:
  EndlessDivergenceTest() {
    config_.clock = &clock_;
    config_.replica_fetch_backoff = std::chrono::seconds(1);
    Fill(kP0, TenOfEach({3, 4}), 5);
    StartWith({kP0, kP1});
    Serve(diverging_);
  }
  void GiveAndTakeBack() {
    ASSERT_EQ(AskedAt(kP0), 10);
    Serve({{{.partition = kP0, .records = Batch(10, 2)}}});
    ASSERT_EQ(AskedAt(kP0), 12);
    Serve(diverging_);
    ASSERT_EQ(End(kP0), 10);
  }
  bool IsAskedFor() {
    for (int i = 0; i < 2; ++i) Serve({});  // the next fetch has left before who is due joins
    return AskedAt(kP0) >= 0;
  }
  void ExpectAskedAfter(std::chrono::milliseconds wait) {
    EXPECT_FALSE(IsAskedFor());
    EXPECT_EQ(AskedAt(kP1), 0) << "the other goes on";
    clock_.Advance(wait - std::chrono::milliseconds(1));
    EXPECT_FALSE(IsAskedFor()) << "before " << wait.count() << " ms";
    clock_.Advance(std::chrono::milliseconds(1));
    EXPECT_TRUE(IsAskedFor()) << "after " << wait.count() << " ms";
  }

  const ScriptedFetch diverging_{{{.partition = kP0, .diverging = Diverging(3, 10)}}};
  VirtualClock clock_;
};

// What would happen: a full fetch of every partition of the lane for each time round.
TEST_F(EndlessDivergenceTest, Rel20_IsAskedForLessAndLessOften) {
  for (const int seconds : {1, 2, 4}) {
    GiveAndTakeBack();
    EXPECT_EQ(Progress(kP0)->health.load(), PartitionHealth::kDelayed);
    ExpectAskedAfter(std::chrono::seconds(seconds));
  }
}

TEST_F(EndlessDivergenceTest, Rel20_IsForgottenOnceSomethingStays) {
  for (const int seconds : {1, 2}) {
    GiveAndTakeBack();
    ExpectAskedAfter(std::chrono::seconds(seconds));
  }
  Serve({{{.partition = kP0, .records = Batch(10, 2, 4)}}});
  Serve({{{.partition = kP0, .records = Batch(12, 3, 5)}}});
  Serve({{{.partition = kP0, .diverging = Diverging(4, 12)}}});
  EXPECT_EQ(AskedAt(kP0), 12) << "a cut that leaves some is nothing unusual";
}

TEST_F(FetchLaneTruncationTest, Ft35_ACutInSeveralStepsIsNotHeldUp) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  Fill(kP0, TenOfEach({1, 3, 5}), 5);
  StartWith({kP0});
  Serve({{{.partition = kP0, .diverging = Diverging(4, 25)}}});
  EXPECT_EQ(AskedAt(kP0), 20);
  Serve({{{.partition = kP0, .diverging = Diverging(2, 15)}}});
  EXPECT_EQ(AskedAt(kP0), 10);
}

// KAFKA-15510, KAFKA-10554: with the epoch, an empty answer took away the means to find out.
TEST_F(FetchLaneTruncationTest, Rel15_Pf21_EmptyAnswersKeepTheEpochSoThatADivergenceIsSeenAtOnce) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 10, 4)}}});
  Serve({{{.partition = kP0, .records = Batch(10, 10, 5)}}});
  for (const int64_t high_watermark : {5, 8, 10}) {
    Serve({{{.partition = kP0, .high_watermark = high_watermark}}});
    EXPECT_EQ(AskedAfterEpoch(kP0), 5);
  }
  Serve({{{.partition = kP0, .diverging = Diverging(4, 10)}}});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(AskedAfterEpoch(kP0), 4) << "and it follows a cut";
}

TEST_F(FetchLaneTruncationTest, Ft35_Pf02_StepsBackEpochByEpochUntilTheLogsAgree) {
  Fill(kP0, TenOfEach({1, 3, 5, 7}));
  Start();
  Add(kP0, 8);
  Settle();
  Serve({{{.partition = kP0, .diverging = Diverging(6, 33)}}});  // we have no 6: cut where our 7 began
  EXPECT_EQ(AskedAt(kP0), 30);
  EXPECT_EQ(AskedAfterEpoch(kP0), 5);
  Serve({{{.partition = kP0, .diverging = Diverging(4, 25)}}});
  EXPECT_EQ(AskedAt(kP0), 20);
  EXPECT_EQ(AskedAfterEpoch(kP0), 3);
  Serve({{{.partition = kP0, .diverging = Diverging(1, 8)}}});
  EXPECT_EQ(AskedAt(kP0), 0) << "a batch is never split";
  EXPECT_EQ(AskedAfterEpoch(kP0), -1);
  EXPECT_THAT(events_.truncated, SizeIs(3));
  Serve({{{.partition = kP0, .records = Batch(0, 8, 1)}}});
  EXPECT_EQ(End(kP0), 8);
}

TEST_F(FetchLaneTruncationTest, Ft17_Log103_Pf23_AFallenRecoveryPointIsPersistedAndACutBelowTheHighWatermarkIsTold) {
  Fill(kP0, TenOfEach({3, 4}), 20);
  BlockingIoQueue queue;
  ASSERT_TRUE(RunToEnd(Log(kP0).Flush(queue)).ok());
  StartWith({kP0});
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)}}});
  ASSERT_THAT(events_.persisted, SizeIs(1));
  EXPECT_EQ(events_.persisted[0].recovery_point, Offset{0}) << "where the segment of the cut begins";
  EXPECT_EQ(events_.persisted[0].high_watermark, Offset{10});
  EXPECT_EQ(Log(kP0).recovery_point(), Offset{10});
  EXPECT_THAT(events_.truncated, ElementsAre(RecordingEvents::Truncated{kP0, Offset{20}, Offset{10}, true}));
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{10});
}

// After an unclean election of very many they were written anew for each, and nothing was fetched meanwhile.
TEST_F(FetchLaneTruncationTest, Log103_OfAllThatAnAnswerCutsTheCheckpointsAreWrittenOnce) {
  BlockingIoQueue queue;
  for (const TopicPartition& partition : {kP0, kP1}) {
    Fill(partition, TenOfEach({3, 4}), 20);
    ASSERT_TRUE(RunToEnd(Log(partition).Flush(queue)).ok());
  }
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)}, {.partition = kP1, .diverging = Diverging(3, 10)}}});
  EXPECT_THAT(events_.persisted_together, ElementsAre(2u));
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(End(kP1), 10);
}

TEST_F(FetchLaneTruncationTest, Ft15_ATruncationThatCannotBePersistedFailsThePartition) {
  Fill(kP0, TenOfEach({3, 4}), 20);
  BlockingIoQueue queue;
  ASSERT_TRUE(RunToEnd(Log(kP0).Flush(queue)).ok());
  events_.persist_result = absl::UnavailableError("the disk is gone");
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)}}});
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("truncating to 10"));
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 0);
  EXPECT_EQ(End(kP0), 20) << "nothing is cut that the checkpoints would still vouch for";
}

// What happened: a log dir that was full stopped the cuts of the partitions in all others.
TEST_F(FetchLaneTruncationTest, Ft08_Inv23_WhereOneCannotBePersistedTheOthersOfTheAnswerAreCut) {
  BlockingIoQueue queue;
  auto elsewhere =
      PartitionLog::Open(SystemFileIo(), directory_.path() / "other" / kP1.ToString(), kP1, log_config_, {});
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.status();
  logs_[kP1] = *std::move(elsewhere);
  for (const TopicPartition& partition : {kP0, kP1, kP2}) Fill(partition, TenOfEach({3, 4}), 20);
  for (const TopicPartition& partition : {kP0, kP1}) ASSERT_TRUE(RunToEnd(Log(partition).Flush(queue)).ok());
  events_.persist_result = absl::ResourceExhaustedError("no space left on the test's disk");
  events_.persists_all_but = kP0;
  config_.replica_fetch_backoff = config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartWith({kP0, kP1, kP2});
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)},
          {.partition = kP1, .diverging = Diverging(3, 10)},
          {.partition = kP2, .diverging = Diverging(3, 10)}}});
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_EQ(events_.failed[0].partition, kP0);
  EXPECT_EQ(End(kP0), 20);
  EXPECT_EQ(End(kP1), 10);
  EXPECT_EQ(End(kP2), 10) << "of which no checkpoint says more";
}

TEST_F(FetchLaneTruncationTest, Log103_ACheckpointThatCouldNotBeWrittenIsWrittenBeforeTheCutIsTriedAgain) {
  Fill(kP0, TenOfEach({3, 4}), 20);
  BlockingIoQueue queue;
  ASSERT_TRUE(RunToEnd(Log(kP0).Flush(queue)).ok());
  events_.persist_result = absl::ResourceExhaustedError("no space left on the test's disk");
  config_.replica_fetch_backoff = config_.failed_partition_backoff_max = std::chrono::milliseconds(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .diverging = Diverging(3, 10)}}});
  EXPECT_EQ(End(kP0), 20);
  events_.persist_result = absl::OkStatus();
  PollUntilAskedAt(kP0, 10);
  ASSERT_GE(events_.persisted.size(), 2u);
  EXPECT_EQ(events_.persisted.back().recovery_point, Offset{0});
}

TEST_F(FetchLaneTruncationTest, Ft10_Ft11_OldLeadersAreAskedBeforeTheFirstFetch) {
  Fill(kP0, TenOfEach({3, 4}));
  LookUpsAnswer({{Ends(kP0, 3, 10)}});
  StartWith({kP0, kP1});
  ASSERT_THAT(leader_.epoch_look_ups, SizeIs(1));
  ASSERT_THAT(leader_.epoch_look_ups[0], SizeIs(1)) << "an empty log has nothing to compare";
  EXPECT_EQ(leader_.epoch_look_ups[0][0].leader_epoch, LeaderEpoch{4});
  EXPECT_EQ(leader_.epoch_look_ups[0][0].current_leader_epoch, LeaderEpoch{5});
  EXPECT_EQ(End(kP0), 10);
  RunUntilAskedAt(kP0, 10);
  EXPECT_EQ(AskedAt(kP1), 0);
}

TEST_F(FetchLaneTruncationTest, Ft11_Pf02_AnIncompleteAnswerIsAskedAgain) {
  Fill(kP0, TenOfEach({3, 5}));
  LookUpsAnswer({{Ends(kP0, 4, 15)}, {Ends(kP0, 3, 20)}});
  StartWith({kP0});
  ASSERT_THAT(leader_.epoch_look_ups, SizeIs(2));
  EXPECT_EQ(leader_.epoch_look_ups[0][0].leader_epoch, LeaderEpoch{5});
  EXPECT_EQ(leader_.epoch_look_ups[1][0].leader_epoch, LeaderEpoch{3});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
}

TEST_F(FetchLaneTruncationTest, Ft14_ALeaderThatCannotTellMeansTheHighWatermark) {
  Fill(kP0, TenOfEach({3, 4}), 10);
  LookUpsAnswer({{Ends(kP0, -1, -1)}});
  StartWith({kP0});
  EXPECT_EQ(AskedAt(kP0), 10);
}

TEST_F(FetchLaneTruncationTest, Ft13_Ft33_AFencedLookUpFailsThePartitionUntilItsEpochIsNew) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  Fill(kP0, TenOfEach({3}));
  LookUpsAnswer({{{kP0, KafkaError::kFencedLeaderEpoch, {}}}, {Ends(kP0, 3, 10)}});
  StartWith({kP0, kP1});
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(End(kP0), 10);
  Add(kP0, 6);
  Serve({});
  RunUntilAskedAt(kP0, 10);
  EXPECT_EQ(leader_.epoch_look_ups.back()[0].current_leader_epoch, LeaderEpoch{6});
}

TEST_F(FetchLaneTruncationTest, Ft13_OtherErrorsAndLeftOutPartitionsAreAskedAgain) {
  Fill(kP0, TenOfEach({3}));
  Fill(kP1, TenOfEach({3}));
  LookUpsAnswer({{{kP0, KafkaError::kNotLeaderOrFollower, {}}}, {}, {Ends(kP0, 3, 10), Ends(kP1, 3, 10)}});
  StartWith({kP0, kP1});
  RunUntil([&] {
    if (leader_.waiting() && (AskedAt(kP0) < 0 || AskedAt(kP1) < 0)) leader_.Say({});
    return AskedAt(kP0) == 10 && AskedAt(kP1) == 10 && leader_.waiting();
  });
  EXPECT_GE(leader_.epoch_look_ups.size(), 3u);
  EXPECT_THAT(events_.in_doubt, ElementsAre(HasSubstr("NOT_LEADER_OR_FOLLOWER")));
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(FetchLaneTruncationTest, Ft11_ALookUpThatIsLostIsSentAgain) {
  Fill(kP0, TenOfEach({3}));
  leader_.truncation_on_fetch = false;
  leader_.on_epoch_look_up = [this](const std::vector<EpochQuery>&) -> absl::StatusOr<std::vector<EpochAnswer>> {
    if (leader_.epoch_look_ups.size() == 1) return absl::UnavailableError("connection lost");
    return std::vector{Ends(kP0, 3, 10)};
  };
  StartWith({kP0});
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_THAT(events_.in_doubt, ElementsAre("connection lost"));
}

TEST_F(FetchLaneTruncationTest, Ft10_RecordsWithoutAnEpochAreCutToTheHighWatermark) {
  Fill(kP0, TenOfEach({3, 4}), 10);
  ASSERT_TRUE(Log(kP0).epochs().Clear().ok());
  StartWith({kP0});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_THAT(leader_.epoch_look_ups, IsEmpty());
}

// What happened: after a restart old metadata named the leader of an epoch before the log's last; it knew of no such
// epoch, and all above the high watermark was cut, though the true leader had it.
TEST_F(FetchLaneTruncationTest, Inv14_NothingIsCutOnTheWordOfALeaderOlderThanTheLog) {
  Fill(kP0, Batch(0, 10, 6), 4);
  Start();
  Add(kP0, 5);
  RunUntil([this] { return !events_.failed.empty(); });
  EXPECT_FALSE(events_.in_doubt.empty());
  EXPECT_EQ(End(kP0), 10);
  EXPECT_THAT(leader_.fetches, IsEmpty());
  Add(kP0, 6);
  RunUntilAskedAt(kP0, 10);
}

// What happened: a divergence at our very end was asked about again with every answer.
TEST_F(FetchLaneTruncationTest, Bad15_ADivergenceThatChangesNothingIsAskedAboutAfterAPause) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  Fill(kP0, TenOfEach({3, 4}), 5);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .diverging = Diverging(4, 20)}}});
  Serve({});
  EXPECT_EQ(End(kP0), 20);
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 0);
}

// What happened: each look-up of a log that its own retention had trimmed wrote the checkpoint files.
TEST_F(FetchLaneTruncationTest, Log103_WhereNothingIsCutNoCheckpointIsWritten) {
  Fill(kP0, TenOfEach({3, 4}), 20);
  ASSERT_TRUE(Log(kP0).MaybeIncrementLogStartOffset(Offset{10}).ok());
  LookUpsAnswer({{Ends(kP0, 4, 20)}});
  StartWith({kP0});
  EXPECT_EQ(AskedAt(kP0), 20);
  EXPECT_THAT(events_.persisted, IsEmpty());
}

}  // namespace
}  // namespace slipstream
