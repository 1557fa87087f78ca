// A log that begins behind records of remote storage: TS-06. What crashes and errors of the disk leave of it: the
// scenario RebuildBehindRemoteStorage of tests/log/crash.
#include <gmock/gmock.h>

#include "log/log_directory.h"
#include "log/producer_snapshot.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/log_configs.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TopicPartition kPartition{"t", 0};
constexpr EpochStart kEpoch0{LeaderEpoch{0}, Offset{0}}, kEpoch2{LeaderEpoch{2}, Offset{60}},
    kEpoch3{LeaderEpoch{3}, Offset{105}};

class PartitionLogRemoteTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.log = KeepsAll();
    config_.log.remote_storage = true;
    config_.log_dir = dir_.path();
    config_.num_recovery_threads = config_.num_sync_threads = 1;
    Open();
    Append({.record_count = 10});
    ProducerStateTable producers;
    producers.Restore(77, {.epoch = 5, .last_timestamp = SystemClock().WallTime()});  // or the next start forgets it
    state_ = {Offset{20}, Offset{100}, {kEpoch0, kEpoch2}, EncodeProducerSnapshot(producers)};
  }
  void Open() {
    auto opened = LogDirectory::Open(SystemFileIo(), config_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    directory_ = *std::move(opened);
    const auto log = directory_->GetOrCreate(kPartition, Uuid{1, 2});
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *log;
  }
  void StopAndStart() {
    ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*log_)}).ok());
    ASSERT_TRUE(directory_->Close().ok());
    directory_.reset();
    Open();
  }
  void Append(BatchSpec spec) {
    spec.base_offset = log_->log_end_offset().value;
    const absl::Status appended = RunToEnd(log_->AppendAsFollower(queue_, MakeBatch(spec), WriteHint::kCached));
    ASSERT_TRUE(appended.ok()) << appended;
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  absl::Status Rebuild() {
    return log_->RebuildFrom(state_, [this] {
      ++checkpoints_;
      return directory_->WriteCheckpoints({OffsetsOfRebuilt(*log_, state_)});
    });
  }
  void ExpectRebuilt(int64_t log_start, int64_t end) {
    EXPECT_EQ(log_->log_start_offset(), Offset{log_start});
    EXPECT_EQ(log_->local_log_start_offset(), Offset{100});
    EXPECT_EQ(log_->log_end_offset(), Offset{end});
    EXPECT_EQ(log_->high_watermark(), Offset{end});
    ASSERT_NE(log_->producers().Find(77), nullptr);
    EXPECT_EQ(log_->producers().Find(77)->epoch, 5);
  }

  TempDir dir_;
  LogDirectoryConfig config_;
  FailingQueue queue_;
  std::unique_ptr<LogDirectory> directory_;
  PartitionLog* log_ = nullptr;
  RemoteLogState state_;
  int checkpoints_ = 0;
};

TEST_F(PartitionLogRemoteTest, Ts06_TheLogIsDroppedAndBeginsBehindWithEpochsAndProducersOfBefore) {
  ASSERT_TRUE(Rebuild().ok());
  ExpectRebuilt(20, 100);
  EXPECT_EQ(log_->recovery_point(), Offset{100});
  EXPECT_EQ(checkpoints_, 1);
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(kEpoch0, kEpoch2));
  Append({.record_count = 5, .leader_epoch = 2});
  Append({.record_count = 5, .leader_epoch = 3});
  ExpectRebuilt(20, 110);
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(kEpoch0, kEpoch2, kEpoch3));
  EXPECT_EQ(log_->EndOffsetForEpoch(LeaderEpoch{1}), (EpochEndOffset{LeaderEpoch{0}, Offset{60}}));
}

TEST_F(PartitionLogRemoteTest, Ts06_ItIsAllThereAfterAStop) {
  ASSERT_TRUE(Rebuild().ok());
  Append({.record_count = 5, .leader_epoch = 2});
  StopAndStart();
  ExpectRebuilt(20, 105);
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{LeaderEpoch{0}, Offset{20}}, kEpoch2));
}

TEST_F(PartitionLogRemoteTest, WhatIsInRemoteStorageCannotBeReadHere) {
  ASSERT_TRUE(Rebuild().ok());
  Append({.record_count = 5, .leader_epoch = 2});
  EXPECT_TRUE(absl::IsOutOfRange(log_->Read(Offset{50}, Offset{105}, 1).status()));
  EXPECT_TRUE(log_->Read(Offset{100}, Offset{105}, 1).ok());
  log_->UpdateHighWatermark(Offset{30});
  EXPECT_EQ(log_->high_watermark(), Offset{100});
}

TEST_F(PartitionLogRemoteTest, ALogStartThatRisesInRemoteStorageTakesItsEpochsAlong) {
  ASSERT_TRUE(Rebuild().ok());
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{70}).ok());
  ExpectRebuilt(70, 100);
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{LeaderEpoch{2}, Offset{70}}));
  StopAndStart();
  ExpectRebuilt(70, 100);
}

// A later leader whose log diverges from what is in remote storage: it will be rebuilt from there.
TEST_F(PartitionLogRemoteTest, ACutBelowTheLocalStartLeavesAnEmptyLogThere) {
  ASSERT_TRUE(Rebuild().ok());
  Append({.record_count = 5, .leader_epoch = 2});
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsForCut(*log_, Offset{90})}).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{90}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{90});
  EXPECT_EQ(log_->log_end_offset(), Offset{90});
  ASSERT_TRUE(Rebuild().ok());
  ExpectRebuilt(20, 100);
}

// The checkpoint of a start may be older than the removal of the segments behind it.
TEST_F(PartitionLogRemoteTest, WithoutRemoteStorageTheLogStartsWhereItsSegmentsDo) {
  ASSERT_TRUE(Rebuild().ok());
  config_.log.remote_storage = false;
  StopAndStart();
  ExpectRebuilt(100, 100);
}

TEST_F(PartitionLogRemoteTest, ALogWithoutACheckpointedStartStartsWhereItsSegmentsDo) {
  ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{50}).ok());
  Append({.record_count = 5});
  ASSERT_TRUE(RunToEnd(log_->Flush(queue_)).ok());
  EXPECT_FALSE(log_->log_start_needs_checkpoint());
  StopAndStart();
  EXPECT_EQ(log_->log_start_offset(), Offset{50});
}

TEST_F(PartitionLogRemoteTest, Ts08_StateThatIsNoneLeavesTheLogAsItWas) {
  const RemoteLogState sound = state_;
  const auto expect_refused = [&](absl::StatusCode code, const char* word) {
    const absl::Status refused = Rebuild();
    EXPECT_EQ(refused.code(), code) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(word));
    state_ = sound;
  };
  state_.producer_snapshot.resize(20);
  expect_refused(absl::StatusCode::kDataLoss, "CRC");
  state_.epochs = {kEpoch2, kEpoch0};
  expect_refused(absl::StatusCode::kDataLoss, "epoch 0");
  state_.epochs = {kEpoch0, kEpoch3};
  expect_refused(absl::StatusCode::kDataLoss, "up to 100");
  state_.log_start_offset = Offset{101};
  expect_refused(absl::StatusCode::kInvalidArgument, "101");
  EXPECT_EQ(log_->log_end_offset(), Offset{10});
  EXPECT_TRUE(log_->failure().ok());
  EXPECT_EQ(checkpoints_, 0);
  Append({.record_count = 5});
}

TEST_F(PartitionLogRemoteTest, Ts09_BeforeItsCheckpointsSpeakOfTheOldLog) {
  const LogOffsets before = OffsetsForRebuild(*log_, state_);
  EXPECT_EQ(before.recovery_point, Offset{0});
  EXPECT_EQ(before.log_start_offset, Offset{20}) << "the leader has nothing below it";
  state_.log_start_offset = Offset{0};
  EXPECT_EQ(OffsetsForRebuild(*log_, state_).log_start_offset, Offset{0});
}

}  // namespace
}  // namespace slipstream
