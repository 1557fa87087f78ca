// What goes wrong in an answer or behind it: FT-25, FT-26, FT-31..FT-33.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FetchLaneErrorsTest : public LaneFixture {
 protected:
  PartitionHealth Health(const TopicPartition& partition) { return Progress(partition)->health.load(); }
  uint64_t errors() const { return counters_.fetch_errors.load(); }
};

TEST_F(FetchLaneErrorsTest, Ft25_AfterATransportErrorEverythingIsAskedAnew) {
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  ASSERT_THAT(leader_.fetches.back().told, SizeIs(1));
  Serve({.transport = absl::UnavailableError("connection lost")});
  EXPECT_TRUE(leader_.fetches.back().full);
  EXPECT_THAT(leader_.fetches.back().told, SizeIs(2));
  EXPECT_EQ(AskedAt(kP0), 3);
  EXPECT_THAT(events_.in_doubt, ElementsAre("connection lost"));
  Serve({{{.partition = kP0, .records = Batch(3, 1)}}});
  EXPECT_EQ(End(kP0), 4);
}

TEST_F(FetchLaneErrorsTest, Fm15_AFetchThatFailsIsARequestToo) {
  const LaneCounters& counted = lane_counters_[static_cast<size_t>(LaneKind::kBulk)];
  StartWith({kP0, kP1});
  EXPECT_EQ(counted.requests.load(), 1u);
  EXPECT_EQ(counted.partitions.load(), 2u);
  Serve({.transport = absl::UnavailableError("connection lost")});
  EXPECT_EQ(counted.requests.load(), 2u);
  const std::vector<std::byte> batch = Batch(0, 3);
  Serve({{{.partition = kP0, .records = batch}}});
  EXPECT_EQ(counted.bytes.load(), batch.size());
  lane_->Remove({kP0}, [] {});
  RunUntil([&] { return counted.partitions.load() == 1; });
}

TEST_F(FetchLaneErrorsTest, ALeaderIsLostWhenTryingAgainFailsTooAndToldOfWhenItAnswers) {
  StartWith({kP0});
  Serve({});
  EXPECT_THAT(events_.leader, ElementsAre("reached"));
  Serve({.transport = absl::UnavailableError("connection lost")});
  Serve({});
  EXPECT_THAT(events_.leader, SizeIs(1)) << "made anew at once: nothing a person need know";
  for (const char* why : {"connection lost", "refused", "refused"}) Serve({.transport = absl::UnavailableError(why)});
  EXPECT_THAT(events_.leader, ElementsAre("reached", "lost: refused", "lost: refused"));
  for (int i = 0; i < 2; ++i) Serve({});
  EXPECT_THAT(events_.leader, ElementsAre("reached", "lost: refused", "lost: refused", "reached"));
}

TEST_F(FetchLaneErrorsTest, ALeaderThatStaysSilentIsLostAtOnce) {
  StartWith({kP0});
  Serve({.transport = absl::DeadlineExceededError("no answer within 30000 ms")});
  EXPECT_THAT(events_.leader, ElementsAre("lost: no answer within 30000 ms"));
}

TEST_F(FetchLaneErrorsTest, ALeaderThatRefusesASessionIsThere) {
  StartWith({kP0});
  for (int i = 0; i < 3; ++i) Serve({.error = KafkaError::kFetchSessionIdNotFound});
  EXPECT_THAT(events_.leader, ElementsAre("reached"));
}

TEST_F(FetchLaneErrorsTest, Ft26_SessionErrorsInARowAreBackedOffAndThenAskedInFull) {
  StartWith({kP0});
  const auto begin = std::chrono::steady_clock::now();
  Serve({.error = KafkaError::kInvalidFetchSessionEpoch});
  EXPECT_TRUE(leader_.fetches.back().full);
  Serve({.error = KafkaError::kFetchSessionIdNotFound});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(150))
      << "the second pause is twice the first";
  EXPECT_TRUE(leader_.fetches.back().full);
  EXPECT_EQ(leader_.fetches.back().request.session_id, 0);
  EXPECT_EQ(stale_answers(), 2u);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
}

// KAFKA-9137: sessions that drive each other out of the leader's cache, again and again.
TEST_F(FetchLaneErrorsTest, Ft26_Rel25_ASessionThatIsEvictedAgainAndAgainLosesNothing) {
  StartWith({kP0, kP1});
  for (int64_t round = 0; round < 3; ++round) {
    Serve({{{.partition = kP0, .records = Batch(2 * round, 1)}, {.partition = kP1, .records = Batch(round, 1)}}});
    Serve({{{.partition = kP0, .records = Batch(2 * round + 1, 1)}}});
    const size_t fetches = leader_.fetches.size();
    const auto begin = std::chrono::steady_clock::now();
    Serve({.error = KafkaError::kFetchSessionIdNotFound});
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50)) << "asked again without a pause";
    ASSERT_EQ(leader_.fetches.size(), fetches + 1);
    EXPECT_TRUE(leader_.fetches.back().full);
    EXPECT_THAT(leader_.fetches.back().told, SizeIs(2));
  }
  EXPECT_EQ(End(kP0), 6);
  EXPECT_EQ(End(kP1), 3);
  EXPECT_THAT(events_.leader, ElementsAre("reached"));
}

class ErrorThatDelays : public FetchLaneErrorsTest, public ::testing::WithParamInterface<KafkaError> {};

TEST_P(ErrorThatDelays, Ft31_Rel20_OnlyItsOwnPartition) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve(
      {{{.partition = kP0, .records = Batch(0, 9), .error = GetParam()}, {.partition = kP1, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(AskedAt(kP0), -1) << "out of the session while it waits";
  EXPECT_EQ(Health(kP0), PartitionHealth::kDelayed);
  EXPECT_EQ(errors(), 1u);
  Serve({{{.partition = kP1, .records = Batch(3, 3)}}});
  EXPECT_EQ(End(kP1), 6);
  EXPECT_EQ(events_.in_doubt.empty(), !NeedsMetadataRefresh(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Codes, ErrorThatDelays,
                         ::testing::Values(KafkaError::kNotLeaderOrFollower, KafkaError::kUnknownTopicOrPartition,
                                           KafkaError::kKafkaStorageError, KafkaError::kCorruptMessage,
                                           KafkaError::kTopicAuthorizationFailed, KafkaError::kUnknownServerError),
                         [](const auto& test) { return KafkaErrorName(test.param); });

// What is only in remote storage is for whoever can read that: the partition waits and says so.
TEST_F(FetchLaneErrorsTest, Ts03_WithoutRemoteStorageThePartitionFailsAndTellsWhatIsMissing) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  Fill(kP0, Batch(0, 5));
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kOffsetMovedToTieredStorage},
          {.partition = kP1, .records = Batch(0, 3)}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kFailed);
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()),
              AllOf(HasSubstr("OFFSET_MOVED_TO_TIERED_STORAGE"), HasSubstr("offset 5 in remote storage only"),
                    HasSubstr("remote.log.storage.dir")));
  EXPECT_EQ(End(kP0), 5) << "nothing of the copy is touched";
  Serve({{{.partition = kP1, .records = Batch(3, 3)}}});
  EXPECT_EQ(End(kP1), 6);
}

TEST_F(FetchLaneErrorsTest, Ft07_Ft34_ADelayedPartitionIsFetchedAgainAtItsOldOffset) {
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  Serve({{{.partition = kP0, .error = KafkaError::kUnknownLeaderEpoch}}});
  ASSERT_EQ(AskedAt(kP0), -1);
  PollUntilAskedAt(kP0, 3);
  EXPECT_EQ(Health(kP0), PartitionHealth::kFetching);
  EXPECT_THAT(events_.in_doubt, IsEmpty()) << "our view is the newer one";
}

TEST_F(FetchLaneErrorsTest, Ft05_WithNothingToFetchTheLaneSleepsUntilAPartitionIsDue) {
  config_.replica_fetch_backoff = std::chrono::milliseconds(20);
  StartWith({kP0});
  leader_.Say({{{.partition = kP0, .error = KafkaError::kNotLeaderOrFollower}}});
  const auto begin = std::chrono::steady_clock::now();
  RunUntilAskedAt(kP0, 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
  ASSERT_THAT(leader_.fetches, SizeIs(3)) << "it was not asked for anything meanwhile";
  EXPECT_THAT(leader_.fetches[1].told, IsEmpty());
  EXPECT_THAT(leader_.fetches[1].forgotten, ElementsAre(kP0));
  EXPECT_EQ(leader_.fetches[2].told.at(kP0).fetch_offset, Offset{0});
}

TEST_F(FetchLaneErrorsTest, Ft32_Rel49_ADamagedBatchIsAskedForAgainAndHeals) {
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Damaged(Batch(0, 3)), .high_watermark = 3},
          {.partition = kP1, .records = Batch(0, 2)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{0});
  EXPECT_EQ(End(kP1), 2);
  EXPECT_THAT(events_.notices, ElementsAre(HasSubstr("scripted:9092")));
  PollUntilAskedAt(kP0, 0);
  EXPECT_EQ(AskedAfterEpoch(kP0), -1);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(FetchLaneErrorsTest, Ft32_Rel49_ABatchBelowTheExpectedOffsetIsRefused) {
  Fill(kP0, Batch(0, 5));
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0,
           .records = MakeBatches({{.base_offset = 5, .leader_epoch = 5}, {.base_offset = 4, .leader_epoch = 5}})}}});
  EXPECT_EQ(End(kP0), 5) << "nothing of the answer is taken";
  EXPECT_THAT(events_.notices, ElementsAre(HasSubstr("batch at offset 4 where 6 was expected")));
  PollUntilAskedAt(kP0, 5);
}

TEST_F(FetchLaneErrorsTest, Ft36_Rel49_WhatComesBeforeABatchOfANewerLeaderIsTaken) {
  StartWith({kP0, kP1});
  const std::vector<std::byte> batches =
      MakeBatches({{.base_offset = 0, .record_count = 3, .leader_epoch = 5}, {.base_offset = 3, .leader_epoch = 6}});
  Serve({{{.partition = kP0, .records = batches}}});
  EXPECT_EQ(End(kP0), 3);
  EXPECT_EQ(Log(kP0).latest_epoch(), LeaderEpoch{5});
  EXPECT_EQ(AskedAt(kP0), 3);
}

TEST_F(FetchLaneErrorsTest, Ft36_Rel49_ANewerLeadersBatchInFrontWaitsForTheNews) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .records = Batch(0, 3, 6)}}});
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(AskedAt(kP0), -1) << "asking at once would bring the same batch again";
  EXPECT_THAT(events_.in_doubt, ElementsAre(HasSubstr("leader epoch above 5")));
  Add(kP0, 6);
  Serve({});
  Serve({{{.partition = kP0, .records = Batch(0, 3, 6)}}});
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(FetchLaneErrorsTest, Ft08_Ft33_Rel21_AFencedPartitionFailsUntilItIsAddedAgain) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kFencedLeaderEpoch}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kFailed);
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("FENCED_LEADER_EPOCH"));
  EXPECT_THAT(events_.in_doubt, SizeIs(1));
  Serve({{{.partition = kP1, .records = Batch(0, 1)}}});
  EXPECT_EQ(End(kP1), 1) << "FT-08: the others go on";
  Add(kP0, 6);
  Serve({});
  EXPECT_EQ(AskedAt(kP0), 0);
  EXPECT_EQ(leader_.Asked(kP0)->current_leader_epoch, LeaderEpoch{6});
}

TEST_F(FetchLaneErrorsTest, Fm05_Rel21_AddingAFailedPartitionAgainHealsItAtOnce) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kFencedLeaderEpoch}}});
  Add(kP0);
  Serve({});
  EXPECT_EQ(AskedAt(kP0), 0);
  EXPECT_EQ(Health(kP0), PartitionHealth::kFetching);
}

TEST_F(FetchLaneErrorsTest, Ft32_Rel21_AFullDiskFailsThePartitionAndHealsByTime) {
  StartWith({kP0});
  queue_.write_bytes_left = 10;
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 3}}});
  leader_.Say({});  // to the fetch that left ahead of the write
  RunUntilAskedAt(kP0, 0);
  EXPECT_EQ(End(kP0), 0);
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_TRUE(absl::IsResourceExhausted(events_.failed[0].why)) << events_.failed[0].why;
  EXPECT_EQ(Progress(kP0)->log_end_offset.load(), 0);
  queue_.write_bytes_left = 1 << 20;
  Serve({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 3}}});
  EXPECT_EQ(End(kP0), 3);
  EXPECT_EQ(Health(kP0), PartitionHealth::kFetching);
}

// What happened: damage of our own log was taken for damage of the answer, which was then asked for again for ever.
TEST_F(FetchLaneErrorsTest, Ft32_DamageOfOurOwnLogFailsThePartition) {
  StartWith({kP0});
  queue_.full = absl::DataLossError("the index is damaged");
  queue_.write_bytes_left = 10;
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});
  leader_.Say({});  // to the fetch that left ahead of the write
  RunUntilAskedAt(kP0, 0);
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("the index is damaged"));
  EXPECT_THAT(events_.notices, IsEmpty()) << "the leader is not to blame";
}

// What happened: it was taken for damage on the way, and asked for again every second, for ever and without an end of
// `--until caught-up`.
TEST_F(FetchLaneErrorsTest, Log26_ABatchOfAnOldFormatFailsThePartitionAndWhatIsBeforeItStays) {
  config_.failed_partition_backoff_max = config_.replica_fetch_backoff = std::chrono::hours(1);
  StartWith({kP0, kP1});
  const std::vector<std::byte> old = MakeOldMessage();
  std::vector<std::byte> both = Batch(0, 1);
  both.insert(both.end(), old.begin(), old.end());
  Serve({{{.partition = kP0, .records = both}}});
  EXPECT_EQ(End(kP0), 1);
  EXPECT_THAT(events_.failed, IsEmpty());
  Serve({{{.partition = kP0, .records = old}}});
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_TRUE(absl::IsUnimplemented(events_.failed[0].why)) << events_.failed[0].why;
  EXPECT_EQ(Health(kP0), PartitionHealth::kFailed);
  EXPECT_EQ(AskedAt(kP0), -1);
}

// What happened: one bit of a batch on its way made it look so, and ended a run until caught up.
TEST_F(FetchLaneErrorsTest, Ft32_Log26_ADamagedMagicIsAskedForAgain) {
  StartWith({kP0, kP1});
  std::vector<std::byte> damaged = Batch(0, 3);
  damaged[16] = std::byte{0};
  Serve({{{.partition = kP0, .records = damaged}}});
  EXPECT_THAT(events_.failed, IsEmpty());
  EXPECT_THAT(events_.notices, ElementsAre(HasSubstr("message format 0 (before Kafka 0.11), or damaged")));
  PollUntilAskedAt(kP0, 0);
  Serve({{{.partition = kP0, .records = Batch(0, 3)}}});
  EXPECT_EQ(End(kP0), 3);
}

// What happened: without the right to read, a copy stood still for ever and nothing said why.
TEST_F(FetchLaneErrorsTest, Ft31_AnErrorThatWaitingDoesNotEndIsTold) {
  config_.replica_fetch_backoff = std::chrono::hours(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kTopicAuthorizationFailed}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kDelayed);
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_EQ(events_.failed[0].partition, kP0);
  EXPECT_FALSE(events_.failed[0].for_good);
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
}

// What happened: a quiet partition that failed once stayed marked so, and was never compacted again.
TEST_F(FetchLaneErrorsTest, Ft39_AGoodAnswerWithoutRecordsForgetsEarlierFailures) {
  config_.replica_fetch_backoff = std::chrono::milliseconds(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kFencedLeaderEpoch}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kFailed);
  PollUntilAskedAt(kP0, 0);
  Serve({{{.partition = kP0, .high_watermark = 0}}});
  Serve({{{.partition = kP0, .error = KafkaError::kNotLeaderOrFollower}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kDelayed) << "an ordinary pause";
}

// What happened: where others filled the answers, a disk that stayed full was tried again without the longer pauses.
TEST_F(FetchLaneErrorsTest, Ft39_Rel21_AnAnswerThatHadNoRoomForItForgetsNoFailures) {
  config_.replica_fetch_backoff = std::chrono::milliseconds(1);
  StartWith({kP0, kP1});
  Serve({{{.partition = kP0, .error = KafkaError::kFencedLeaderEpoch}}});
  PollUntilAskedAt(kP0, 0);
  Serve({{{.partition = kP0, .high_watermark = 3}}});
  Serve({{{.partition = kP0, .error = KafkaError::kNotLeaderOrFollower}}});
  EXPECT_EQ(Health(kP0), PartitionHealth::kFailed);
}

TEST_F(FetchLaneErrorsTest, Fm10_Rel21_ADiskThatStaysFullIsTriedLessAndLessOften) {
  config_.replica_fetch_backoff = std::chrono::milliseconds(20);
  StartWith({kP0});
  queue_.write_bytes_left = 10;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});
    leader_.Say({});
    RunUntil([&] { return leader_.waiting() && events_.failed.size() == static_cast<size_t>(i) + 1; });
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20 + 40 + 80));
}

// What happened: the exception left with a fetch under way, which the lane's end took for a mistake of ours.
TEST_F(FetchLaneErrorsTest, Fm16_AnExceptionLeavesOnceNothingIsUnderWay) {
  StartWith({kP0});
  bool asked = false;
  queue_.before_write = [&] {
    if (!std::exchange(asked, true)) lane_->Remove({kP1}, [] { throw std::runtime_error("no memory to remove"); });
  };
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3)}}});  // and the next fetch leaves ahead of the write
  EXPECT_THROW(RunUntil([] { return false; }), std::runtime_error);
  EXPECT_FALSE(leader_.waiting());
  EXPECT_EQ(End(kP0), 3);
  lane_.reset();
}

TEST_F(FetchLaneErrorsTest, Fm16_AnExceptionInAQuestionEndsTheLane) {
  StartWith({kP0, kP1});
  leader_.on_list_offset = [](Timestamp) -> OffsetAnswer { throw std::runtime_error("no memory for an answer"); };
  leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}}});
  EXPECT_THROW(RunUntil([] { return false; }), std::runtime_error);
  EXPECT_FALSE(leader_.waiting());
  lane_.reset();
}

}  // namespace
}  // namespace slipstream
