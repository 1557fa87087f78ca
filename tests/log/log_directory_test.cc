#include "log/log_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "log/compaction/compaction.h"
#include "log/meta_properties.h"
#include "log/record_batch.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const TopicPartition kOrders{"orders", 0};
const Uuid kTopicId{11, 12};

class LogDirectoryTest : public testing::Test {
 protected:
  LogDirectoryTest() { config_.log_dir = dir_.path() / "logs"; }

  absl::Status TryOpen() {
    directory_.reset();
    auto opened = LogDirectory::Open(SystemFileIo(), config_);
    if (!opened.ok()) return opened.status();
    directory_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Open() {
    const absl::Status opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
  }
  void Append(const TopicPartition& partition, int count) {
    PartitionLog* log = *directory_->GetOrCreate(partition, kTopicId);
    const std::vector<std::byte> run = MakeRun({.base_offset = log->log_end_offset().value}, count);
    const absl::Status appended = RunToEnd(log->AppendAsFollower(queue_, run, WriteHint::kCached));
    ASSERT_TRUE(appended.ok()) << appended;
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(config_.log_dir / name); }
  std::string Content(const std::string& name) const { return *ReadWholeFile(SystemFileIo(), config_.log_dir / name); }
  void MakeDirectory(const std::string& name) { std::filesystem::create_directories(config_.log_dir / name); }

  void RemoveDeleted() {
    for (const int64_t now : {int64_t{0}, int64_t{60'000}}) ASSERT_TRUE(directory_->RemoveDeleted(Timestamp{now}).ok());
  }

  TempDir dir_;
  LogDirectoryConfig config_;
  FailingQueue queue_;
  std::unique_ptr<LogDirectory> directory_;
};

TEST_F(LogDirectoryTest, Log54_Log55_NewDirectoryGetsItsIdentity) {
  config_.cluster_id = "cluster-1";
  config_.node_id = 7;
  Open();
  const Uuid directory_id = directory_->directory_id();
  EXPECT_FALSE(directory_id.IsZero());
  EXPECT_EQ(directory_->cluster_id(), "cluster-1");
  ASSERT_TRUE(directory_->Close().ok());
  config_.cluster_id = "";
  Open();
  EXPECT_EQ(directory_->cluster_id(), "cluster-1") << "taken from meta.properties";
  EXPECT_EQ(directory_->directory_id(), directory_id);
}

TEST_F(LogDirectoryTest, Log55_OtherClusterOrNodeIsRefused) {
  config_.cluster_id = "cluster-1";
  Open();
  ASSERT_TRUE(directory_->GetOrCreate(kOrders, kTopicId).ok());
  ASSERT_TRUE(directory_->Close().ok());
  config_.cluster_id = "cluster-2";
  const absl::Status other_cluster = TryOpen();
  EXPECT_TRUE(absl::IsFailedPrecondition(other_cluster));
  EXPECT_THAT(std::string(other_cluster.message()), HasSubstr("cluster-1"));
  config_.cluster_id = "cluster-1";
  config_.node_id = 3;
  EXPECT_TRUE(absl::IsFailedPrecondition(TryOpen()));
  EXPECT_TRUE(Has(".kafka_cleanshutdown")) << "a refused start changes nothing";
}

TEST_F(LogDirectoryTest, ADirectoryWithoutPartitionsTakesTheClustersIdAndOneWithThemKeepsIts) {
  Open();
  ASSERT_TRUE(directory_->BelongToCluster("cluster-1").ok());
  ASSERT_TRUE(directory_->GetOrCreate({"orders", 0}, Uuid{}).ok());
  EXPECT_TRUE(directory_->BelongToCluster("cluster-1").ok());
  const absl::Status other = directory_->BelongToCluster("cluster-2");
  EXPECT_TRUE(absl::IsFailedPrecondition(other));
  EXPECT_THAT(std::string(other.message()), HasSubstr("cluster-1"));
  ASSERT_TRUE(directory_->Close().ok());
  Open();
  EXPECT_EQ(directory_->cluster_id(), "cluster-1");
}

// What happened: a disk that was formatted for a broker, and not used yet, was given another cluster's id.
TEST_F(LogDirectoryTest, Log55_AnEmptyDirectoryOfAnotherClusterIsRefusedTooAndToldHowToGetIt) {
  config_.cluster_id = "cluster-1";
  Open();
  ASSERT_TRUE(directory_->Close().ok());
  config_.cluster_id = "cluster-2";
  const std::string refused(TryOpen().message());
  EXPECT_THAT(refused, AllOf(HasSubstr("cluster-1"), HasSubstr("without that file")));
  EXPECT_THAT(Content("meta.properties"), HasSubstr("cluster.id=cluster-1"));
}

// What happened: any directory with subdirectories that look like partitions was taken, an identity invented for it,
// and what its files held cut as a torn tail.
TEST_F(LogDirectoryTest, Log54_PartitionsWithoutAnIdentityAreSomebodyElsesAndStayAsTheyAre) {
  MakeDirectory("photos-2019");
  std::ofstream(config_.log_dir / "photos-2019" / "00000000000000000000.log") << "no batch at all";
  for (int attempt = 0; attempt < 2; ++attempt)
    EXPECT_THAT(std::string(TryOpen().message()),
                AllOf(HasSubstr(config_.log_dir.native()), HasSubstr("photos-2019"), HasSubstr("meta.properties")));
  EXPECT_EQ(Content("photos-2019/00000000000000000000.log"), "no batch at all");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(config_.log_dir), {}), 1) << "nothing was added";
}

TEST_F(LogDirectoryTest, Log57_SecondManagerOfTheProcessIsRefused) {
  Open();
  const auto second = LogDirectory::Open(SystemFileIo(), config_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  LogDirectoryConfig same = config_;
  same.log_dir = dir_.path() / "." / "logs";
  EXPECT_TRUE(absl::IsFailedPrecondition(LogDirectory::Open(SystemFileIo(), same).status()));
  ASSERT_TRUE(directory_->Close().ok());
  EXPECT_FALSE(Has(".lock"));
  EXPECT_TRUE(TryOpen().ok());
}

TEST_F(LogDirectoryTest, Log57_OtherProcessIsRefused) {
  Open();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // What this process knows of its own locks is a copy here: only the record lock can refuse.
    const auto file = SystemFileIo().Open(config_.log_dir / ".lock", OpenMode::kCreate);
    struct flock whole_file {};
    whole_file.l_type = F_WRLCK;
    whole_file.l_whence = SEEK_SET;
    _exit(fcntl((*file)->descriptor(), F_SETLK, &whole_file) == -1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(LogDirectoryTest, Log35_ForeignDirectoryStopsTheStart) {
  MakeDirectory("lost+found");
  const absl::Status opened = TryOpen();
  EXPECT_TRUE(absl::IsFailedPrecondition(opened));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("lost+found"));
}

TEST_F(LogDirectoryTest, Log35_KnownForeignersAndFilesAreLeftAlone) {
  Open();
  for (const char* name : {"remote-log-index-cache", "__cluster_metadata-0",
                           "a-0.0123456789abcdef0123456789abcdef-stray", "a-1.0123456789abcdef0123456789abcdef-future"})
    MakeDirectory(name);
  std::ofstream(config_.log_dir / "notes") << "x";
  Open();
  EXPECT_THAT(directory_->partitions(), IsEmpty());
  EXPECT_TRUE(Has("__cluster_metadata-0") && Has("notes") && Has("a-0.0123456789abcdef0123456789abcdef-stray"));
}

TEST_F(LogDirectoryTest, Log59_InterruptedRemovalIsFinished) {
  Open();
  MakeDirectory("orders-0.0123456789abcdef0123456789abcdef-delete");
  Open();
  EXPECT_THAT(directory_->partitions(), IsEmpty());
  ASSERT_TRUE(directory_->RemoveDeleted(Timestamp{0}).ok());
  ASSERT_TRUE(directory_->RemoveDeleted(Timestamp{59'999}).ok());
  EXPECT_TRUE(Has("orders-0.0123456789abcdef0123456789abcdef-delete"));
  ASSERT_TRUE(directory_->RemoveDeleted(Timestamp{60'000}).ok());
  EXPECT_FALSE(Has("orders-0.0123456789abcdef0123456789abcdef-delete"));
}

TEST_F(LogDirectoryTest, Log59_ShortRunsOneAfterTheOtherFinishRemovalsToo) {
  Open();
  Append({"orders", 0}, 1);
  ASSERT_TRUE(directory_->Delete({"orders", 0}).ok());
  const auto entries = [&] { return *SystemFileIo().List(config_.log_dir, /*directories=*/true); };
  ASSERT_TRUE(directory_->Close().ok());
  EXPECT_THAT(entries(), ElementsAre(EndsWith("-delete"))) << "whoever reads it has some time";
  Open();
  ASSERT_TRUE(directory_->Close().ok());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LogDirectoryTest, Log130_Log142_CleanStopIsMarkedAndTheMarkTakenAtTheStart) {
  Open();
  Append(kOrders, 5);
  EXPECT_FALSE(Has(".kafka_cleanshutdown"));
  ASSERT_TRUE(directory_->Close().ok());
  EXPECT_TRUE(Has(".kafka_cleanshutdown"));
  EXPECT_EQ(Content(kRecoveryPointCheckpoint), "0\n1\norders 0 5\n");
  Open();
  EXPECT_FALSE(Has(".kafka_cleanshutdown"));
  PartitionLog* log = directory_->Find(kOrders);
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->log_end_offset(), Offset{5});
  EXPECT_EQ(log->recovery_point(), Offset{5});
  EXPECT_EQ(log->topic_id(), kTopicId);
}

TEST_F(LogDirectoryTest, Log142_NoMarkWhenALogDidNotCloseWell) {
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 2);
  queue_.fail_syncs = true;
  ASSERT_FALSE(RunToEnd(directory_->Find(kOrders)->Flush(queue_)).ok());
  EXPECT_FALSE(directory_->Close().ok());
  EXPECT_FALSE(Has(".kafka_cleanshutdown"));
  EXPECT_FALSE(Has(".lock")) << "the lock goes whatever failed";
  EXPECT_FALSE(Has(kRecoveryPointCheckpoint)) << "nothing is said of a disk that failed";
}

TEST_F(LogDirectoryTest, Log130_WithoutTheMarkEveryPartitionIsRecovered) {
  Open();
  for (int i = 0; i < 9; ++i) Append({"orders", i}, 4);
  directory_.reset();  // as a crash leaves it
  const size_t batch = MakeBatch({}).size();
  for (int i = 0; i < 9; ++i) {
    const auto path = config_.log_dir / TopicPartition{"orders", i}.ToString() / SegmentFileName(Offset{0}, kLogSuffix);
    std::filesystem::resize_file(path, 3 * batch + static_cast<size_t>(i));
  }
  config_.num_recovery_threads = 4;
  Open();
  ASSERT_EQ(directory_->partitions().size(), 9u);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(directory_->Find({"orders", i})->log_end_offset(), Offset{3}) << i;
}

TEST_F(LogDirectoryTest, Log141_OneBadPartitionIsNamed) {
  Open();
  Append(kOrders, 1);
  Append({"payments", 4}, 1);
  directory_.reset();
  std::ofstream(config_.log_dir / "payments-4" / "x.log") << "x";
  const absl::Status opened = TryOpen();
  EXPECT_TRUE(absl::IsDataLoss(opened));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("payments-4"));
}

// What happened: another partition's name stood in front of the path of the file that could not be read.
TEST_F(LogDirectoryTest, Log141_ADiskThatFailsIsToldWithTheFileThatItFailedOn) {
  Open();
  for (const char* topic : {"first", "second", "third"}) Append({topic, 0}, 1);
  directory_.reset();
  config_.num_recovery_threads = 1;
  FailingIo io;
  io.before_write = [](const std::filesystem::path& path) {
    return path.native().find("second-0") == std::string::npos ? absl::OkStatus()
                                                               : absl::UnavailableError("open " + path.native());
  };
  const absl::Status opened = LogDirectory::Open(io, config_).status();
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr("cannot load " + config_.log_dir.native() + ": "), HasSubstr("second-0/"),
                    Not(HasSubstr("first-0")), Not(HasSubstr("third-0"))));
}

TEST_F(LogDirectoryTest, ARecoveryIsWatchedAndEndsWhereItsWatchSays) {
  Open();
  for (const char* topic : {"first", "second", "third"}) Append({topic, 0}, 1);
  directory_.reset();
  config_.num_recovery_threads = 1;
  std::vector<size_t> loaded;
  config_.on_loaded = [&](const LoadProgress& progress) {
    EXPECT_EQ(progress.partitions, 3u);
    loaded.push_back(progress.loaded);
    return loaded.size() == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(TryOpen(), absl::CancelledError("enough"));
  EXPECT_THAT(loaded, ElementsAre(1, 2));
  Open();
  EXPECT_THAT(loaded, ElementsAre(1, 2, 1, 2, 3));
  EXPECT_EQ(directory_->Find({"third", 0})->log_end_offset(), Offset{1});
}

// It would cost the next start a recovery.
TEST_F(LogDirectoryTest, ACleanStartIsNotEndedByItsWatch) {
  Open();
  Append(kOrders, 1);
  ASSERT_TRUE(directory_->Close().ok());
  config_.on_loaded = [](const LoadProgress&) { return absl::CancelledError("enough"); };
  Open();
}

TEST_F(LogDirectoryTest, ANewLogHasBegunOnceALeaderHadItsOffsetAlsoAfterARestart) {
  Open();
  PartitionLog* log = *directory_->GetOrCreate(kOrders, kTopicId);
  EXPECT_FALSE(log->begun());
  ASSERT_TRUE(directory_->Close().ok());
  Open();
  log = directory_->Find(kOrders);
  EXPECT_FALSE(log->begun()) << "that it was made says nothing";
  log->MarkBegun();
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*log)}).ok());
  directory_.reset();
  Open();
  EXPECT_TRUE(directory_->Find(kOrders)->begun());
}

TEST_F(LogDirectoryTest, Log52_LogStartIsCheckpointedOnlyInsideASegment) {
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 5);
  PartitionLog* log = directory_->Find(kOrders);
  log->UpdateHighWatermark(Offset{4});
  ASSERT_TRUE(log->MaybeIncrementLogStartOffset(Offset{2}).ok());
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*log), OffsetsOf(*directory_->Find({"orders", 1}))}).ok());
  EXPECT_EQ(Content(kLogStartCheckpoint), "0\n1\norders 0 2\n");
  EXPECT_EQ(Content(kHighWatermarkCheckpoint), "0\n2\norders 0 4\norders 1 0\n");
  directory_.reset();
  Open();
  EXPECT_EQ(directory_->Find(kOrders)->log_start_offset(), Offset{2});
  EXPECT_EQ(directory_->Find(kOrders)->high_watermark(), Offset{4});
}

TEST_F(LogDirectoryTest, Log52_Log103_TheFirstDirtyOffsetIsCheckpointedOnceItIsKnownAndFallsWithATruncation) {
  config_.log.cleanup_compact = true;
  config_.log.segment_bytes = 100;
  config_.log.min_cleanable_dirty_ratio = 0;
  Open();
  Append(kOrders, 5);
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*directory_->Find(kOrders))}).ok());
  EXPECT_FALSE(Has(kCleanerCheckpoint));
  PartitionLog* log = directory_->Find(kOrders);
  ASSERT_TRUE(RunToEnd(log->Flush(queue_)).ok());
  log->UpdateHighWatermark(log->log_end_offset());
  const auto compacted = log->Compact(Timestamp{0}, {});
  ASSERT_TRUE(compacted.ok() && compacted->has_value()) << compacted.status();
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*log)}).ok());
  EXPECT_EQ(Content(kCleanerCheckpoint), "0\n1\norders 0 4\n");
  ASSERT_TRUE(directory_->Close().ok());
  config_.log.cleanup_compact = false;  // another owner may not compact: what it knows of it is kept all the same
  Open();
  log = directory_->Find(kOrders);
  EXPECT_EQ(log->first_dirty_offset(), Offset{4});
  ASSERT_TRUE(log->TruncateTo(Offset{3}).ok());
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*log)}).ok());
  EXPECT_EQ(Content(kCleanerCheckpoint), absl::StrCat("0\n1\norders 0 ", log->log_end_offset().value, "\n"));
  ASSERT_TRUE(directory_->Delete(kOrders).ok());
  EXPECT_EQ(Content(kCleanerCheckpoint), "0\n0\n");
}

TEST_F(LogDirectoryTest, Log103_WhatIsCheckpointedForACutIsTrueOnBothSidesOfIt) {
  Open();
  Append(kOrders, 8);
  PartitionLog& log = *directory_->Find(kOrders);
  ASSERT_TRUE(RunToEnd(log.Flush(queue_)).ok());
  log.UpdateHighWatermark(Offset{8});
  ASSERT_TRUE(log.MaybeIncrementLogStartOffset(Offset{6}).ok());
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsForCut(log, Offset{4})}).ok());
  EXPECT_EQ(Content(kRecoveryPointCheckpoint), "0\n1\norders 0 0\n") << "the base of the segment that is cut";
  EXPECT_EQ(Content(kHighWatermarkCheckpoint), "0\n1\norders 0 4\n");
  EXPECT_EQ(Content(kLogStartCheckpoint), "0\n1\norders 0 4\n");
  ASSERT_TRUE(log.TruncateTo(Offset{4}).ok());
  Open();  // a crash right behind the cut
  EXPECT_EQ(directory_->Find(kOrders)->log_end_offset(), Offset{4}) << "and not the log start of before";
}

// What happened: a log that was cut at its log start came back from a power cut ending at 0.
TEST_F(LogDirectoryTest, Inv18_ALogStartedAnewKeepsItsStartWhenItsOnlySegmentIsLost) {
  Open();
  PartitionLog& log = **directory_->GetOrCreate(kOrders, kTopicId);
  ASSERT_TRUE(log.TruncateFullyAndStartAt(Offset{6}).ok());
  Append(kOrders, 2);
  ASSERT_TRUE(RunToEnd(log.Flush(queue_)).ok());
  EXPECT_FALSE(OffsetsOf(log).log_start_needs_checkpoint) << "the segment is there, and its name says it";
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsForCut(log, Offset{6})}).ok());
  ASSERT_TRUE(log.TruncateFullyAndStartAt(Offset{6}).ok());
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(log)}).ok());
  const std::filesystem::path segment = log.directory() / SegmentFileName(Offset{6}, kLogSuffix);
  directory_.reset();
  std::filesystem::remove(segment);  // nothing had made its name durable
  Open();
  EXPECT_EQ(directory_->Find(kOrders)->log_start_offset(), Offset{6});
  EXPECT_EQ(directory_->Find(kOrders)->log_end_offset(), Offset{6});
}

TEST_F(LogDirectoryTest, Rel42_Pf35_PartitionsThatNobodyPublishedKeepTheirEntries) {
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 3);
  directory_->Find(kOrders)->UpdateHighWatermark(Offset{5});
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*directory_->Find(kOrders))}).ok());
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*directory_->Find({"orders", 1}))}).ok());
  EXPECT_EQ(Content(kHighWatermarkCheckpoint), "0\n2\norders 0 5\norders 1 0\n");
}

TEST_F(LogDirectoryTest, Log52_UnchangedCheckpointsAreNotRewritten) {
  Open();
  Append(kOrders, 5);
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*directory_->Find(kOrders))}).ok());
  std::filesystem::remove(config_.log_dir / kRecoveryPointCheckpoint);
  ASSERT_TRUE(directory_->WriteCheckpoints({OffsetsOf(*directory_->Find(kOrders))}).ok());
  EXPECT_FALSE(Has(kRecoveryPointCheckpoint));
}

TEST_F(LogDirectoryTest, Rel51_LostCheckpointsDoNotStopTheStart) {
  Open();
  Append(kOrders, 5);
  ASSERT_TRUE(directory_->Close().ok());
  for (const char* name :
       {kRecoveryPointCheckpoint, kLogStartCheckpoint, kHighWatermarkCheckpoint, ".kafka_cleanshutdown"})
    std::filesystem::remove(config_.log_dir / name);
  Open();
  EXPECT_EQ(directory_->Find(kOrders)->log_end_offset(), Offset{5});
  EXPECT_EQ(directory_->Find(kOrders)->high_watermark(), Offset{0});
}

TEST_F(LogDirectoryTest, Rel47_APartitionTakenAwayDuringAFlushCostsOnlyItself) {
  config_.log.segment_bytes = static_cast<int32_t>(2 * MakeBatch({}).size());
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 5);
  std::filesystem::rename(config_.log_dir / "orders-0", config_.log_dir / "orders-0.gone-stray");
  PartitionLog* const log = directory_->Find(kOrders);
  EXPECT_TRUE(absl::IsNotFound(RunToEnd(log->Flush(queue_))));
  EXPECT_EQ(log->recovery_point(), Offset{0});
  EXPECT_FALSE(directory_->health().offline());
  EXPECT_TRUE(RunToEnd(directory_->Find({"orders", 1})->Flush(queue_)).ok());
}

TEST_F(LogDirectoryTest, Log51_MalformedCheckpointStopsTheStart) {
  Open();
  ASSERT_TRUE(directory_->Close().ok());
  std::ofstream(config_.log_dir / kRecoveryPointCheckpoint) << "0\n5\norders 0 1\n";
  EXPECT_TRUE(absl::IsDataLoss(TryOpen()));
  EXPECT_TRUE(Has(".kafka_cleanshutdown"));
}

TEST_F(LogDirectoryTest, Log59_DeletedPartitionLeavesNothingBehind) {
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 1);
  ASSERT_TRUE(
      directory_->WriteCheckpoints({OffsetsOf(*directory_->Find(kOrders)), OffsetsOf(*directory_->Find({"orders", 1}))})
          .ok());
  ASSERT_TRUE(directory_->Delete(kOrders).ok());
  RemoveDeleted();
  EXPECT_EQ(directory_->Find(kOrders), nullptr);
  EXPECT_THAT(*SystemFileIo().List(config_.log_dir, /*directories=*/true), ElementsAre("orders-1"));
  EXPECT_EQ(Content(kHighWatermarkCheckpoint), "0\n1\norders 1 0\n");
  EXPECT_TRUE(absl::IsNotFound(directory_->Delete(kOrders)));
  PartitionLog* again = *directory_->GetOrCreate(kOrders, Uuid{5, 6});
  EXPECT_EQ(again->log_end_offset(), Offset{0});
}

TEST_F(LogDirectoryTest, Log34_OverlongNamesAreShortenedForRemoval) {
  Open();
  const TopicPartition longest{std::string(249, 't'), 0};
  Append(longest, 1);
  ASSERT_TRUE(directory_->Delete(longest).ok());
  RemoveDeleted();
  EXPECT_THAT(*SystemFileIo().List(config_.log_dir, /*directories=*/true), IsEmpty());
}

TEST_F(LogDirectoryTest, Log33_NamesAreCheckedBeforeTheyBecomePaths) {
  Open();
  for (const TopicPartition& bad :
       {TopicPartition{"../x", 0}, TopicPartition{"", 0}, TopicPartition{"..", 0}, TopicPartition{"a", -1}})
    EXPECT_TRUE(absl::IsInvalidArgument(directory_->GetOrCreate(bad, kTopicId).status())) << bad.topic;
  EXPECT_THAT(*SystemFileIo().List(config_.log_dir, /*directories=*/true), IsEmpty());
}

TEST_F(LogDirectoryTest, Log48_OtherTopicIdIsRefused) {
  Open();
  Append(kOrders, 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(directory_->GetOrCreate(kOrders, Uuid{99, 1}).status()));
}

TEST_F(LogDirectoryTest, ThreadCountIsChecked) {
  config_.num_recovery_threads = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(TryOpen()));
}

TEST_F(LogDirectoryTest, Log34_Log60_Ad08_AFutureLogTakesThePlaceOfTheCurrentOne) {
  Open();
  PartitionLog* future = *directory_->GetOrCreateFuture(kOrders, kTopicId);
  const std::vector<std::byte> batch = MakeBatch({.record_count = 3});
  ASSERT_TRUE(RunToEnd(future->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
  EXPECT_THAT(directory_->partitions(), IsEmpty());
  ASSERT_TRUE(directory_->Close().ok());
  Open();
  ASSERT_NE(directory_->FindFuture(kOrders), nullptr) << "found again by its name";
  const auto promoted = directory_->PromoteFuture(kOrders);
  ASSERT_TRUE(promoted.ok()) << promoted.status();
  EXPECT_THAT(*SystemFileIo().List(config_.log_dir, /*directories=*/true), ElementsAre("orders-0"));
  EXPECT_EQ((*promoted)->log_end_offset(), Offset{3});
  EXPECT_EQ((*promoted)->topic_id(), kTopicId);
  const std::vector<std::byte> more = MakeBatch({.base_offset = 3, .leader_epoch = 5});
  ASSERT_TRUE(RunToEnd((*promoted)->AppendAsFollower(queue_, more, WriteHint::kCached)).ok());
  ASSERT_TRUE(directory_->Close().ok());
  Open();
  EXPECT_EQ(directory_->Find(kOrders)->log_end_offset(), Offset{4});
  EXPECT_EQ(directory_->Find(kOrders)->latest_epoch(), LeaderEpoch{5}) << "later writes went to the new path";
}

TEST_F(LogDirectoryTest, Log143_Inv20_AfterAFailedFsyncEveryLogOfTheDirectoryIsOffline) {
  Open();
  Append(kOrders, 5);
  Append({"orders", 1}, 2);
  queue_.fail_syncs = true;
  ASSERT_FALSE(RunToEnd(directory_->Find(kOrders)->Flush(queue_)).ok());
  queue_.fail_syncs = false;
  EXPECT_TRUE(directory_->health().offline());
  PartitionLog* other = directory_->Find({"orders", 1});
  const int syncs = queue_.syncs;
  const absl::Status flushed = RunToEnd(other->Flush(queue_));
  EXPECT_THAT(std::string(flushed.message()), HasSubstr("log dir is offline: orders-0"));
  EXPECT_EQ(queue_.syncs, syncs) << "nothing is tried on that disk any more";
  EXPECT_FALSE(other->TruncateTo(Offset{0}).ok());
  EXPECT_FALSE(directory_->GetOrCreate({"orders", 2}, kTopicId).ok());
}

TEST_F(LogDirectoryTest, Inv20_AFullDiskTakesNothingOffline) {
  Open();
  Append(kOrders, 5);
  queue_.write_bytes_left = 10;
  const std::vector<std::byte> batch = MakeBatch({.base_offset = 5});
  EXPECT_TRUE(absl::IsResourceExhausted(
      RunToEnd(directory_->Find(kOrders)->AppendAsFollower(queue_, batch, WriteHint::kCached))));
  EXPECT_FALSE(directory_->health().offline());
  queue_.write_bytes_left = 1 << 20;
  EXPECT_TRUE(RunToEnd(directory_->Find(kOrders)->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
}

// What happened: the file system's "file name too long" counted as a failed disk, and every log was offline.
TEST_F(LogDirectoryTest, Log33_Inv23_ANameThatIsTooLongCostsItsPartitionOnly) {
  Open();
  const TopicPartition too_long{std::string(249, 't'), 2'147'483'647}, long_for_a_move{std::string(230, 't'), 0};
  EXPECT_TRUE(absl::IsInvalidArgument(directory_->GetOrCreate(too_long, kTopicId).status()));
  directory_->CreateMissing({{too_long, kTopicId, {}}});
  EXPECT_TRUE(absl::IsInvalidArgument(directory_->GetOrCreateFuture(long_for_a_move, kTopicId).status()));
  EXPECT_FALSE(directory_->health().offline());
  Append(long_for_a_move, 1);
}

// What happened: a partition that was taken away to be copied anew was trusted as far as its checkpoints had come.
TEST_F(LogDirectoryTest, Inv18_ALogMadeAnewIsNotVouchedForByCheckpointsOfBefore) {
  Open();
  Append(kOrders, 5);
  ASSERT_TRUE(directory_->Close().ok());
  ASSERT_THAT(Content(kRecoveryPointCheckpoint), HasSubstr("orders 0 5"));
  std::filesystem::remove_all(config_.log_dir / "orders-0");
  Open();
  Append(kOrders, 1);
  for (const char* name : {kRecoveryPointCheckpoint, kHighWatermarkCheckpoint})
    EXPECT_THAT(Content(name), testing::Not(HasSubstr("orders"))) << name;
}

// What happened: who locked a file that its last owner had removed meanwhile kept nobody out.
TEST_F(LogDirectoryTest, Log57_ALockFileThatIsRemovedWhileItIsOpenedIsNoLock) {
  FailingIo io;
  int opened = 0;
  io.after_open = [&](const std::filesystem::path& path) {
    if (path.filename() == ".lock" && ++opened == 1) std::filesystem::remove(path);
  };
  const auto directory = LogDirectory::Open(io, config_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(opened, 2);
  EXPECT_TRUE(Has(".lock"));
}

}  // namespace
}  // namespace slipstream
