// Which segments Maintain deletes, and when their files leave the disk.
#include <gmock/gmock.h>

#include <fstream>

#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/failing_queue.h"
#include "tests/support/maintenance.h"
#include "tests/support/open_files.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr int64_t kHour = 3600 * 1000;
const uint64_t kBatchBytes = MakeBatch({}).size();

// Five segments of one batch with one record each, at 1000, 2000 .. 5000 ms.
class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    config_.segment_bytes = static_cast<int32_t>(kBatchBytes);
    config_.retention_ms = std::chrono::milliseconds(-1);
  }
  void SetUp() override { Fill(0, 1000); }

  void Fill(int64_t from, int64_t timestamp, int count = 5) {
    if (log_ == nullptr) Open({.clean = true});
    for (int i = 0; i < count; ++i) {
      const std::vector<std::byte> batch =
          MakeBatch({.base_offset = from + i, .base_timestamp = timestamp < 0 ? -1 : timestamp + 1000 * i});
      const absl::Status appended = RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached));
      ASSERT_TRUE(appended.ok()) << appended;
    }
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  void Open(LogOpenOptions options) {
    log_.reset();
    auto opened = PartitionLog::Open(SystemFileIo(), directory(), {"t", 0}, config_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
  }
  // With other settings, everything flushed and committed.
  void Restart() {
    const Offset high_watermark = log_->high_watermark();
    ASSERT_TRUE(log_->Close().ok());
    Open({.clean = true, .high_watermark = high_watermark});
  }
  int64_t Maintain(int64_t now) {
    const absl::Status done = MaintainAndRemove(*log_, Timestamp{now});
    EXPECT_TRUE(done.ok()) << done;
    return log_->log_start_offset().value;
  }
  std::vector<std::string> Files(absl::string_view suffix) {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(directory()))
      if (file.path().native().ends_with(std::string(suffix))) names.push_back(file.path().filename());
    return names;
  }
  std::filesystem::path directory() const { return dir_.path() / "t-0"; }

  TempDir dir_;
  LogConfig config_;
  FailingQueue queue_;
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(RetentionTest, Log107_NothingGoesWhenNothingIsSet) {
  EXPECT_EQ(Maintain(1'000'000'000), 0);
  EXPECT_EQ(log_->segment_count(), 5u);
}

TEST_F(RetentionTest, Log107_ByAgeOfTheYoungestRecord) {
  config_.retention_ms = std::chrono::milliseconds(10'000);
  Restart();
  EXPECT_EQ(Maintain(11'000), 0) << "not older than, but as old as";
  EXPECT_EQ(Maintain(11'001), 1);
  EXPECT_EQ(Maintain(13'500), 3);
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
}

TEST_F(RetentionTest, Log107_BySizeTheLogNeverFallsBelowTheBound) {
  config_.retention_bytes = static_cast<int64_t>(2 * kBatchBytes + 1);
  Restart();
  EXPECT_EQ(Maintain(0), 2);
  EXPECT_EQ(log_->size_bytes(), 3 * kBatchBytes);
}

TEST_F(RetentionTest, Log106_OldestFirstAndTheFirstThatStaysEndsIt) {
  config_.retention_ms = std::chrono::milliseconds(10'000);
  Fill(5, 100'000, 1);
  Fill(6, 1000, 2);
  Restart();
  EXPECT_EQ(Maintain(50'000), 5) << "what lies behind the young segment stays, however old";
}

TEST_F(RetentionTest, Log106_Log181_NothingAboveTheHighWatermarkGoes) {
  config_.retention_ms = std::chrono::milliseconds(1);
  ASSERT_TRUE(log_->Close().ok());
  Open({.clean = true});  // the high watermark is not known yet: it is the log start
  EXPECT_EQ(Maintain(kHour), 0);
  log_->UpdateHighWatermark(Offset{3});
  EXPECT_EQ(Maintain(kHour), 3);
}

TEST_F(RetentionTest, Log109_WhenAllGoAnEmptySegmentFollowsAndTheEndStays) {
  config_.retention_ms = std::chrono::milliseconds(1);
  Restart();
  EXPECT_EQ(Maintain(kHour), 5);
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_EQ(log_->size_bytes(), 0u);
  EXPECT_EQ(Maintain(2 * kHour), 5) << "an empty segment is no candidate";
  Fill(5, kHour, 2);
  Restart();
  EXPECT_EQ(log_->log_start_offset(), Offset{5});
  EXPECT_EQ(log_->log_end_offset(), Offset{7});
}

TEST_F(RetentionTest, Log107_WithoutDeleteOnlyTheLogStartCounts) {
  config_.retention_ms = std::chrono::milliseconds(1);
  config_.cleanup_delete = false;
  Restart();
  EXPECT_EQ(Maintain(kHour), 0);
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{2}).ok());
  Maintain(kHour);
  EXPECT_EQ(log_->segment_count(), 3u);
}

TEST_F(RetentionTest, Log108_WithoutTimestampsTheFilesAgeCounts) {
  config_.retention_ms = std::chrono::milliseconds(10'000);
  Fill(5, -1, 1);
  Restart();
  const auto file = SystemFileIo().Open(directory() / SegmentFileName(Offset{5}, kLogSuffix), OpenMode::kRead);
  const int64_t modified = (*file)->ModifiedAt()->value;
  EXPECT_EQ(Maintain(modified + 10'000), 5);
  EXPECT_EQ(Maintain(modified + 10'001), 6);
}

TEST_F(RetentionTest, Log109_SnapshotsOfDeletedSegmentsGo) {
  config_.retention_bytes = 0;
  const auto before = *ListProducerSnapshots(SystemFileIo(), directory());
  ASSERT_THAT(before, ElementsAre(Offset{1}, Offset{2}, Offset{3}, Offset{4}));
  Restart();
  Maintain(0);
  EXPECT_THAT(*ListProducerSnapshots(SystemFileIo(), directory()), ElementsAre(Offset{5}));
}

TEST_F(RetentionTest, Log58_FilesLeaveTheDiskAfterTheDelay) {
  config_.retention_bytes = static_cast<int64_t>(4 * kBatchBytes);
  config_.file_delete_delay = std::chrono::milliseconds(60'000);
  Restart();
  const auto slice = log_->Read(Offset{0}, Offset{5}, 1000);
  ASSERT_TRUE(slice.ok());
  Maintain(1000);
  EXPECT_THAT(Files(".log.deleted"), ElementsAre("00000000000000000000.log.deleted"));
  EXPECT_THAT(Files(".index.deleted"), SizeIs(1));
  std::vector<std::byte> read(slice->bytes);
  EXPECT_EQ(*slice->file->ReadAt(read, slice->position), kBatchBytes) << "its readers go on";
  Maintain(60'999);
  EXPECT_THAT(Files(".log.deleted"), SizeIs(1));
  Maintain(61'000);
  EXPECT_THAT(Files(".deleted"), IsEmpty());
}

TEST_F(RetentionTest, Rel46_TruncateAndAppendAgainBeforeTheDelayedDeleteFires) {
  ASSERT_TRUE(log_->TruncateTo(Offset{2}).ok());
  Maintain(1000);
  Fill(2, 9000, 3);
  ASSERT_TRUE(log_->TruncateTo(Offset{3}).ok());
  Fill(3, 19'000, 2);
  Maintain(1'000'000);
  Maintain(2'000'000);
  EXPECT_THAT(Files(".deleted"), IsEmpty());
  EXPECT_THAT(Files(".log"), SizeIs(5));
  Restart();
  EXPECT_EQ(log_->log_end_offset(), Offset{5});
  EXPECT_EQ(log_->size_bytes(), 5 * kBatchBytes);
}

TEST_F(RetentionTest, Log192_AFileThatCannotBeRemovedIsTriedAgain) {
  config_.file_delete_delay = std::chrono::milliseconds(100);
  ASSERT_TRUE(log_->Close().ok());
  log_.reset();
  FailingIo io;
  auto opened = PartitionLog::Open(io, directory(), {"t", 0}, config_, {.clean = true, .high_watermark = Offset{5}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE((*opened)->TruncateTo(Offset{3}).ok());
  ASSERT_TRUE(MaintainAndRemove(**opened, Timestamp{0}).ok());
  io.before_remove = [](const std::filesystem::path&) { return absl::ResourceExhaustedError("the test's disk"); };
  EXPECT_FALSE(MaintainAndRemove(**opened, Timestamp{100}).ok());
  io.before_remove = nullptr;
  EXPECT_THAT(Files(".log.deleted"), SizeIs(1));
  EXPECT_TRUE(MaintainAndRemove(**opened, Timestamp{200}).ok());
  EXPECT_THAT(Files(".log.deleted"), SizeIs(1)) << "after another delay";
  EXPECT_TRUE(MaintainAndRemove(**opened, Timestamp{300}).ok());
  EXPECT_THAT(Files(".deleted"), IsEmpty());
}

TEST_F(RetentionTest, Log105_Log192_WhatCouldNotGoWhenTheLogStartRoseGoesWithTheNextRound) {
  ASSERT_TRUE(log_->Close().ok());
  log_.reset();
  FailingIo io;
  auto opened = PartitionLog::Open(io, directory(), {"t", 0}, config_, {.clean = true, .high_watermark = Offset{5}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  for (const char* stuck : {"00000000000000000000.log", "00000000000000000001.index"}) {
    io.before_rename = [&](const std::filesystem::path& from) {
      return from.filename() == stuck ? absl::ResourceExhaustedError("the test's disk is full") : absl::OkStatus();
    };
    (*opened)->MaybeIncrementLogStartOffset(Offset{3}).IgnoreError();
    EXPECT_EQ((*opened)->log_start_offset(), Offset{3});
    EXPECT_FALSE(MaintainAndRemove(**opened, Timestamp{0}).ok());
    EXPECT_GT((*opened)->segment_count(), 2u);
  }
  io.before_rename = nullptr;
  EXPECT_TRUE(MaintainAndRemove(**opened, Timestamp{0}).ok());
  EXPECT_EQ((*opened)->segment_count(), 2u);
  EXPECT_THAT(Files(".log"), UnorderedElementsAre("00000000000000000003.log", "00000000000000000004.log"));
}

TEST_F(RetentionTest, AStopRemovesWhatWasDeleted) {
  ASSERT_TRUE(log_->TruncateTo(Offset{1}).ok());
  EXPECT_THAT(Files(".log.deleted"), SizeIs(3));
  ASSERT_TRUE(log_->Close().ok());
  EXPECT_THAT(Files(".deleted"), IsEmpty());
}

// What happened: thousands of partitions that had a record once kept three descriptors each for ever.
TEST_F(RetentionTest, ALogThatDidNotGrowBetweenTwoMaintenancesHasNoFileOpen) {
  ASSERT_TRUE(RunToEnd(log_->Flush(queue_)).ok());            // as is due behind a roll
  const LogSlice old = *log_->Read(Offset{1}, Offset{2}, 1);  // keeps its own handle
  Maintain(6000);
  EXPECT_THAT(OpenFilesBelow(dir_.path()), Not(SizeIs(1)));
  Maintain(7000);
  EXPECT_THAT(OpenFilesBelow(dir_.path()), SizeIs(1));
  Fill(5, 6000, 1);
  EXPECT_THAT(OpenFilesBelow(dir_.path()), Not(SizeIs(1)));
  EXPECT_EQ(log_->log_end_offset(), Offset{6});
  ASSERT_TRUE(RunToEnd(log_->Flush(queue_)).ok());
  Maintain(8000);
  Maintain(9000);
  EXPECT_THAT(OpenFilesBelow(dir_.path()), SizeIs(1));
  ASSERT_TRUE(log_->Close().ok());
  Open({});
  EXPECT_EQ(log_->log_end_offset(), Offset{6});
}

}  // namespace
}  // namespace slipstream
