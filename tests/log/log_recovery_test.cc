#include "log/log_recovery.h"

#include <gmock/gmock.h>

#include <fstream>

#include "log/leftovers.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/open_files.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const size_t kBatchBytes = MakeBatch({}).size();
constexpr uintmax_t kTimeIndexEntryBytes = 12;

// Segments of two batches with one record each: bases 0, 2, 4, ...
class LogRecoveryTest : public testing::Test {
 protected:
  LogRecoveryTest() {
    config_.segment_bytes = static_cast<int32_t>(2 * kBatchBytes);
    config_.index_interval_bytes = 0;
  }

  absl::Status TryOpen(LogOpenOptions options) {
    log_.reset();
    auto opened = PartitionLog::Open(SystemFileIo(), dir_.path(), {"orders", 0}, config_, options);
    if (!opened.ok()) return opened.status();
    log_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Open(LogOpenOptions options) {
    const absl::Status opened = TryOpen(options);
    ASSERT_TRUE(opened.ok()) << opened;
  }
  // A log of `batches` batches, epoch = offset / 3, closed well.
  void Fill(int batches) {
    Open({.clean = true});
    for (int i = 0; i < batches; ++i) {
      const std::vector<std::byte> batch =
          MakeBatch({.base_offset = i, .leader_epoch = i / 3, .base_timestamp = 1000 + i});
      ASSERT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
    }
    ASSERT_TRUE(log_->Close().ok());
    log_.reset();
  }
  std::vector<int64_t> Offsets() {
    std::vector<int64_t> offsets;
    for (Offset next = log_->log_start_offset(); next < log_->log_end_offset();) {
      const LogSlice slice = *log_->Read(next, log_->log_end_offset(), 1 << 20);
      if (slice.file == nullptr) break;
      std::vector<std::byte> bytes(slice.bytes);
      EXPECT_EQ(*slice.file->ReadAt(bytes, slice.position), bytes.size());
      BatchWalker walker(bytes);
      while (walker.Next()) {
        EXPECT_TRUE(walker.batch().CrcValid());
        offsets.push_back(walker.batch().base_offset().value);
        next = walker.batch().next_offset();
      }
    }
    return offsets;
  }
  std::filesystem::path FilePath(int64_t base, absl::string_view suffix) const {
    return dir_.path() / SegmentFileName(Offset{base}, suffix);
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(dir_.path() / name); }
  void Touch(const std::string& name) { std::ofstream(dir_.path() / name) << "x"; }
  void FlipByte(const std::filesystem::path& path, int64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }
  std::vector<std::string> Files() const { return *SystemFileIo().List(dir_.path(), /*directories=*/false); }

  TempDir dir_;
  LogConfig config_;
  FailingQueue queue_;
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(LogRecoveryTest, Log131_CleanStartTrustsAndEndsAfterTheLastBatch) {
  Fill(5);
  Open({.clean = true});
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_EQ(log_->recovery_point(), Offset{5});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(LogRecoveryTest, Log131_UncleanRecoveryNeverAdvancesTheRecoveryPoint) {
  Fill(5);
  Open({.recovery_point = Offset{3}});
  EXPECT_EQ(log_->recovery_point(), Offset{3});
  Open({.recovery_point = Offset{90}});
  EXPECT_EQ(log_->recovery_point(), Offset{5});
}

TEST_F(LogRecoveryTest, Log110_HighWatermarkIsClampedIntoTheLog) {
  Fill(5);
  Open({.clean = true, .log_start_offset = Offset{2}, .high_watermark = Offset{0}});
  EXPECT_EQ(log_->high_watermark(), Offset{2});
  Open({.clean = true, .high_watermark = Offset{99}});
  EXPECT_EQ(log_->high_watermark(), Offset{5});
}

TEST_F(LogRecoveryTest, Log132_NoSegmentStartsAtTheCheckpoint) {
  Open({.log_start_offset = Offset{70}});
  EXPECT_EQ(log_->log_start_offset(), Offset{70});
  EXPECT_EQ(log_->log_end_offset(), Offset{70});
  EXPECT_TRUE(std::filesystem::exists(FilePath(70, kLogSuffix)));
}

TEST_F(LogRecoveryTest, Log132_VanishedDataStartsAnewAtTheLogStart) {
  Fill(5);
  Open({.clean = true, .log_start_offset = Offset{60}});
  EXPECT_EQ(log_->log_start_offset(), Offset{60});
  EXPECT_EQ(log_->log_end_offset(), Offset{60});
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_THAT(log_->epochs().entries(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(FilePath(0, kLogSuffix)));
}

TEST_F(LogRecoveryTest, Log137_SegmentsBelowTheRecoveryPointAreTrusted) {
  Fill(6);
  FlipByte(FilePath(0, kLogSuffix), 70);  // in a record: only a CRC check finds it
  Open({.recovery_point = Offset{2}});
  EXPECT_EQ(log_->log_end_offset(), Offset{6});
  Open({.recovery_point = Offset{1}});
  EXPECT_EQ(log_->log_end_offset(), Offset{0}) << "now the segment is scanned";
}

TEST_F(LogRecoveryTest, Log139_ACutRemovesAllLaterSegments) {
  Fill(9);
  FlipByte(FilePath(2, kLogSuffix), static_cast<int64_t>(kBatchBytes) + 65);
  Open({.recovery_point = Offset{0}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2));
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
  EXPECT_EQ(log_->segment_count(), 2u);
  for (const int64_t gone : {4, 6, 8}) {
    EXPECT_FALSE(std::filesystem::exists(FilePath(gone, kLogSuffix)));
    EXPECT_FALSE(std::filesystem::exists(FilePath(gone, kTimeIndexSuffix)));
  }
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{0}, {0}}));
}

TEST_F(LogRecoveryTest, Inv18_ASegmentThatLostItsLastBatchWholeEndsTheLog) {
  Fill(7);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes);  // its size did not reach the disk, the next did
  Open({.recovery_point = Offset{2}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2));
  EXPECT_EQ(log_->segment_count(), 2u);
}

TEST_F(LogRecoveryTest, Inv18_WhatIsRemovedIsToldOf) {
  Fill(7);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes);
  Open({.recovery_point = Offset{2}});
  EXPECT_THAT(log_->load_notices(),
              ElementsAre(HasSubstr("00000000000000000002.log: ends at offset 3, and the next segment begins at 4: it "
                                    "lost its end, and 2 later segments are removed")));
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes - 1);
  Open({.recovery_point = Offset{2}});
  EXPECT_THAT(log_->load_notices(),
              ElementsAre(HasSubstr(absl::StrCat("no sound batch at byte 0 of ", kBatchBytes - 1))));
}

TEST_F(LogRecoveryTest, Inv18_ALostEndIsFoundInACompactedLogToo) {
  Fill(7);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes);
  config_.cleanup_compact = true;
  Open({.recovery_point = Offset{2}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2));
}

TEST_F(LogRecoveryTest, Inv18_AHoleBetweenSegmentsStaysWhereItIsDurable) {
  Fill(7);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes);
  Open({.recovery_point = Offset{4}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2, 4, 5, 6));
}

TEST_F(LogRecoveryTest, Inv18_AHoleBetweenSegmentsStaysWhereKafkaWasKilled) {
  Fill(7);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), kBatchBytes);
  // As Kafka maps them, with a segment.index.bytes of the topic's own.
  std::filesystem::resize_file(FilePath(6, kOffsetIndexSuffix), 9000);
  std::filesystem::resize_file(FilePath(6, kTimeIndexSuffix), 9000);
  std::vector<Offset> told;
  Open({.recovery_point = Offset{0}, .on_recovery_point = [&](Offset offset) {
          EXPECT_EQ(std::filesystem::file_size(FilePath(6, kOffsetIndexSuffix)), 9000u)
              << "what tells of it goes later";
          told.push_back(offset);
          return absl::OkStatus();
        }});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2, 4, 5, 6));
  EXPECT_THAT(log_->load_notices(), IsEmpty());
  EXPECT_THAT(told, ElementsAre(Offset{6}));
  EXPECT_EQ(log_->recovery_point(), Offset{6});
  Open({.recovery_point = Offset{6}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2, 4, 5, 6));
}

TEST_F(LogRecoveryTest, Inv18_ARollAfterACutInAGapLeavesNoHoleToMistake) {
  Open({.clean = true});
  const std::vector<std::byte> large = MakeBatch({.base_offset = 7, .value_bytes = kBatchBytes});
  for (const std::vector<std::byte>& batch : {MakeBatch({}), MakeBatch({.base_offset = 20})})
    ASSERT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
  ASSERT_TRUE(log_->TruncateTo(Offset{5}).ok());
  ASSERT_EQ(log_->log_end_offset(), Offset{5});
  ASSERT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, large, WriteHint::kCached)).ok());
  ASSERT_EQ(log_->segment_count(), 2u);
  Open({});
  EXPECT_THAT(Offsets(), ElementsAre(0, 7));
  EXPECT_THAT(log_->load_notices(), IsEmpty());
}

TEST_F(LogRecoveryTest, ALogThatWasRecoveredHoldsNoFileOpen) {
  Fill(8);
  for (int64_t recovery_point = 0; recovery_point <= 8; ++recovery_point) {
    for (const bool clean : {true, false}) {
      std::filesystem::remove(FilePath(recovery_point / 3 * 2, kOffsetIndexSuffix));
      Open({.clean = clean, .recovery_point = Offset{recovery_point}});
      EXPECT_THAT(OpenFilesBelow(dir_.path()), IsEmpty()) << "recovery point " << recovery_point;
    }
  }
}

TEST_F(LogRecoveryTest, Inv18_ZerosThatAreBackBehindASealedSegmentAreCutAndNothingElse) {
  Fill(6);
  // Sealed after the flush that the recovery point stands for, and the cut of the file did not reach the disk.
  std::filesystem::resize_file(FilePath(2, kLogSuffix), 3 * kBatchBytes);
  Open({.recovery_point = Offset{4}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(std::filesystem::file_size(FilePath(2, kLogSuffix)), 2 * kBatchBytes);
  EXPECT_THAT(log_->load_notices(), IsEmpty());
}

TEST_F(LogRecoveryTest, Inv18_TornTailAtEveryLengthGivesAPrefix) {
  Fill(4);
  const std::string good = *ReadWholeFile(SystemFileIo(), FilePath(2, kLogSuffix));
  for (size_t length = 0; length <= good.size(); length += 3) {
    {
      std::ofstream(FilePath(2, kLogSuffix), std::ios::binary | std::ios::trunc) << good.substr(0, length);
    }
    Open({.recovery_point = Offset{2}});
    const int64_t whole = 2 + static_cast<int64_t>(length / kBatchBytes);
    ASSERT_EQ(log_->log_end_offset(), Offset{whole}) << "torn at " << length;
    ASSERT_EQ(Offsets().size(), static_cast<size_t>(whole));
    ASSERT_EQ(log_->size_bytes(), static_cast<size_t>(whole) * kBatchBytes);
  }
}

TEST_F(LogRecoveryTest, Inv18_RecoveringTwiceChangesNothing) {
  Fill(7);
  FlipByte(FilePath(4, kLogSuffix), static_cast<int64_t>(kBatchBytes) + 30);
  Open({.recovery_point = Offset{0}});
  const auto contents = [&] {
    std::map<std::string, std::string> all;
    for (const std::string& name : Files()) all[name] = *ReadWholeFile(SystemFileIo(), dir_.path() / name);
    return all;
  };
  log_.reset();
  const auto once = contents();
  Open({.recovery_point = Offset{0}});
  log_.reset();
  EXPECT_EQ(contents(), once);
}

// (1) All is flushed; (2) the next append rolls, and gives the time index of the old segment its last entry; (3) the
// power fails before that is flushed.
TEST_F(LogRecoveryTest, Inv18_ATimeIndexThatLostWhatTheRollSealedItWithIsMadeAnew) {
  Fill(5);
  const std::filesystem::path times = FilePath(2, kTimeIndexSuffix);
  const uintmax_t sealed = std::filesystem::file_size(times);
  std::filesystem::resize_file(times, sealed - kTimeIndexEntryBytes);
  Open({.recovery_point = Offset{4}});
  EXPECT_EQ(std::filesystem::file_size(times), sealed);
}

TEST_F(LogRecoveryTest, Rel45_Log135_MissingIndexesAreRebuilt) {
  Fill(6);
  const std::string index = *ReadWholeFile(SystemFileIo(), FilePath(2, kOffsetIndexSuffix));
  const std::string times = *ReadWholeFile(SystemFileIo(), FilePath(2, kTimeIndexSuffix));
  ASSERT_FALSE(index.empty());
  for (const bool clean : {true, false}) {
    for (const absl::string_view missing : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
      std::filesystem::remove(FilePath(2, missing));
      Open({.clean = clean, .recovery_point = Offset{6}});
      EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(2, kOffsetIndexSuffix)), index);
      EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(2, kTimeIndexSuffix)), times);
    }
  }
}

TEST_F(LogRecoveryTest, Log135_DamageBelowTheRecoveryPointIsReportedNotDropped) {
  Fill(6);
  std::filesystem::remove(FilePath(0, kOffsetIndexSuffix));
  FlipByte(FilePath(0, kLogSuffix), 16);  // the magic byte of the first batch
  const absl::Status opened = TryOpen({.clean = true});
  EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr(FilePath(0, kLogSuffix).string()));
  EXPECT_TRUE(std::filesystem::exists(FilePath(4, kLogSuffix)));
}

TEST_F(LogRecoveryTest, Log136_TornTailUnderACleanMarkIsCutAsWell) {
  Fill(4);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), 2 * kBatchBytes - 1);
  Open({.clean = true});
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
  EXPECT_EQ(log_->size_bytes(), 3 * kBatchBytes);
  std::filesystem::resize_file(FilePath(2, kLogSuffix), 10);  // and its last index entry points beyond the end
  Open({.clean = true});
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
}

TEST_F(LogRecoveryTest, Log133_DeletedFilesAndOrphanIndexesGo) {
  Fill(2);
  Touch("00000000000000000007.log.deleted");
  Touch("00000000000000000007.index.deleted");
  Touch("whatever.deleted");
  Touch("00000000000000000009.index");
  Touch("00000000000000000009.timeindex");
  Touch("notes.txt");
  ASSERT_TRUE(ClearLeftovers(SystemFileIo(), dir_.path()).ok());
  EXPECT_THAT(Files(), UnorderedElementsAre("00000000000000000000.index", "00000000000000000000.log",
                                            "00000000000000000000.timeindex", "00000000000000000002.snapshot",
                                            "leader-epoch-checkpoint", "notes.txt"));
}

TEST_F(LogRecoveryTest, Log133_UnfinishedSplitIsUndone) {
  Fill(4);
  Touch("00000000000000000002.log.cleaned");
  Touch("00000000000000000002.log.swap");
  Touch("00000000000000000003.log.swap");
  const auto contents = ClearLeftovers(SystemFileIo(), dir_.path());
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->segments.size(), 2u);
  EXPECT_FALSE(Has("00000000000000000002.log.cleaned") || Has("00000000000000000002.log.swap") ||
               Has("00000000000000000003.log.swap"));
}

TEST_F(LogRecoveryTest, Log133_CompleteSwapReplacesWhatItCovers) {
  Fill(6);
  // A merge of the segments at 0 and 2 that was renamed to .swap, but not yet to its final name.
  {
    const auto swap = *SystemFileIo().Open(dir_.path() / "00000000000000000000.log.swap", OpenMode::kCreateNew);
    const std::vector<std::byte> merged = MakeBatches({{.base_offset = 1}, {.base_offset = 3, .leader_epoch = 1}});
    ASSERT_TRUE(swap->WriteAt(merged, FilePosition{0}).ok());
  }
  Open({.recovery_point = Offset{6}});
  EXPECT_THAT(Offsets(), ElementsAre(1, 3, 4, 5));
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_FALSE(Has("00000000000000000000.log.swap"));
}

TEST_F(LogRecoveryTest, Log133_ASwapThatIsEmptyReplacesItsOwnBase) {
  Fill(6);
  // Compaction left nothing of the segment at 2, whose transaction index told of an abort.
  ASSERT_TRUE(SystemFileIo().Open(FilePath(2, ".log.swap"), OpenMode::kCreateNew).ok());
  Touch("00000000000000000002.txnindex");
  Open({.recovery_point = Offset{6}});
  EXPECT_THAT(Offsets(), ElementsAre(0, 1, 4, 5));
  EXPECT_EQ(log_->segment_count(), 3u);
  EXPECT_FALSE(Has("00000000000000000002.txnindex"));
}

TEST_F(LogRecoveryTest, Log39_SegmentFileWithoutANumberFailsTheLoad) {
  Fill(2);
  Touch("abc.log");
  const absl::Status opened = TryOpen({.clean = true});
  EXPECT_TRUE(absl::IsDataLoss(opened));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("abc.log"));
}

TEST_F(LogRecoveryTest, Log131_Ec08_Pf26_EpochsAreCutAtBothEnds) {
  Fill(8);  // epochs 0 from 0, 1 from 3, 2 from 6
  std::filesystem::remove(FilePath(6, kLogSuffix));
  Open({.recovery_point = Offset{6}, .log_start_offset = Offset{4}});
  EXPECT_EQ(log_->log_end_offset(), Offset{6});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{1}, {4}}));
}

TEST_F(LogRecoveryTest, Rel06_LostEpochFileIsRebuilt) {
  Fill(8);
  for (const bool clean : {true, false}) {
    std::filesystem::remove(dir_.path() / "leader-epoch-checkpoint");
    Open({.clean = clean, .recovery_point = Offset{8}});
    EXPECT_THAT(log_->epochs().entries(),
                ElementsAre(EpochStart{{0}, {0}}, EpochStart{{1}, {3}}, EpochStart{{2}, {6}}));
  }
}

TEST_F(LogRecoveryTest, Rel07_EpochFileOlderThanTheLogIsRebuilt) {
  Fill(8);
  for (const char* stale : {"0\n1\n0 0\n", "0\n1\n2 6\n", "0\n1\n9 5\n"}) {
    {
      std::ofstream(dir_.path() / "leader-epoch-checkpoint", std::ios::trunc) << stale;
    }
    Open({.clean = true});
    EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{0}, {0}}, EpochStart{{1}, {3}}, EpochStart{{2}, {6}}))
        << stale;
  }
}

// What happened: the log start rose, the epochs were cut there and durable, and a power cut took the log start back;
// the batches below told of no epoch, since only the segment's first batch was looked at, which the log start left out.
TEST_F(LogRecoveryTest, Rel07_Inv07_EpochsCutAtALogStartThatIsLostAreRebuilt) {
  Fill(8);
  { std::ofstream(dir_.path() / "leader-epoch-checkpoint", std::ios::trunc) << "0\n2\n1 5\n2 6\n"; }
  Open({.recovery_point = Offset{8}, .log_start_offset = Offset{1}});
  EXPECT_EQ(log_->log_start_offset(), Offset{1});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{0}, {1}}, EpochStart{{1}, {3}}, EpochStart{{2}, {6}}));
}

TEST_F(LogRecoveryTest, Log138_RecoveryRebuildsEpochsThatTheFileLacks) {
  Fill(5);
  { std::ofstream(dir_.path() / "leader-epoch-checkpoint", std::ios::trunc) << "0\n1\n0 0\n"; }
  Open({.recovery_point = Offset{0}});
  EXPECT_THAT(log_->epochs().entries(), ElementsAre(EpochStart{{0}, {0}}, EpochStart{{1}, {3}}));
}

TEST_F(LogRecoveryTest, Log137_EmptyActiveSegmentIsKept) {
  Fill(4);
  Open({.clean = true});
  ASSERT_TRUE(log_->TruncateTo(Offset{2}).ok());
  log_.reset();
  Open({.recovery_point = Offset{2}});
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
}

}  // namespace
}  // namespace slipstream
