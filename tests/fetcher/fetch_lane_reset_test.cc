// A fetch offset outside the leader's log: FT-40, FT-41.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FetchLaneResetTest : public LaneFixture {
 protected:
  void LeaderHas(int64_t start, int64_t end) {
    leader_.on_list_offset = [start, end](Timestamp timestamp) {
      return OffsetAnswer{KafkaError::kNone, Offset{timestamp == kLatestTimestamp ? end : start}, LeaderEpoch{5}};
    };
  }
  void ServeOutOfRange() { leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}}}); }
};

TEST_F(FetchLaneResetTest, Ft40_Rel16_Pf24_AShorterLeaderMeansACutToItsEnd) {
  Fill(kP0, MakeRun({.record_count = 10, .leader_epoch = 4}, 3), 20);
  StartWith({kP0});
  LeaderHas(0, 20);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(End(kP0), 20);
  EXPECT_EQ(AskedAt(kP0), 20);
  EXPECT_EQ(AskedAfterEpoch(kP0), 4);
  EXPECT_THAT(events_.truncated, ElementsAre(RecordingEvents::Truncated{kP0, Offset{30}, Offset{20}, false}));
}

TEST_F(FetchLaneResetTest, Rel20_ALeaderThatIsShorterAgainAndAgainIsAskedLessOften) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  Fill(kP0, MakeRun({.record_count = 10, .leader_epoch = 4}, 3), 20);
  StartWith({kP0, kP1});
  LeaderHas(0, 20);
  ServeOutOfRange();
  PollUntilAskedAt(kP0, 20);
  Serve({{{.partition = kP0, .records = Batch(20, 2)}}});
  ASSERT_EQ(AskedAt(kP0), 22);
  ServeOutOfRange();
  ServeUntil([this] { return End(kP0) == 20; });
  for (int i = 0; i < 2; ++i) Serve({});
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 0);
}

TEST_F(FetchLaneResetTest, Ft40_Rel17_ALeaderThatGrewPastUsMeanwhileLeavesTheLogAlone) {
  Fill(kP0, Batch(0, 10, 4));
  StartWith({kP0});
  LeaderHas(0, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_THAT(events_.truncated, IsEmpty());
  EXPECT_THAT(leader_.offset_queries, ElementsAre(kLatestTimestamp, kEarliestTimestamp));
}

// What happened: it was asked again without pause.
TEST_F(FetchLaneResetTest, Bad15_AnOffsetThatIsOutOfRangeWithinTheLeadersEndsIsAskedForAfterAPause) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  Fill(kP0, Batch(0, 10, 4));
  StartWith({kP0, kP1});
  LeaderHas(0, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 0);
  EXPECT_EQ(End(kP0), 10);
}

// What happened: the copy had all of a leader that an unclean election had made shorter, and waited for the rest.
TEST_F(FetchLaneResetTest, Inv24_WhatTheLeaderLostIsNotWaitedFor) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 50}}});
  EXPECT_EQ(Progress(kP0)->caught_up_at.load(), 50);
  LeaderHas(0, 10);
  Serve({{{.partition = kP0, .high_watermark = 10}}});
  EXPECT_TRUE(Progress(kP0)->CaughtUp());
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_THAT(events_.truncated, IsEmpty());
}

// Its high watermark only lags, as after any election: it says so (KIP-207), and what it has comes later.
TEST_F(FetchLaneResetTest, ALeaderThatDoesNotKnowItsEndYetLowersNoTarget) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 10), .high_watermark = 20}}});
  int asked = 0;
  leader_.on_list_offset = [&](Timestamp timestamp) {
    const KafkaError error = ++asked <= 2 ? KafkaError::kOffsetNotAvailable : KafkaError::kNone;
    return OffsetAnswer{error, Offset{timestamp == kLatestTimestamp ? 20 : 0}, LeaderEpoch{5}};
  };
  Serve({{{.partition = kP0, .high_watermark = 9}}});
  Serve({});  // the fetch that was under way meanwhile
  PollUntilAskedAt(kP0, 10);
  EXPECT_FALSE(Progress(kP0)->CaughtUp());
  Serve({{{.partition = kP0, .records = Batch(10, 10), .high_watermark = 20}}});
  EXPECT_TRUE(Progress(kP0)->CaughtUp());
}

TEST_F(FetchLaneResetTest, Ft40_Rel16_Rel18_Pf25_ALeaderThatBeginsAboveUsRestartsTheLogThere) {
  config_.gap_policy = GapPolicy::kRestart;
  Fill(kP0, Batch(0, 10, 4), 10);
  StartWith({kP0});
  LeaderHas(40, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{40});
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{40});
  EXPECT_EQ(End(kP0), 40);
  EXPECT_EQ(AskedAt(kP0), 40);
  EXPECT_EQ(AskedAfterEpoch(kP0), -1);
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{10}, Offset{40}}, Offset{40}}));
  Serve({{{.partition = kP0, .records = Batch(40, 10), .high_watermark = 50, .log_start_offset = 40}}});
  EXPECT_EQ(End(kP0), 50);
}

TEST_F(FetchLaneResetTest, AGapStopsThePartitionAndKeepsTheCopy) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  Fill(kP0, Batch(0, 10, 4), 10);
  StartWith({kP0, kP1});
  LeaderHas(40, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{0});
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{10}, Offset{40}}, std::nullopt}));
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("offsets 10 to 39"));
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_EQ(AskedAt(kP1), 0);
}

// What happened: the log was cut to the leader's end, where it then began, and what the leader has below was never
// asked for.
TEST_F(FetchLaneResetTest, Ft40_ALeaderThatEndsBelowOurLogStartRestartsTheLogAtItsOwn) {
  config_.gap_policy = GapPolicy::kRestart;
  ASSERT_TRUE(Log(kP0).TruncateFullyAndStartAt(Offset{40}).ok());
  Fill(kP0, Batch(40, 10, 4), 50);
  StartWith({kP0});
  LeaderHas(5, 20);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{5});
  EXPECT_EQ(End(kP0), 5);
  EXPECT_EQ(AskedAt(kP0), 5);
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{40}, Offset{50}, true}, Offset{5}}));
  ASSERT_THAT(events_.persisted, SizeIs(1));
  EXPECT_LE(events_.persisted[0].recovery_point, Offset{5}) << "before the copy is dropped";
  Serve({{{.partition = kP0, .records = Batch(5, 15), .high_watermark = 20, .log_start_offset = 5}}});
  EXPECT_EQ(End(kP0), 20);
}

TEST_F(FetchLaneResetTest, Ft40_ALeaderThatEndsBelowOurLogStartStopsThePartitionUnlessToldOtherwise) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  ASSERT_TRUE(Log(kP0).TruncateFullyAndStartAt(Offset{40}).ok());
  Fill(kP0, Batch(40, 10, 4), 50);
  StartWith({kP0, kP1});
  LeaderHas(5, 20);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{40});
  EXPECT_EQ(End(kP0), 50);
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{40}, Offset{50}, true}, std::nullopt}));
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_TRUE(absl::IsOutOfRange(events_.failed[0].why)) << events_.failed[0].why;
}

TEST_F(FetchLaneResetTest, ANewCopyBeginsWhereTheLeaderDoes) {
  StartWith({kP0});
  LeaderHas(40, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_EQ(AskedAt(kP0), 40);
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{40});
  EXPECT_THAT(events_.lost, IsEmpty());
}

// What happened: a copy of a topic that was empty at first ended as complete, and what had come and gone was not told.
TEST_F(FetchLaneResetTest, Ft40_WhatAnEmptyCopyMissedIsAGap) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0}}});
  LeaderHas(40, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{0}, Offset{40}}, std::nullopt}));
  EXPECT_THAT(events_.failed, SizeIs(1));
  EXPECT_EQ(End(kP0), 0);
}

TEST_F(FetchLaneResetTest, Ft40_WhatAnEmptyCopyMissedIsToldAndSkippedWhereThatIsAskedFor) {
  config_.gap_policy = GapPolicy::kRestart;
  StartWith({kP0});
  Serve({{{.partition = kP0}}});
  LeaderHas(40, 50);
  ServeOutOfRange();
  Settle();
  EXPECT_THAT(events_.lost, ElementsAre(RecordingEvents::Lost{{Offset{0}, Offset{40}}, Offset{40}}));
  EXPECT_EQ(AskedAt(kP0), 40);
}

// The leader trims its log faster than a new copy begins: nothing was promised yet.
TEST_F(FetchLaneResetTest, ANewCopyWhoseBeginningIsTrimmedBeforeItsFirstAnswerHasNoGap) {
  StartWith({kP0});
  LeaderHas(40, 50);
  ServeOutOfRange();
  RunUntilAskedAt(kP0, 40);
  LeaderHas(60, 70);
  ServeOutOfRange();
  RunUntilAskedAt(kP0, 60);
  EXPECT_THAT(events_.lost, IsEmpty());
}

TEST_F(FetchLaneResetTest, Ft41_AnErrorOfTheQueryIsAskedAgain) {
  StartWith({kP0});
  leader_.on_list_offset = [this](Timestamp) {
    return OffsetAnswer{
        leader_.offset_queries.size() <= 2 ? KafkaError::kNotLeaderOrFollower : KafkaError::kNone, Offset{0}, {}};
  };
  ServeOutOfRange();
  RunUntilAskedAt(kP0, 0);
  EXPECT_THAT(events_.in_doubt, ElementsAre(HasSubstr("NOT_LEADER_OR_FOLLOWER")));
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(FetchLaneResetTest, Ft41_ALostQueryIsAskedAgain) {
  StartWith({kP0});
  leader_.on_list_offset = [this](Timestamp) -> absl::StatusOr<OffsetAnswer> {
    if (leader_.offset_queries.size() == 1) return absl::UnavailableError("connection lost");
    return OffsetAnswer{KafkaError::kNone, Offset{0}, {}};
  };
  ServeOutOfRange();
  RunUntil([&] { return leader_.offset_queries.size() == 3 && leader_.waiting(); });
  EXPECT_EQ(AskedAt(kP0), 0);
  EXPECT_THAT(events_.in_doubt, ElementsAre("connection lost"));
}

// What happened: offsets of -1 went into the checkpoint files, and no start could read them.
TEST_F(FetchLaneResetTest, Ft41_ALeaderThatCannotTellItsEndsCutsNothingAndIsAskedAgain) {
  config_.gap_policy = GapPolicy::kRestart;
  Fill(kP0, Batch(0, 10, 4), 10);
  StartWith({kP0, kP1});
  LeaderHas(-1, -1);
  ServeOutOfRange();
  ServeUntil([this] { return leader_.offset_queries.size() >= 4; });
  EXPECT_EQ(End(kP0), 10);
  EXPECT_THAT(events_.persisted, IsEmpty());
  EXPECT_THAT(events_.lost, IsEmpty());
  EXPECT_THAT(events_.notices, ::testing::Contains(HasSubstr("says that its log lies from -1 to -1")));
}

class StraddlingBatchTest : public FetchLaneResetTest {
 protected:
  // A copy that began at the leader's log start, which lies inside a batch.
  StraddlingBatchTest() {
    EXPECT_TRUE(Log(kP0).TruncateFullyAndStartAt(Offset{12}).ok());
    StartWith({kP0, kP1});
  }
  static ScriptedFetch Answer(std::vector<std::byte> records) {
    return {{{.partition = kP0, .records = std::move(records), .high_watermark = 15, .log_start_offset = 12}}};
  }
};

// What happened: the log was begun at 10 before the batch was looked at, and then 10 to 11 were a gap.
TEST_F(StraddlingBatchTest, Ft37_Rel49_ADamagedOneChangesNothing) {
  Serve(Answer(Damaged(Batch(10, 5))));
  EXPECT_EQ(End(kP0), 12);
  EXPECT_THAT(events_.persisted, IsEmpty());
  PollUntilAskedAt(kP0, 12);
  Serve(Answer(Batch(10, 5)));
  EXPECT_EQ(End(kP0), 15);
  EXPECT_EQ(Log(kP0).log_start_offset(), Offset{12});
}

TEST_F(StraddlingBatchTest, Ft32_OneThatTheDiskHasNoRoomForIsNoGapThatEndsTheRun) {
  queue_.write_bytes_left = 0;
  Serve(Answer(Batch(10, 5)));
  PollUntilAskedAt(kP0, 10);
  queue_.write_bytes_left = 1 << 20;
  LeaderHas(12, 15);
  ServeOutOfRange();
  PollUntilAskedAt(kP0, 12);
  EXPECT_THAT(events_.lost, IsEmpty());
  Serve(Answer(Batch(10, 5)));
  EXPECT_EQ(End(kP0), 15);
}

}  // namespace
}  // namespace slipstream
