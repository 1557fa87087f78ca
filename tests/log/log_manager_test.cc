#include "log/log_manager.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>

#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/simulated_disk.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Uuid kTopicId{11, 12};

class LogManagerTest : public testing::Test {
 protected:
  LogManagerTest() { config_.log_dirs = {Dir("a"), Dir("b"), Dir("c")}; }

  std::filesystem::path Dir(const char* name) const { return dir_.path() / name; }
  absl::Status TryOpen(FileIo& io = SystemFileIo()) {
    manager_.reset();
    auto opened = LogManager::Open(io, config_);
    if (!opened.ok()) return opened.status();
    manager_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Open(FileIo& io = SystemFileIo()) {
    const absl::Status opened = TryOpen(io);
    ASSERT_TRUE(opened.ok()) << opened;
  }
  void Reopen() {
    ASSERT_TRUE(manager_->Close().ok());
    Open();
  }
  PartitionLog* Make(int32_t partition) {
    auto log = manager_->GetOrCreate({"t", partition}, kTopicId);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.value_or(nullptr);
  }
  void Append(PartitionLog* log, int32_t records) {
    const std::vector<std::byte> batch =
        MakeBatch({.base_offset = log->log_end_offset().value, .record_count = records});
    const absl::Status appended = RunToEnd(log->AppendAsFollower(queue_, batch, WriteHint::kCached));
    ASSERT_TRUE(appended.ok()) << appended;
  }
  // Opens, and closes as a crash leaves a move of partition 0 from a between its two renames.
  void MoveAndCrash(int32_t records, const char* to) {
    Open();
    Append(Make(0), records);
    Append(*manager_->GetOrCreateFuture({"t", 0}, Dir(to)), records);
    ASSERT_TRUE(manager_->Close().ok());
    std::filesystem::rename(Dir("a") / "t-0", Dir("a") / "t-0.0123456789abcdef0123456789abcdef-delete");
  }
  std::vector<std::string> In(const char* name) { return *SystemFileIo().List(Dir(name), /*directories=*/true); }
  // Every later fsync of a log of that partition's directory fails.
  void BreakDiskOf(int32_t partition) {
    queue_.fail_syncs = true;
    ASSERT_FALSE(RunToEnd(manager_->Find({"t", partition})->Flush(queue_)).ok());
    queue_.fail_syncs = false;
  }

  FailingIo io_;  // fails where a test says so
  TempDir dir_;
  LogManagerConfig config_;
  FailingQueue queue_;
  std::unique_ptr<LogManager> manager_;
};

TEST_F(LogManagerTest, ANewPartitionGoesWhereTheFewestAre) {
  Open();
  for (int32_t i = 0; i < 7; ++i) Make(i);
  EXPECT_THAT(In("a"), ElementsAre("t-0", "t-3", "t-6"));
  EXPECT_THAT(In("b"), ElementsAre("t-1", "t-4"));
  EXPECT_THAT(In("c"), ElementsAre("t-2", "t-5"));
  Reopen();
  EXPECT_THAT(manager_->partitions(), SizeIs(7));
  Make(3);
  EXPECT_THAT(In("a"), SizeIs(3)) << "one that is there stays there";
}

TEST_F(LogManagerTest, Log55_DirectoriesOfOneNodeShareItsClusterAndHaveIdsOfTheirOwn) {
  Open();
  Make(0);
  const std::string cluster = manager_->cluster_id();
  ASSERT_TRUE(manager_->Close().ok());
  config_.log_dirs.push_back(Dir("d"));  // a new disk
  Open();
  EXPECT_EQ(manager_->cluster_id(), cluster);
  ASSERT_TRUE(manager_->Close().ok());

  std::filesystem::copy_file(Dir("a") / "meta.properties", Dir("b") / "meta.properties",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(std::string(TryOpen().message()), HasSubstr("directory.id"));
  std::ofstream(Dir("b") / "meta.properties") << "version=1\ncluster.id=other\nnode.id=1\n";
  EXPECT_TRUE(TryOpen().ok()) << "it holds nothing, so it may join";
  ASSERT_TRUE(manager_->Close().ok());
  std::ofstream(Dir("a") / "meta.properties") << "version=1\ncluster.id=" << cluster << "\nnode.id=9\n";
  EXPECT_THAT(std::string(TryOpen().message()), HasSubstr("is of node"));
}

TEST_F(LogManagerTest, Log36_APartitionInTwoDirectoriesStopsTheStart) {
  Open();
  Make(0);
  ASSERT_TRUE(manager_->Close().ok());
  std::filesystem::copy(Dir("a") / "t-0", Dir("c") / "t-0", std::filesystem::copy_options::recursive);
  const absl::Status opened = TryOpen();
  EXPECT_TRUE(absl::IsFailedPrecondition(opened));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("both hold t-0"));
}

TEST_F(LogManagerTest, Log143_ADirectoryWhoseDiskFailsGoesOfflineAndTheOthersRunOn) {
  Open();
  for (int32_t i = 0; i < 3; ++i) Append(Make(i), 4);
  BreakDiskOf(1);
  ASSERT_THAT(manager_->offline_directories(), SizeIs(1));
  EXPECT_EQ(manager_->offline_directories()[0].path, Dir("b"));
  Append(manager_->Find({"t", 0}), 2);
  ASSERT_TRUE(RunToEnd(manager_->Find({"t", 2})->Flush(queue_)).ok());

  std::vector<LogOffsets> offsets;
  for (int32_t i = 0; i < 3; ++i) offsets.push_back(OffsetsOf(*manager_->Find({"t", i})));
  EXPECT_TRUE(manager_->WriteCheckpoints(offsets).ok());
  EXPECT_TRUE(std::filesystem::exists(Dir("c") / kRecoveryPointCheckpoint));
  EXPECT_FALSE(std::filesystem::exists(Dir("b") / kRecoveryPointCheckpoint));

  const absl::Status unknown = manager_->GetOrCreate({"t", 9}, kTopicId).status();
  EXPECT_TRUE(absl::IsUnavailable(unknown)) << "it may lie in the directory that is offline";
  EXPECT_THAT(std::string(unknown.message()), HasSubstr(Dir("b").native()));

  EXPECT_TRUE(manager_->Close().ok());
  EXPECT_TRUE(std::filesystem::exists(Dir("a") / ".kafka_cleanshutdown"));
  EXPECT_FALSE(std::filesystem::exists(Dir("b") / ".kafka_cleanshutdown"));
  Open();
  EXPECT_THAT(manager_->offline_directories(), IsEmpty()) << "it comes back through recovery";
  EXPECT_EQ(manager_->Find({"t", 1})->log_end_offset(), Offset{4});
}

// What happened: a directory that was moved away ended the copying into all others.
TEST_F(LogManagerTest, Log143_ADirectoryThatIsTakenAwayGoesOfflineAndTheOthersRunOn) {
  Open();
  for (int32_t i = 0; i < 3; ++i) Append(Make(i), 4);
  std::filesystem::rename(Dir("b"), Dir("away"));
  std::vector<LogOffsets> offsets;
  for (int32_t i = 0; i < 3; ++i) offsets.push_back(OffsetsOf(*manager_->Find({"t", i})));
  EXPECT_TRUE(manager_->WriteCheckpoints(offsets).ok());
  ASSERT_THAT(manager_->offline_directories(), SizeIs(1));
  EXPECT_EQ(manager_->offline_directories()[0].path, Dir("b"));
  EXPECT_TRUE(manager_->IsOffline({"t", 1}));
  EXPECT_FALSE(manager_->IsOffline({"t", 0}));
  EXPECT_FALSE(manager_->IsOffline({"unknown", 0}));
  EXPECT_TRUE(std::filesystem::exists(Dir("c") / kRecoveryPointCheckpoint));
  EXPECT_TRUE(manager_->Close().ok());
}

TEST_F(LogManagerTest, Log143_OneDirectoryAloneIsNoOthersToGoOn) {
  config_.log_dirs = {Dir("a")};
  Open();
  Append(Make(0), 1);
  BreakDiskOf(0);
  EXPECT_FALSE(manager_->Close().ok());
}

TEST_F(LogManagerTest, Log57_ALockedDirectoryIsNoFailedDisk) {
  Open();
  LogManagerConfig overlapping = config_;
  overlapping.log_dirs = {Dir("d"), Dir("b")};
  EXPECT_TRUE(absl::IsFailedPrecondition(LogManager::Open(SystemFileIo(), overlapping).status()));
}

// What happened: the others were dropped as a crash drops them, and had to be recovered by the next start.
TEST_F(LogManagerTest, Log142_ARefusedStartCostsTheOthersNoCleanMark) {
  Open();
  Make(0);
  ASSERT_TRUE(manager_->Close().ok());
  manager_.reset();
  const auto other = DirectoryLock::Acquire(SystemFileIo(), Dir("b"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(TryOpen()));
  EXPECT_TRUE(SystemFileIo().Exists(Dir("a") / ".kafka_cleanshutdown"));
  EXPECT_TRUE(SystemFileIo().Exists(Dir("c") / ".kafka_cleanshutdown"));
}

// What happened: short of descriptors, its directory was made and its log was not. The next try made it in another log
// dir, and the next start refused both.
TEST_F(LogManagerTest, Log36_APartitionWhoseLogCouldNotBeOpenedIsNotMadeASecondTime) {
  bool short_of_descriptors = true;
  io_.before_write = [&](const std::filesystem::path& path) {
    const bool fails = short_of_descriptors && absl::StrContains(path.native(), "/t-0/");
    return fails ? absl::ResourceExhaustedError("no descriptor left for the test") : absl::OkStatus();
  };
  config_.log_dirs = {Dir("a"), Dir("b")};
  Open(io_);
  EXPECT_TRUE(absl::IsResourceExhausted(manager_->GetOrCreate({"t", 0}, kTopicId).status()));
  EXPECT_THAT(In("a"), ElementsAre("t-0"));
  short_of_descriptors = false;
  Make(1);  // a is no longer the emptiest
  std::vector<NewLog> wanted(1);
  wanted[0].partition.topic = "t";
  wanted[0].log_dir = Dir("b");
  manager_->CreateMissing(wanted);
  ASSERT_NE(manager_->Find({"t", 0}), nullptr);
  EXPECT_EQ(manager_->log_dir({"t", 0}), Dir("a"));
  Reopen();
}

// What happened: by chance either of them became the log.
TEST_F(LogManagerTest, Pf33_OfTwoFutureLogsInOneDirectoryTheOneThatHasMoreIsKept) {
  MoveAndCrash(5, "c");
  for (const char* unique : {"00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"})
    std::filesystem::create_directory(Dir("c") / absl::StrCat("t-0.", unique, "-future"));
  Open();
  EXPECT_EQ(manager_->log_dir({"t", 0}), Dir("c"));
  EXPECT_EQ(manager_->Find({"t", 0})->log_end_offset(), Offset{5});
  EXPECT_EQ(manager_->FindFuture({"t", 0}), nullptr);
  EXPECT_THAT(In("c"), Not(Contains(HasSubstr("-future"))));
}

TEST_F(LogManagerTest, Log34_Ad01_AMoveBetweenDirectories) {
  Open();
  PartitionLog* current = Make(0);
  Append(current, 3);
  EXPECT_TRUE(absl::IsFailedPrecondition(manager_->GetOrCreateFuture({"t", 0}, Dir("a")).status()));
  EXPECT_TRUE(absl::IsNotFound(manager_->GetOrCreateFuture({"t", 0}, Dir("x")).status()));
  ASSERT_TRUE(manager_->GetOrCreateFuture({"t", 0}, Dir("b")).ok());
  const auto future = manager_->GetOrCreateFuture({"t", 0}, Dir("c"));  // somebody thought better of it
  ASSERT_TRUE(future.ok()) << future.status();
  EXPECT_EQ(manager_->FindFuture({"t", 0}), *future);
  Append(*future, 3);
  const auto promoted = manager_->PromoteFuture({"t", 0});
  ASSERT_TRUE(promoted.ok()) << promoted.status();
  EXPECT_EQ(manager_->Find({"t", 0}), *promoted);
  EXPECT_EQ(manager_->FindFuture({"t", 0}), nullptr);
  for (const int64_t now : {int64_t{0}, int64_t{60'000}}) manager_->Maintain(Timestamp{now});
  EXPECT_THAT(In("a"), IsEmpty());
  EXPECT_THAT(In("b"), IsEmpty());
  EXPECT_THAT(In("c"), ElementsAre("t-0"));
  Reopen();
  EXPECT_EQ(manager_->Find({"t", 0})->log_end_offset(), Offset{3});
}

TEST_F(LogManagerTest, Ad08_APromotedLogHasTheMarksOfTheFormerOne) {
  Open();
  PartitionLog* current = Make(0);
  const auto future = manager_->GetOrCreateFuture({"t", 0}, Dir("b"));
  ASSERT_TRUE(future.ok()) << future.status();
  for (PartitionLog* log : {current, *future}) {
    Append(log, 3);
    Append(log, 3);
  }
  current->UpdateHighWatermark(Offset{5});
  ASSERT_TRUE(current->MaybeIncrementLogStartOffset(Offset{2}).ok());
  ASSERT_TRUE(manager_->PromoteFuture({"t", 0}).ok());
  Reopen();
  EXPECT_EQ(manager_->Find({"t", 0})->high_watermark(), Offset{5});
  EXPECT_EQ(manager_->Find({"t", 0})->log_start_offset(), Offset{2});
}

// What happened: a move that failed between its two renames left the partition to be copied anew, beside what it had.
TEST_F(LogManagerTest, Pf33_AFutureLogWithoutACurrentOneBecomesIt) {
  FailingIo io;
  auto opened = LogManager::Open(io, config_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  manager_ = *std::move(opened);
  Append(Make(0), 3);
  Append(*manager_->GetOrCreateFuture({"t", 0}, Dir("b")), 3);
  io.before_rename = [](const std::filesystem::path& from) {
    return absl::EndsWith(from.native(), "-future") ? ErrnoToStatus(EMFILE, "rename", from) : absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsResourceExhausted(manager_->PromoteFuture({"t", 0}).status()));
  EXPECT_EQ(manager_->Find({"t", 0}), nullptr);
  io.before_rename = nullptr;
  manager_->CreateMissing({{{"t", 0}, kTopicId, {}}});
  EXPECT_EQ(manager_->Find({"t", 0}), nullptr);
  EXPECT_EQ(Make(0)->log_end_offset(), Offset{3});
  EXPECT_EQ(manager_->log_dir({"t", 0}), Dir("b"));
  ASSERT_TRUE(manager_->Close().ok());
}

// Else a disk that failed would keep a partition from going where there is room.
TEST_F(LogManagerTest, Inv23_AFutureLogOnADiskThatFailedIsInNobodysWay) {
  Open();
  Append(Make(0), 3);
  Make(1);
  ASSERT_EQ(manager_->log_dir({"t", 1}), Dir("b"));
  ASSERT_TRUE(manager_->GetOrCreateFuture({"t", 0}, Dir("b")).ok());
  Append(manager_->Find({"t", 1}), 1);
  BreakDiskOf(1);
  const auto elsewhere = manager_->GetOrCreateFuture({"t", 0}, Dir("c"));
  EXPECT_TRUE(elsewhere.ok()) << elsewhere.status();
  EXPECT_TRUE(absl::IsUnavailable(manager_->GetOrCreateFuture({"t", 1}, Dir("c")).status())) << "nothing to move from";
  EXPECT_TRUE(manager_->Delete({"t", 0}).ok());
}

// Else it would vouch for what a future log has lost and written anew since.
TEST_F(LogManagerTest, Inv18_CheckpointsForgetAFutureLogThatIsGoneOnWith) {
  Open();
  Make(0);
  Append(*manager_->GetOrCreateFuture({"t", 0}, Dir("b")), 3);
  ASSERT_TRUE(manager_->Close().ok());
  const std::filesystem::path recovery_points = Dir("b") / "recovery-point-offset-checkpoint";
  EXPECT_THAT(*ReadWholeFile(SystemFileIo(), recovery_points), HasSubstr("t 0 3"));
  Open();
  ASSERT_TRUE(manager_->GetOrCreateFuture({"t", 0}, Dir("b")).ok());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), recovery_points), "0\n0\n");
}

TEST_F(LogManagerTest, AMoveThatWasCutShortIsFinishedByTheNextStart) {
  MoveAndCrash(3, "b");
  Open();
  ASSERT_NE(manager_->Find({"t", 0}), nullptr);
  EXPECT_EQ(manager_->Find({"t", 0})->log_end_offset(), Offset{3});
  EXPECT_THAT(In("b"), ElementsAre("t-0"));
}

TEST(LogManagerIo, Inv20_AFailedFsyncOfAFileBesideTheLogsTakesTheirDirectoryOffline) {
  SimulatedDisk disk;
  const auto manager = LogManager::Open(disk, {.log_dirs = {"/disk/logs"}});
  ASSERT_TRUE(manager.ok()) << manager.status();
  disk.FailCall(4, absl::UnavailableError("EIO"));  // behind the directory, the file, its cut and its write
  EXPECT_TRUE(absl::IsUnavailable(ReplaceFile((*manager)->io("/disk/logs"), "/disk/logs/epoch", "1\n")));
  ASSERT_THAT((*manager)->offline_directories(), SizeIs(1));
  EXPECT_THAT(std::string((*manager)->offline_directories()[0].cause.message()), HasSubstr("fsync /disk/logs/epoch"));
}

TEST_F(LogManagerTest, Pf33_DeletingAPartitionTakesItsFutureLogToo) {
  Open();
  Make(0);
  ASSERT_TRUE(manager_->GetOrCreateFuture({"t", 0}, Dir("b")).ok());
  ASSERT_TRUE(manager_->Delete({"t", 0}).ok());
  EXPECT_EQ(manager_->FindFuture({"t", 0}), nullptr);
  EXPECT_TRUE(absl::IsNotFound(manager_->Delete({"t", 0})));
  Reopen();
  EXPECT_THAT(manager_->partitions(), IsEmpty());
}

// What happened: the one first in the list became the log, and what only the other had was gone.
TEST_F(LogManagerTest, Pf33_OfTwoFutureLogsTheOneThatHasMoreIsFinished) {
  MoveAndCrash(5, "c");
  // As a disk that failed leaves a move that was given up.
  config_.log_dirs = {Dir("b")};
  Open();
  Append(Make(0), 2);
  ASSERT_TRUE(manager_->Close().ok());
  std::filesystem::rename(Dir("b") / "t-0", Dir("b") / "t-0.0123456789abcdef0123456789abcdef-future");
  config_.log_dirs = {Dir("a"), Dir("b"), Dir("c")};
  Open();
  EXPECT_EQ(manager_->log_dir({"t", 0}), Dir("c"));
  EXPECT_EQ(manager_->Find({"t", 0})->log_end_offset(), Offset{5});
  EXPECT_EQ(manager_->FindFuture({"t", 0}), nullptr);
}

// What happened: the new disk was named first, and the others were refused for not being of its cluster.
TEST_F(LogManagerTest, Log55_ANewDirectoryJoinsTheOthersWhereverItStands) {
  config_.log_dirs = {Dir("b")};
  Open();
  Make(0);
  const std::string cluster = manager_->cluster_id();
  ASSERT_TRUE(manager_->Close().ok());
  config_.log_dirs = {Dir("a"), Dir("b")};
  Open();
  EXPECT_EQ(manager_->cluster_id(), cluster);
}

// What happened: the first directory had the wrong id before the second one refused it, and no start could go on.
TEST_F(LogManagerTest, Log55_AClusterThatOneDirectoryRefusesChangesNone) {
  Open();
  Make(0);
  const std::string cluster = manager_->cluster_id();
  EXPECT_TRUE(absl::IsFailedPrecondition(manager_->BelongToCluster("another")));
  ASSERT_TRUE(manager_->Close().ok());
  for (const char* name : {"a", "b", "c"})
    EXPECT_THAT(*ReadWholeFile(SystemFileIo(), Dir(name) / "meta.properties"), HasSubstr(cluster)) << name;
}

}  // namespace
}  // namespace slipstream
