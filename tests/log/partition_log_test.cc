#include "log/partition_log.h"

#include <gmock/gmock.h>

#include "log/record_batch.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

class PartitionLogTest : public testing::Test {
 protected:
  void SetUp() override { Reopen({.clean = true}); }

  void Reopen(LogOpenOptions options) {
    log_.reset();
    auto opened = PartitionLog::Open(SystemFileIo(), directory(), {"orders", 3}, config_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
  }
  std::filesystem::path directory() const { return dir_.path() / "orders-3"; }
  bool HasFile(int64_t base, absl::string_view suffix) const {
    return std::filesystem::exists(directory() / SegmentFileName(Offset{base}, suffix));
  }

  absl::Status Append(ByteSpan batches, WriteHint hint = WriteHint::kCached) {
    return RunToEnd(log_->AppendAsFollower(queue_, batches, hint));
  }
  absl::Status Append(const BatchSpec& spec) { return Append(MakeBatch(spec)); }
  absl::Status Flush() { return RunToEnd(log_->Flush(queue_)); }

  // Base offsets of the whole batches in a slice.
  std::vector<int64_t> Bases(const LogSlice& slice) {
    std::vector<int64_t> bases;
    if (slice.file == nullptr) return bases;
    std::vector<std::byte> bytes(slice.bytes);
    EXPECT_EQ(*slice.file->ReadAt(bytes, slice.position), bytes.size());
    BatchWalker walker(bytes);
    while (walker.Next()) bases.push_back(walker.batch().base_offset().value);
    return bases;
  }
  std::vector<int64_t> Read(int64_t offset, int64_t bound, uint64_t bytes_max = 1 << 20) {
    const auto slice = log_->Read(Offset{offset}, Offset{bound}, bytes_max);
    EXPECT_TRUE(slice.ok()) << slice.status();
    return slice.ok() ? Bases(*slice) : std::vector<int64_t>{-1};
  }

  TempDir dir_;
  LogConfig config_;
  FailingQueue queue_;
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(PartitionLogTest, Log164_ConfigBoundsAreNamed) {
  LogConfig config;
  EXPECT_TRUE(config.Validate().ok());
  config.segment_bytes = 13;
  EXPECT_EQ(config.Validate().message(), "segment.bytes is 13, must be at least 14");
  config = {};
  config.segment_ms = std::chrono::milliseconds(0);
  EXPECT_FALSE(config.Validate().ok());
  config = {};
  config.segment_index_bytes = 11;
  EXPECT_FALSE(config.Validate().ok());
  config = {};
  config.index_interval_bytes = -1;
  EXPECT_FALSE(config.Validate().ok());
}

TEST_F(PartitionLogTest, Log05_FollowerStoresBytesUnchanged) {
  // Unknown attribute bits and an unknown compression code are the leader's business.
  const std::vector<std::byte> batches = MakeBatches(
      {{.leader_epoch = 4, .extra_attributes = 0x0f80}, {.base_offset = 1, .leader_epoch = 4, .extra_attributes = 7}});
  ASSERT_TRUE(Append(batches).ok());
  const std::string file = *ReadWholeFile(SystemFileIo(), directory() / SegmentFileName(Offset{0}, kLogSuffix));
  ASSERT_EQ(file.size(), batches.size());
  EXPECT_EQ(std::memcmp(file.data(), batches.data(), file.size()), 0);
}

TEST_F(PartitionLogTest, Log65_OffsetsOutOfOrderWriteNothing) {
  EXPECT_TRUE(absl::IsDataLoss(Append(MakeBatches({{.base_offset = 5}, {.base_offset = 5}}))));
  EXPECT_TRUE(absl::IsDataLoss(Append(MakeBatches({{.base_offset = 5}, {.base_offset = 2}}))));
  EXPECT_EQ(log_->log_end_offset(), Offset{0});
  EXPECT_EQ(queue_.writes, 0);
}

TEST_F(PartitionLogTest, Log66_Inv08_AppendBelowTheLogEndIsRefused) {
  ASSERT_TRUE(Append({.record_count = 10}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Append({.base_offset = 9})));
  EXPECT_TRUE(absl::IsFailedPrecondition(Append({.base_offset = 0, .record_count = 20})));
  EXPECT_EQ(log_->log_end_offset(), Offset{10});
}

TEST_F(PartitionLogTest, Log67_GapBeforeABatchIsLegal) {
  ASSERT_TRUE(Append({.record_count = 2}).ok());
  ASSERT_TRUE(Append({.base_offset = 50}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{51});
  EXPECT_THAT(Read(2, 51), ElementsAre(50));
}

TEST_F(PartitionLogTest, Log148_OffsetsAreNotCounts) {
  ASSERT_TRUE(Append({.record_count = 1, .last_offset_delta = 9}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{10});
  ASSERT_TRUE(Append({.base_offset = 10, .record_count = 0, .producer_id = 7, .last_offset_delta = 4}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{15});
}

TEST_F(PartitionLogTest, Inv09_WrongCrcWritesNothing) {
  std::vector<std::byte> batches = MakeRun({}, 3);
  batches[batches.size() - 3] ^= std::byte{4};
  EXPECT_TRUE(absl::IsDataLoss(Append(batches)));
  EXPECT_EQ(queue_.writes, 0);
  EXPECT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, batches, WriteHint::kCached, /*checked=*/true)).ok());
}

TEST_F(PartitionLogTest, Inv09_EpochMayNotFall) {
  ASSERT_TRUE(Append({.leader_epoch = 5}).ok());
  EXPECT_TRUE(absl::IsDataLoss(Append({.base_offset = 1, .leader_epoch = 4})));
  EXPECT_TRUE(absl::IsDataLoss(
      Append(MakeBatches({{.base_offset = 1, .leader_epoch = 7}, {.base_offset = 2, .leader_epoch = 6}}))));
  EXPECT_EQ(log_->log_end_offset(), Offset{1});
}

TEST_F(PartitionLogTest, Log70_Log174_NegativeEpochIsRefusedBeforeTheWrite) {
  EXPECT_TRUE(absl::IsDataLoss(Append({.leader_epoch = -1})));
  EXPECT_EQ(queue_.writes, 0);
}

TEST_F(PartitionLogTest, Log61_Log63_EpochsAreOnTheDiskBeforeTheRecoveryPointPassesThem) {
  const std::filesystem::path epoch_file = directory() / "leader-epoch-checkpoint";
  ASSERT_TRUE(Append({.leader_epoch = 8}).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadWholeFile(SystemFileIo(), epoch_file).status()));
  Reopen({});
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{8}) << "what lies above the recovery point is read again";
  ASSERT_TRUE(Append({.base_offset = 1, .leader_epoch = 9}).ok());
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(ReadWholeFile(SystemFileIo(), epoch_file).value_or(""), "0\n2\n8 0\n9 1\n");
}

TEST_F(PartitionLogTest, Log63_Log131_LoadTrimsEpochsThatRanAheadOfTheData) {
  ASSERT_TRUE(Append({.leader_epoch = 8}).ok());
  ASSERT_TRUE(log_->epochs().Assign(LeaderEpoch{9}, Offset{1}).ok());
  Reopen({});
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{8});
}

TEST_F(PartitionLogTest, Inv07_FailedAppendTakesBackTheEpochItAnnounced) {
  ASSERT_TRUE(Append({.leader_epoch = 2}).ok());
  queue_.write_bytes_left = 10;
  EXPECT_FALSE(Append({.base_offset = 5, .leader_epoch = 8}).ok());
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{2}, {0}}));
}

TEST_F(PartitionLogTest, Inv07_AnEpochThatCannotBeTakenBackOnAFullDiskIsTakenBackBeforeTheNextAppend) {
  log_.reset();
  FailingIo io;
  log_ = *PartitionLog::Open(io, directory(), {"orders", 3}, config_, {.clean = true});
  ASSERT_TRUE(Append({.leader_epoch = 2}).ok());
  io.before_write = [](const std::filesystem::path& path) {
    const bool full = path.filename() == "leader-epoch-checkpoint.tmp";
    return full ? absl::ResourceExhaustedError("the test's disk is full") : absl::OkStatus();
  };
  queue_.write_bytes_left = 10;
  const absl::Status failed = Append({.base_offset = 5, .leader_epoch = 8});
  EXPECT_TRUE(absl::IsResourceExhausted(failed));
  EXPECT_THAT(std::string(failed.message()), testing::HasSubstr("; then: the test's disk is full"));
  EXPECT_FALSE(Append({.base_offset = 6, .leader_epoch = 8}).ok()) << "nothing goes before that";
  io.before_write = nullptr;
  queue_.write_bytes_left = 1 << 20;
  ASSERT_TRUE(Append({.base_offset = 6, .leader_epoch = 8}).ok());
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{2}, {0}}, EpochStart{{8}, {6}}));
}

TEST_F(PartitionLogTest, Log72_FailedWriteAfterARollPastAHoleLeavesTheLogUsable) {
  ASSERT_TRUE(Append(BatchSpec{}).ok());
  queue_.write_bytes_left = 10;
  EXPECT_FALSE(Append({.base_offset = 5'000'000'000}).ok());
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_FALSE(HasFile(5'000'000'000, kLogSuffix));
  queue_.write_bytes_left = 1 << 20;
  ASSERT_TRUE(Append({.base_offset = 1}).ok());
  EXPECT_THAT(Read(0, 2), ElementsAre(0, 1));
}

TEST_F(PartitionLogTest, Log61_EachNewEpochIsAssignedAtItsFirstOffset) {
  ASSERT_TRUE(Append(MakeBatches({{.record_count = 3, .leader_epoch = 1},
                                  {.base_offset = 3, .leader_epoch = 1},
                                  {.base_offset = 6, .leader_epoch = 4}}))
                  .ok());
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{1}, {0}}, EpochStart{{4}, {6}}));
  EXPECT_EQ(log_->EndOffsetForEpoch(LeaderEpoch{1}), (EpochEndOffset{{1}, {6}}));
}

TEST_F(PartitionLogTest, Log69_FollowerDoesNotCheckSequences) {
  ASSERT_TRUE(Append(MakeBatches({{.producer_id = 9, .producer_epoch = 3, .base_sequence = 0},
                                  {.base_offset = 1, .producer_id = 9, .producer_epoch = 3, .base_sequence = 0},
                                  {.base_offset = 2, .producer_id = 9, .producer_epoch = 1, .base_sequence = 77}}))
                  .ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
}

TEST_F(PartitionLogTest, Log71_OneRunIsSplitOverSegmentsAtBatchBoundaries) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(3 * size + 10);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 10), WriteHint::kBulk).ok());
  EXPECT_EQ(log_->segment_count(), 4u);
  EXPECT_EQ(queue_.writes, 4) << "one write for each segment";
  EXPECT_TRUE(HasFile(3, kLogSuffix) && HasFile(6, kLogSuffix) && HasFile(9, kLogSuffix));
  EXPECT_THAT(Read(4, 10), ElementsAre(4, 5)) << "one segment a read (LOG-147)";
  EXPECT_EQ(log_->size_bytes(), 10 * size);
  const absl::Status too_large = Append({.base_offset = 10, .value_bytes = 4 * size});
  EXPECT_TRUE(absl::IsInvalidArgument(too_large)) << too_large;
}

TEST_F(PartitionLogTest, Log85_Log170_HoleMovesTheBaseOfTheNewSegment) {
  ASSERT_TRUE(Append({.record_count = 4}).ok());
  ASSERT_TRUE(Append({.base_offset = 5'000'000'000}).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_TRUE(HasFile(5'000'000'000, kLogSuffix));
  EXPECT_THAT(Read(4, 5'000'000'001), ElementsAre(5'000'000'000));
}

TEST_F(PartitionLogTest, Log85_AHoleAtARollLiesInTheNewSegmentAndNotBeforeIt) {
  config_.segment_bytes = static_cast<int32_t>(2 * MakeBatch({}).size());
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 2)).ok());
  ASSERT_TRUE(Append({.base_offset = 1000}).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_TRUE(HasFile(2, kLogSuffix));
  EXPECT_THAT(Read(2, 1001), ElementsAre(1000));
}

TEST_F(PartitionLogTest, Rel44_GapBeforeTheVeryFirstBatch) {
  ASSERT_TRUE(Append({.base_offset = 9'000'000'000}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{9'000'000'001});
  EXPECT_THAT(Read(0, 9'000'000'001), ElementsAre(9'000'000'000));
}

TEST_F(PartitionLogTest, Log86_Inv17_BulkRollRaisesTheRecoveryPointAfterTheFsync) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 5), WriteHint::kBulk).ok());
  EXPECT_EQ(log_->recovery_point(), Offset{4});
  EXPECT_GE(queue_.syncs, 6) << "each closed segment with both indexes";
  EXPECT_FALSE(log_->FlushDue());
}

TEST_F(PartitionLogTest, Log86_RollAtTheTailLeavesTheRecoveryPointToFlush) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 5)).ok());
  EXPECT_EQ(queue_.syncs, 0);
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  EXPECT_TRUE(log_->FlushDue());
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(log_->recovery_point(), Offset{5});
  EXPECT_FALSE(log_->FlushDue());
}

TEST_F(PartitionLogTest, Log72_WriteErrorKeepsTheWrittenPrefix) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  queue_.write_bytes_left = 3 * size + 5;
  EXPECT_TRUE(absl::IsResourceExhausted(Append(MakeRun({}, 6))));
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
  EXPECT_EQ(log_->size_bytes(), 2 * size);
  queue_.write_bytes_left = 1 << 20;
  ASSERT_TRUE(Append(MakeRun({.base_offset = 2}, 4)).ok());
  EXPECT_THAT(Read(2, 6), ElementsAre(2, 3));
  EXPECT_THAT(Read(4, 6), ElementsAre(4, 5));
}

TEST_F(PartitionLogTest, Inv20_FailedFsyncFailsTheLogForGood) {
  ASSERT_TRUE(Append(BatchSpec{}).ok());
  queue_.fail_syncs = true;
  EXPECT_TRUE(absl::IsUnavailable(Flush()));
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  queue_.fail_syncs = false;
  const int syncs = queue_.syncs;
  EXPECT_FALSE(Flush().ok()) << "never retried as if it might have worked (LOG-97)";
  EXPECT_EQ(queue_.syncs, syncs);
  EXPECT_FALSE(Append({.base_offset = 1}).ok());
  EXPECT_FALSE(log_->TruncateTo(Offset{0}).ok());
  EXPECT_FALSE(log_->Close().ok());
}

TEST_F(PartitionLogTest, Log95_FlushCoversEmptyActiveSegment) {
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  ASSERT_TRUE(Append({.record_count = 3}).ok());
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(log_->recovery_point(), Offset{3});
  const int syncs = queue_.syncs;
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(queue_.syncs, syncs) << "nothing is new";
}

TEST_F(PartitionLogTest, Log03_LeaderStampsOffsetsAndEpoch) {
  ASSERT_TRUE(Append({.record_count = 5}).ok());
  std::vector<std::byte> batches = MakeBatches({{.record_count = 3}, {.record_count = 2}});
  const auto first = RunToEnd(log_->AppendAsLeader(queue_, batches, LeaderEpoch{6}));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, Offset{5});
  EXPECT_EQ(log_->log_end_offset(), Offset{10});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{0}, {0}}, EpochStart{{6}, {5}}));
  EXPECT_THAT(Read(5, 10), ElementsAre(5, 8));
}

TEST_F(PartitionLogTest, Log98_Log175_TruncationAtTheEndStillTrimsEpochs) {
  ASSERT_TRUE(Append({.record_count = 5, .leader_epoch = 1}).ok());
  ASSERT_TRUE(log_->epochs().Assign(LeaderEpoch{2}, Offset{5}).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{9}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{1});
  EXPECT_TRUE(absl::IsInvalidArgument(log_->TruncateTo(Offset{-1})));
}

TEST_F(PartitionLogTest, Log99_Log101_TruncationDropsSegmentsAndLowersEverything) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({.leader_epoch = 1}, 4)).ok());
  ASSERT_TRUE(Append(MakeRun({.base_offset = 4, .leader_epoch = 2}, 4)).ok());
  ASSERT_TRUE(Flush().ok());
  log_->UpdateHighWatermark(Offset{7});
  ASSERT_TRUE(log_->TruncateTo(Offset{3}).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_FALSE(HasFile(4, kLogSuffix) || HasFile(4, kOffsetIndexSuffix) || HasFile(4, kTimeIndexSuffix));
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
  EXPECT_EQ(log_->high_watermark(), Offset{3});
  EXPECT_EQ(log_->recovery_point(), Offset{3});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{1}, {0}}));
  ASSERT_TRUE(Append({.base_offset = 3, .leader_epoch = 5}).ok());
  EXPECT_THAT(Read(2, 4), ElementsAre(2, 3));
}

TEST_F(PartitionLogTest, Log100_TruncationInsideABatchEndsAtItsBase) {
  ASSERT_TRUE(Append(MakeRun({.record_count = 10}, 2)).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{15}).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{10});
  ASSERT_TRUE(Append({.base_offset = 10, .record_count = 10}).ok()) << "the leader sends that batch again";
}

// After an unclean election the leader's records from the log start on may be of an earlier epoch than what was deleted
// in front of them.
TEST_F(PartitionLogTest, Inv07_ACutOfAllThatALogHasLeavesNothingBelowItsStart) {
  ASSERT_TRUE(Append({.record_count = 3, .leader_epoch = 5}).ok());
  ASSERT_TRUE(Append({.base_offset = 3, .record_count = 3, .leader_epoch = 5}).ok());
  log_->UpdateHighWatermark(Offset{6});
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{4}).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{4}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{4});
  EXPECT_EQ(log_->log_end_offset(), Offset{4});
  ASSERT_TRUE(Append({.base_offset = 4, .leader_epoch = 2}).ok());
  Reopen({.log_start_offset = Offset{4}});
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{2}, {4}}));
}

TEST_F(PartitionLogTest, Log102_Rel18_FullTruncationStartsAnew) {
  ASSERT_TRUE(Append(MakeRun({.leader_epoch = 3}, 4)).ok());
  ASSERT_TRUE(Flush().ok());
  for (const Offset start : {Offset{2}, Offset{0}, Offset{100}}) {
    ASSERT_TRUE(log_->TruncateFullyAndStartAt(start).ok());
    EXPECT_EQ(log_->log_start_offset(), start);
    EXPECT_EQ(log_->high_watermark(), start);
    EXPECT_EQ(log_->log_end_offset(), start);
    EXPECT_LE(log_->recovery_point(), start);
    EXPECT_TRUE(log_->epochs().entries().empty());
    EXPECT_EQ(log_->segment_count(), 1u);
    EXPECT_EQ(log_->size_bytes(), 0u);
    ASSERT_TRUE(Append({.base_offset = start.value, .leader_epoch = 3}).ok());
  }
  EXPECT_THAT(Read(100, 101), ElementsAre(100));
}

TEST_F(PartitionLogTest, Log98_BelowTheFirstSegmentStartsAnewThere) {
  ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{50}).ok());
  ASSERT_TRUE(Append({.base_offset = 50}).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{20}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{20});
  EXPECT_EQ(log_->log_end_offset(), Offset{20});
}

TEST_F(PartitionLogTest, Rel43_TruncateToAnEmptySegmentAppendRollReopen) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 4)).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{2}).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  ASSERT_TRUE(Append(MakeRun({.base_offset = 2}, 3)).ok());
  ASSERT_TRUE(log_->Close().ok());
  Reopen({.clean = true});
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_THAT(Read(2, 5), ElementsAre(2, 3));
  EXPECT_THAT(Read(4, 5), ElementsAre(4));
}

TEST_F(PartitionLogTest, Log105_LogStartGrowsUpToTheHighWatermark) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({.leader_epoch = 2}, 6)).ok());
  EXPECT_TRUE(absl::IsOutOfRange(log_->MaybeIncrementLogStartOffset(Offset{1})));
  EXPECT_TRUE(log_->UpdateHighWatermark(Offset{5}));
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{3}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{3});
  EXPECT_EQ(log_->segment_count(), 2u) << "the whole segment below it went (LOG-107)";
  EXPECT_FALSE(HasFile(0, kLogSuffix));
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{2}, {3}}));
  EXPECT_TRUE(log_->log_start_needs_checkpoint());
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{1}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{3}) << "it never falls";
  EXPECT_TRUE(absl::IsOutOfRange(log_->Read(Offset{2}, Offset{6}, 100).status()));
}

// (1) The log start rises past what was flushed; (2) the recovery point is checkpointed; (3) the power fails before the
// log start is: the old segments are back, some without their records, and a recovery point above them would vouch for
// all.
TEST_F(PartitionLogTest, Inv17_Log105_TheRecoveryPointDoesNotRiseWithTheLogStart) {
  ASSERT_TRUE(Append({.record_count = 3}).ok());
  ASSERT_EQ(log_->recovery_point(), Offset{0});
  EXPECT_TRUE(log_->UpdateHighWatermark(Offset{3}));
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{3}).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset{3});
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  ASSERT_TRUE(Flush().ok());
  EXPECT_EQ(log_->recovery_point(), Offset{3});
}

TEST_F(PartitionLogTest, Inv05_HighWatermarkIsClamped) {
  ASSERT_TRUE(Append({.record_count = 5}).ok());
  EXPECT_TRUE(log_->UpdateHighWatermark(Offset{90}));
  EXPECT_EQ(log_->high_watermark(), Offset{5});
  EXPECT_FALSE(log_->UpdateHighWatermark(Offset{5}));
  EXPECT_TRUE(log_->UpdateHighWatermark(Offset{2})) << "a follower's may fall (LOG-111)";
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{2}).ok());
  EXPECT_FALSE(log_->UpdateHighWatermark(Offset{-1}));
  EXPECT_EQ(log_->high_watermark(), Offset{2});
}

TEST_F(PartitionLogTest, Log145_ReadOutsideTheLogIsOutOfRange) {
  ASSERT_TRUE(Append({.record_count = 5}).ok());
  EXPECT_TRUE(absl::IsOutOfRange(log_->Read(Offset{6}, Offset{5}, 100).status()));
  EXPECT_TRUE(absl::IsOutOfRange(log_->Read(Offset{-1}, Offset{5}, 100).status()));
  EXPECT_EQ(log_->Read(Offset{5}, Offset{5}, 100)->file, nullptr);
  EXPECT_EQ(log_->Read(Offset{4}, Offset{2}, 100)->file, nullptr);
}

TEST_F(PartitionLogTest, Log146_ReadGivesTheWholeBatchThatHoldsTheOffset) {
  ASSERT_TRUE(Append(MakeRun({.record_count = 10}, 3)).ok());
  EXPECT_THAT(Read(15, 30), ElementsAre(10, 20));
}

TEST_F(PartitionLogTest, Log147_Log182_AtLeastOneBatchHoweverSmallTheLimit) {
  ASSERT_TRUE(Append(MakeRun({.value_bytes = 1000}, 3)).ok());
  EXPECT_THAT(Read(1, 3, 10), ElementsAre(1));
  EXPECT_THAT(Read(0, 3, 2300), ElementsAre(0, 1));
}

TEST_F(PartitionLogTest, Log150_NothingAtOrAboveTheBoundIsRead) {
  config_.index_interval_bytes = 300;
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({.record_count = 10}, 50)).ok());
  for (int64_t bound = 0; bound <= 500; ++bound) {
    const std::vector<int64_t> bases = Read(0, bound);
    ASSERT_EQ(bases.size(), static_cast<size_t>(bound / 10)) << "bound " << bound;
  }
}

TEST_F(PartitionLogTest, Log155_OffsetForTimestampFindsTheRecord) {
  const size_t size = MakeBatch({.record_count = 3}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({.record_count = 3, .base_timestamp = 1000, .timestamp_step = 10}, 5)).ok());
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{0}), std::pair(Timestamp{1000}, Offset{0}));
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{1011}), std::pair(Timestamp{1020}, Offset{2}));
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{1090}), std::pair(Timestamp{1090}, Offset{9}));
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{1141}), std::nullopt);
  log_->UpdateHighWatermark(Offset{15});
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{7}).ok());
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{0}), std::pair(Timestamp{1070}, Offset{7}));
}

TEST_F(PartitionLogTest, Log155_TimestampsThatFallAreStillFound) {
  ASSERT_TRUE(Append(MakeBatches({{.base_timestamp = 500},
                                  {.base_offset = 1, .base_timestamp = 100},
                                  {.base_offset = 2, .base_timestamp = 700}}))
                  .ok());
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{100}), std::pair(Timestamp{500}, Offset{0}));
  EXPECT_EQ(*log_->OffsetForTimestamp(Timestamp{501}), std::pair(Timestamp{700}, Offset{2}));
}

TEST_F(PartitionLogTest, Log48_Log191_TopicIdIsKeptAndNeverOverwritten) {
  const Uuid id{0x1234, 0x5678};
  EXPECT_EQ(log_->topic_id(), std::nullopt);
  ASSERT_TRUE(log_->AssignTopicId(id).ok());
  ASSERT_TRUE(log_->AssignTopicId(id).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->AssignTopicId(Uuid{1, 1})));
  Reopen({});
  EXPECT_EQ(log_->topic_id(), id);
}

TEST_F(PartitionLogTest, Log152_SliceOutlivesTheTruncationOfItsSegment) {
  ASSERT_TRUE(Append(MakeRun({}, 3)).ok());
  const LogSlice slice = *log_->Read(Offset{0}, Offset{3}, 1 << 20);
  ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{9}).ok());
  EXPECT_THAT(Bases(slice), ElementsAre(0, 1, 2));
}

TEST_F(PartitionLogTest, Log96_Log144_CloseLeavesTrimmedIndexesWithTheFinalEntry) {
  config_.index_interval_bytes = 100;
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 20)).ok());
  ASSERT_TRUE(log_->Close().ok());
  EXPECT_EQ(log_->recovery_point(), Offset{20});
  EXPECT_EQ(std::filesystem::file_size(directory() / SegmentFileName(Offset{0}, kOffsetIndexSuffix)) % 8, 0u);
  const std::string times = *ReadWholeFile(SystemFileIo(), directory() / SegmentFileName(Offset{0}, kTimeIndexSuffix));
  ASSERT_EQ(times.size() % 12, 0u);
  const auto bytes = std::as_bytes(std::span(times)).last(12);
  EXPECT_EQ(ReadBigEndian<int64_t>(bytes, 0), 1019);
  EXPECT_EQ(ReadBigEndian<int32_t>(bytes, 8), 19);
}

TEST_F(PartitionLogTest, ReadsOfAnIdleLogOpenItsFilesAgain) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  Reopen({.clean = true});
  ASSERT_TRUE(Append(MakeRun({}, 9)).ok());
  for (int round = 0; round < 2; ++round) {
    for (int64_t offset = 0; offset < 9; ++offset) EXPECT_EQ(Read(offset, 9).front(), offset);
  }
}

}  // namespace
}  // namespace slipstream
