// A leader that has what comes next in remote storage only: TS-01..TS-09.
#include "tests/fetcher/lane_fixture.h"
#include "tests/support/fake_remote_storage.h"

namespace slipstream {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Uuid kTopicId{21, 22};

// Its log: epochs 0@0 1@85 3@90, 120 records; from offset 90 on they are local. We fetch in epoch 5.
class FetchLaneTierTest : public LaneFixture {
 protected:
  FetchLaneTierTest() {
    config_.replica_id = BrokerId{2};
    config_.remote_storage = &storage_;
    log_config_.remote_storage = true;
    storage_.base_offset = Offset{50};
    storage_.last_offset = Offset{89};
    storage_.epochs = {{LeaderEpoch{0}, Offset{0}}, {LeaderEpoch{1}, Offset{85}}};
    ProducerStateTable producers;
    producers.Restore(300, {.epoch = 4});
    storage_.producer_snapshot = EncodeProducerSnapshot(producers);
    leader_.on_list_offset = [this](Timestamp timestamp) { return Offsets(timestamp); };
    leader_.on_epoch_look_up = [this](const std::vector<EpochQuery>& queries) {
      return std::vector<EpochAnswer>{{queries.at(0).partition, epoch_error_, {LeaderEpoch{1}, Offset{90}}}};
    };
  }
  void TearDown() override {
    storage_.Release();
    LaneFixture::TearDown();
  }

  OffsetAnswer Offsets(Timestamp timestamp) {
    if (timestamp == kLatestTimestamp) return {KafkaError::kNone, Offset{120}, LeaderEpoch{3}};
    if (timestamp == kEarliestLocalTimestamp) return {KafkaError::kNone, Offset{local_start_}, LeaderEpoch{3}};
    return {KafkaError::kNone, Offset{log_start_}, LeaderEpoch{0}};
  }
  void StartTiered(const std::vector<TopicPartition>& partitions) {
    Start();
    for (const TopicPartition& partition : partitions) Add(partition, 5, kTopicId);
    Settle();
  }
  void SayMoved() { leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetMovedToTieredStorage}}}); }
  PartitionHealth Health(const TopicPartition& partition) { return Progress(partition)->health.load(); }
  // Answers long polls until the storage was asked so often: meanwhile P1 is fetched.
  void ServeUntilStorageAsked(size_t times) {
    ServeUntil([&] { return storage_.asked().size() >= times; });
  }
  void ExpectRebuilt() {
    EXPECT_EQ(End(kP0), 90);
    EXPECT_EQ(Log(kP0).log_start_offset(), Offset{log_start_});
    EXPECT_EQ(Log(kP0).local_log_start_offset(), Offset{90});
    EXPECT_EQ(Log(kP0).epochs().entries(), storage_.epochs);
    ASSERT_NE(Log(kP0).producers().Find(300), nullptr);
    EXPECT_EQ(Log(kP0).producers().Find(300)->epoch, 4);
    EXPECT_EQ(AskedAt(kP0), 90);
    EXPECT_EQ(AskedAfterEpoch(kP0), 1);
  }

  FakeRemoteStorage storage_;
  int64_t log_start_ = 0, local_start_ = 90;
  KafkaError epoch_error_ = KafkaError::kNone;
};

TEST_F(FetchLaneTierTest, Ts01_Ts02_Ts05_Ts07_ANewReplicaGoesOnBehindWhatIsInRemoteStorage) {
  StartTiered({kP0, kP1});
  SayMoved();
  PollUntilAskedAt(kP0, 90);
  ExpectRebuilt();
  EXPECT_THAT(leader_.offset_queries, ElementsAre(kEarliestTimestamp, kEarliestLocalTimestamp, kLatestTimestamp));
  EXPECT_EQ(leader_.epoch_look_ups.at(0).at(0).leader_epoch, LeaderEpoch{2});
  EXPECT_THAT(leader_.offset_query_epochs, ::testing::Each(LeaderEpoch{5}));
  EXPECT_THAT(storage_.asked(), ElementsAre(FakeRemoteStorage::Asked{kP0, kTopicId, LeaderEpoch{1}, Offset{89}}));
  EXPECT_EQ(counters_.remote_rebuilds.load(), 1u);
  EXPECT_EQ(counters_.remote_rebuild_errors.load(), 0u);
  EXPECT_EQ(Progress(kP0)->Lag(), -1) << "nobody knows until the leader says";
  EXPECT_THAT(events_.notices, Contains(HasSubstr("orders-0: the copy begins at offset 90 now")));
  Serve({{{.partition = kP0, .records = Batch(90, 10, 3), .high_watermark = 120}}});
  EXPECT_EQ(End(kP0), 100);
  EXPECT_EQ(Progress(kP0)->Lag(), 20);
  EXPECT_EQ(leader_.Asked(kP0)->log_start_offset, Offset{0}) << "of the partition, not of what is here";
}

TEST_F(FetchLaneTierTest, Ts06_AnOldLogIsDroppedForIt) {
  Fill(kP0, MakeRun({.record_count = 10, .leader_epoch = 0}, 3), 30);
  StartTiered({kP0, kP1});
  ASSERT_EQ(AskedAt(kP0), 30);
  log_start_ = 20;
  SayMoved();
  PollUntilAskedAt(kP0, 90);
  ExpectRebuilt();
  EXPECT_TRUE(absl::IsOutOfRange(Log(kP0).Read(Offset{25}, Offset{90}, 1).status()));
  EXPECT_THAT(events_.lost, IsEmpty()) << "the leader still has it all";
  ASSERT_THAT(events_.persisted, SizeIs(2));
  EXPECT_EQ(events_.persisted[0].recovery_point, Offset{0}) << "before the old log goes";
  EXPECT_EQ(events_.persisted[0].log_start_offset, Offset{20});
  EXPECT_EQ(events_.persisted[1].recovery_point, Offset{90}) << "before the new one is there";
  EXPECT_EQ(events_.persisted[1].log_start_offset, Offset{20});
  EXPECT_TRUE(events_.persisted[1].log_start_needs_checkpoint);
}

TEST_F(FetchLaneTierTest, Ts06_WhatWasTakenOverSurvivesARestart) {
  StartTiered({kP0, kP1});
  SayMoved();
  PollUntilAskedAt(kP0, 90);
  Serve({{{.partition = kP0, .records = Batch(90, 10, 3), .high_watermark = 100}}});
  const LogOffsets offsets = OffsetsOf(Log(kP0));
  EXPECT_EQ(offsets.recovery_point, Offset{90});
  const LogOpenOptions options{.recovery_point = offsets.recovery_point,
                               .log_start_offset = offsets.log_start_offset,
                               .start_may_be_remote = true,
                               .high_watermark = offsets.high_watermark};
  const auto again = PartitionLog::Open(SystemFileIo(), Log(kP0).directory(), kP0, log_config_, options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->log_start_offset(), Offset{0});
  EXPECT_EQ((*again)->local_log_start_offset(), Offset{90});
  EXPECT_EQ((*again)->log_end_offset(), Offset{100});
  EXPECT_THAT((*again)->epochs().entries(),
              ElementsAre(storage_.epochs[0], storage_.epochs[1], EpochStart{LeaderEpoch{3}, Offset{90}}));
  EXPECT_NE((*again)->producers().Find(300), nullptr);
}

// A leader that begins above us, and keeps locally what lies even higher.
TEST_F(FetchLaneTierTest, Ts01_AnOffsetOutOfRangeLeadsThereByWayOfTheLogStart) {
  log_start_ = 40;
  storage_.epochs = {{LeaderEpoch{0}, Offset{40}}, {LeaderEpoch{1}, Offset{85}}};
  StartTiered({kP0, kP1});
  leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}}});
  PollUntilAskedAt(kP0, 40);
  SayMoved();
  PollUntilAskedAt(kP0, 90);
  ExpectRebuilt();
}

TEST_F(FetchLaneTierTest, Ts09_OthersAreFetchedWhileRemoteStorageIsSlow) {
  storage_.Hold();
  StartTiered({kP0, kP1, kP2});
  SayMoved();
  ServeUntilStorageAsked(1);
  for (int64_t offset = 0; offset < 3; ++offset) {
    Serve({{{.partition = kP1, .records = Batch(offset, 1)}}});
    ASSERT_EQ(End(kP1), offset + 1);
  }
  EXPECT_EQ(AskedAt(kP0), -1);
  const size_t queries = leader_.offset_queries.size();
  leader_.Say({{{.partition = kP2, .error = KafkaError::kOffsetOutOfRange}}});
  ServeUntil([&] { return leader_.offset_queries.size() == queries + 2; });
  PollUntilAskedAt(kP2, 0);
  EXPECT_EQ(AskedAt(kP0), -1) << "questions of others do not wait for it either";
  storage_.Release();
  PollUntilAskedAt(kP0, 90);
}

TEST_F(FetchLaneTierTest, Ts08_AnErrorOfRemoteStorageIsToldAndTriedAgainFromTheStart) {
  Fill(kP0, Batch(0, 5, 0));
  storage_.failure = absl::NotFoundError("no segment holds it");
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntil([&] { return !events_.failed.empty(); });
  EXPECT_EQ(events_.failed[0].partition, kP0);
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("remote storage: no segment holds it"));
  EXPECT_FALSE(events_.failed[0].for_good);
  EXPECT_EQ(End(kP0), 5) << "the log is as it was";
  EXPECT_THAT(events_.persisted, IsEmpty());
  storage_.Hold();
  ServeUntilStorageAsked(storage_.asked().size() + 1);
  storage_.failure = absl::OkStatus();
  storage_.Release();
  PollUntilAskedAt(kP0, 90);
  EXPECT_GE(leader_.offset_queries.size(), 6u) << "where its local log begins may have moved";
  EXPECT_GE(counters_.remote_rebuild_errors.load(), 1u);
  EXPECT_EQ(Health(kP0), PartitionHealth::kFetching);
}

TEST_F(FetchLaneTierTest, Ts08_DamagedStateLeavesTheLogAsItWas) {
  Fill(kP0, Batch(0, 5, 0));
  storage_.producer_snapshot = "no snapshot";
  config_.replica_fetch_backoff = config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntil([&] { return !events_.failed.empty(); });
  EXPECT_TRUE(absl::IsDataLoss(events_.failed[0].why)) << events_.failed[0].why;
  EXPECT_EQ(End(kP0), 5);
  EXPECT_TRUE(Log(kP0).failure().ok());
}

TEST_F(FetchLaneTierTest, Ts08_Ft33_FencedFailsThePartition) {
  config_.replica_fetch_backoff = config_.failed_partition_backoff_max = std::chrono::hours(1);
  epoch_error_ = KafkaError::kFencedLeaderEpoch;
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntil([&] { return Health(kP0) == PartitionHealth::kFailed; });
  ASSERT_THAT(events_.failed, SizeIs(1));
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("FENCED_LEADER_EPOCH"));
  EXPECT_THAT(events_.in_doubt, Contains(HasSubstr("FENCED_LEADER_EPOCH")));
  EXPECT_THAT(storage_.asked(), IsEmpty());
}

TEST_F(FetchLaneTierTest, Ts08_OtherErrorsOfTheQuestionsAreAskedAgain) {
  int refused = 3;
  leader_.on_list_offset = [&](Timestamp timestamp) -> std::optional<OffsetAnswer> {
    if (refused == 0) return Offsets(timestamp);
    if (--refused == 2) return std::nullopt;
    return OffsetAnswer{.error = KafkaError::kNotLeaderOrFollower, .offset = {}, .leader_epoch = {}};
  };
  StartTiered({kP0, kP1});
  SayMoved();
  PollUntilAskedAt(kP0, 90);
  ExpectRebuilt();
  EXPECT_THAT(events_.failed, IsEmpty());
  EXPECT_THAT(events_.in_doubt, Contains(HasSubstr("NOT_LEADER_OR_FOLLOWER")));
}

TEST_F(FetchLaneTierTest, ALeaderThatHasItLocallyAfterAllIsFetchedFrom) {
  Fill(kP0, Batch(0, 5, 0));
  local_start_ = 5;
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntil([&] { return leader_.offset_queries.size() == 3; });
  PollUntilAskedAt(kP0, 5);
  EXPECT_EQ(End(kP0), 5);
  EXPECT_THAT(storage_.asked(), IsEmpty());
}

// The answer is about an assignment that is over.
TEST_F(FetchLaneTierTest, Inv10_APartitionTakenAwayMeanwhileIsNotTouched) {
  storage_.Hold();
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntilStorageAsked(1);
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  RunUntil([&] { return removed; });
  storage_.Release();
  RunUntil([&] { return leader_.waiting(); });
  Add(kP0, 6, kTopicId);
  PollUntilAskedAt(kP0, 0);
  EXPECT_EQ(End(kP0), 0);
  EXPECT_EQ(leader_.Asked(kP0)->current_leader_epoch, LeaderEpoch{6});
}

TEST_F(FetchLaneTierTest, Fm18_AStopWaitsForTheStorageAndTouchesNothing) {
  storage_.Hold();
  StartTiered({kP0, kP1});
  SayMoved();
  ServeUntilStorageAsked(1);
  lane_->Stop();
  io_.poll();
  EXPECT_FALSE(ended_);
  storage_.Release();
  RunUntil([this] { return ended_; });
  EXPECT_EQ(End(kP0), 0);
}

}  // namespace
}  // namespace slipstream
