// When what was appended is durable, and whose fsync made it so.
#include <absl/strings/match.h>
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>

#include <optional>

#include "log/partition_log.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/open_files.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

// Writes at once; an fsync ends when the test says so.
class HeldSyncs final : public IoQueue {
 public:
  explicit HeldSyncs(asio::io_context& io) : IoQueue(0), released_(io.get_executor()) {}

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) override {
    while (hold_writes) co_await released_.Wait();
    co_return file.WriteAt(bytes, at);
  }
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override {
    co_return file.WriteDirectAt(parts, at);
  }
  asio::awaitable<absl::Status> Sync(File& file) override {
    ++begun;
    names.push_back(file.path().filename());
    while (held && let_through == 0) co_await released_.Wait();
    if (held) --let_through;
    if (fail) co_return absl::UnavailableError("the test's fsync failed");
    co_return file.Sync();
  }
  void Release() {
    held = hold_writes = false;
    released_.NotifyAll();
  }
  void LetThrough(int syncs) {
    let_through = syncs;
    released_.NotifyAll();
  }

  int begun = 0, let_through = 0;
  std::vector<std::string> names;  // of what was to be synced
  bool held = true, hold_writes = false, fail = false;

 private:
  AsyncEvent released_;
};

class FlushTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = PartitionLog::Open(SystemFileIo(), dir_.path() / "t-0", {"t", 0}, config_, {.clean = true});
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
    ASSERT_TRUE(log_->FlushBlocking().ok());  // the names of its files
  }
  template <typename T>
  void Start(asio::awaitable<T> work, std::optional<T>& result) {
    asio::co_spawn(io_, std::move(work), [&result](std::exception_ptr, T value) { result = std::move(value); });
    Run();
  }
  // Until nothing moves any more.
  void Run() {
    io_.restart();
    io_.poll();
  }
  void Append() {
    const std::vector<std::byte> batch = MakeBatch({.base_offset = log_->log_end_offset().value});
    std::optional<absl::Status> appended;
    Start(log_->AppendAsFollower(queue_, batch, WriteHint::kCached), appended);
    ASSERT_TRUE(appended && appended->ok());
  }

  TempDir dir_;
  LogConfig config_;
  asio::io_context io_;
  HeldSyncs queue_{io_};
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(FlushTest, Inv19_GroupCommitOneFsyncInFlightTheOthersRideTheNext) {
  std::optional<absl::Status> first, second, third;
  Append();
  Start(log_->FlushUpTo(queue_, Offset{1}), first);
  const int of_one_flush = queue_.begun;
  EXPECT_EQ(of_one_flush, 1) << "the first file is being synced";
  Append();
  Start(log_->FlushUpTo(queue_, Offset{2}), second);
  Append();
  Start(log_->FlushUpTo(queue_, Offset{3}), third);
  EXPECT_EQ(queue_.begun, 1);
  EXPECT_FALSE(first || second || third);
  queue_.Release();
  Run();
  ASSERT_TRUE(first && second && third);
  EXPECT_TRUE(first->ok() && second->ok() && third->ok());
  EXPECT_EQ(log_->recovery_point(), Offset{3});
  EXPECT_EQ(queue_.begun, 2) << "two flushes of the .log: the indexes have no new entry";
}

// What happened: the thread, with all that it fetches, stood still until the directory was on the disk.
TEST_F(FlushTest, Inv23_TheNamesOfWhatIsFlushedAreSyncedLastAndNobodyStandsStillForThem) {
  std::optional<absl::Status> flushed;
  ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{7}).ok());
  Append();
  Start(log_->Flush(queue_), flushed);
  while (queue_.names.back() != "t-0" && !flushed) {
    queue_.LetThrough(1);
    Run();
  }
  EXPECT_EQ(queue_.names.back(), "t-0");
  EXPECT_FALSE(flushed);
  EXPECT_LT(log_->recovery_point(), Offset{8});
  queue_.Release();
  Run();
  ASSERT_TRUE(flushed && flushed->ok());
  EXPECT_EQ(log_->recovery_point(), Offset{8});
}

TEST_F(FlushTest, Inv19_WhatCameWhileAnFsyncRanIsNotAcknowledgedByIt) {
  std::optional<absl::Status> first, second;
  Append();
  Start(log_->FlushUpTo(queue_, Offset{1}), first);
  Append();
  Start(log_->FlushUpTo(queue_, Offset{2}), second);
  queue_.LetThrough(1);
  Run();
  ASSERT_TRUE(first && first->ok());
  EXPECT_FALSE(second);
  EXPECT_EQ(log_->recovery_point(), Offset{1});
  EXPECT_EQ(queue_.begun, 2) << "one fsync is in flight, of the next flush";
  queue_.Release();
  Run();
  ASSERT_TRUE(second && second->ok());
  EXPECT_EQ(log_->recovery_point(), Offset{2});
}

// 1. a flush of all of the first segment runs, 2. the log rolls, which cuts that segment to its content, 3. the flush
// ends: the recovery point is the segment's end, and its cut is not durable.
TEST_F(FlushTest, Inv17_WhatARollCutWhileAFlushRanIsForTheNextOne) {
  ASSERT_TRUE(log_->Close().ok());
  config_.segment_bytes = static_cast<int32_t>(MakeBatch({}).size());
  config_.write_mode = WriteMode::kDirect;  // its file is longer than its content until then
  SetUp();
  const auto probe = SystemFileIo().Open(dir_.path() / "probe", OpenMode::kCreateNew);
  ASSERT_TRUE(probe.ok()) << probe.status();
  if (!(*probe)->PrepareDirect()) GTEST_SKIP() << "the file system of " << dir_.path() << " has no direct writes";
  std::optional<absl::Status> first, second;
  Append();
  Start(log_->Flush(queue_), first);
  Append();
  ASSERT_EQ(log_->segment_count(), 2u);
  queue_.Release();
  Run();
  ASSERT_TRUE(first && first->ok());
  ASSERT_EQ(log_->recovery_point(), Offset{1});
  queue_.names.clear();
  Start(log_->Flush(queue_), second);
  ASSERT_TRUE(second && second->ok());
  EXPECT_THAT(queue_.names, testing::Contains("00000000000000000000.log"));
}

TEST_F(FlushTest, Inv17_WhatWasBeingWrittenWhenAFlushBeganIsForTheNextOne) {
  std::optional<absl::Status> appended, first, second;
  Append();
  queue_.held = false;
  queue_.hold_writes = true;
  const std::vector<std::byte> batch = MakeBatch({.base_offset = 1});
  Start(log_->AppendAsFollower(queue_, batch, WriteHint::kCached), appended);
  Start(log_->Flush(queue_), first);
  ASSERT_TRUE(first && first->ok() && !appended);
  EXPECT_EQ(log_->recovery_point(), Offset{1});
  queue_.Release();
  Run();
  ASSERT_TRUE(appended && appended->ok());
  queue_.names.clear();
  Start(log_->Flush(queue_), second);
  ASSERT_TRUE(second && second->ok());
  EXPECT_EQ(log_->recovery_point(), Offset{2});
  EXPECT_THAT(queue_.names, testing::Contains("00000000000000000000.log"));
}

TEST_F(FlushTest, Inv20_AnAppendIsRefusedWhenAFlushBesideItsWriteFails) {
  std::optional<absl::Status> appended, flushed;
  Append();
  queue_.held = false;
  queue_.hold_writes = queue_.fail = true;
  const std::vector<std::byte> batch = MakeBatch({.base_offset = 1});
  Start(log_->AppendAsFollower(queue_, batch, WriteHint::kCached), appended);
  Start(log_->Flush(queue_), flushed);
  ASSERT_TRUE(flushed && !flushed->ok() && !appended);
  queue_.Release();
  Run();
  ASSERT_TRUE(appended);
  EXPECT_FALSE(appended->ok());
}

TEST_F(FlushTest, AFlushLeavesNoClosedSegmentOpenButTheOneReadLast) {
  ASSERT_TRUE(log_->Close().ok());
  config_.segment_bytes = static_cast<int32_t>(MakeBatch({}).size());
  SetUp();
  queue_.held = false;
  for (int i = 0; i < 6; ++i) Append();
  std::optional<absl::Status> flushed;
  Start(log_->Flush(queue_), flushed);
  ASSERT_TRUE(flushed && flushed->ok());
  std::vector<std::string> open = OpenFilesBelow(dir_.path());
  std::erase_if(open, [](const std::string& name) { return !absl::EndsWith(name, ".log"); });
  EXPECT_THAT(open, testing::UnorderedElementsAre("00000000000000000004.log", "00000000000000000005.log"));
}

// What happened: a bulk roll waited for no fsync, as a flush of the same file was under way, and took its word before
// it had any.
TEST_F(FlushTest, Inv19_AFlushThatFindsAnotherUnderWayEndsAfterIt) {
  std::optional<absl::Status> first, second;
  Append();
  Start(log_->Flush(queue_), first);
  Start(log_->Flush(queue_), second);
  EXPECT_FALSE(first || second);
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  queue_.Release();
  Run();
  EXPECT_TRUE(first && first->ok() && second && second->ok());
  EXPECT_EQ(queue_.begun, 1);
}

// What happened: a stop synced four files of each partition, whether anybody had written to it or not.
TEST_F(FlushTest, Log142_AStopTouchesNoFileThatNobodyWroteToSinceACleanStart) {
  Append();
  ASSERT_TRUE(log_->Close().ok());
  FailingIo io;
  const auto log = PartitionLog::Open(io, dir_.path() / "t-0", {"t", 0}, config_, {.clean = true});
  ASSERT_TRUE(log.ok()) << log.status();
  std::vector<std::string> written;
  io.before_write = [&](const std::filesystem::path& path) {
    written.push_back(path.filename());
    return absl::OkStatus();
  };
  ASSERT_TRUE((*log)->Close().ok());
  EXPECT_THAT(written, testing::IsEmpty());
}

TEST_F(FlushTest, WhatIsDurableCostsNothing) {
  queue_.held = false;
  Append();
  std::optional<absl::Status> first, again;
  Start(log_->FlushUpTo(queue_, Offset{1}), first);
  const int begun = queue_.begun;
  Start(log_->FlushUpTo(queue_, Offset{1}), again);
  EXPECT_TRUE(again && again->ok());
  EXPECT_EQ(queue_.begun, begun);
}

TEST_F(FlushTest, Inv20_AllWhoWaitLearnOfTheFailedFsyncAndNobodyRetries) {
  std::optional<absl::Status> first, second;
  Append();
  Start(log_->FlushUpTo(queue_, Offset{1}), first);
  Append();
  Start(log_->FlushUpTo(queue_, Offset{2}), second);
  queue_.fail = true;
  queue_.Release();
  Run();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->ok());
  EXPECT_FALSE(second->ok());
  EXPECT_EQ(log_->recovery_point(), Offset{0});
  const int begun = queue_.begun;
  queue_.fail = false;
  std::optional<absl::Status> later;
  Start(log_->FlushUpTo(queue_, Offset{2}), later);
  EXPECT_FALSE(later->ok());
  EXPECT_EQ(queue_.begun, begun);
}

TEST_F(FlushTest, ATruncationEndsTheWaitForWhatItCut) {
  std::optional<absl::Status> waiting;
  Append();
  Append();
  Start(log_->FlushUpTo(queue_, Offset{2}), waiting);
  ASSERT_TRUE(log_->TruncateTo(Offset{1}).ok());
  queue_.Release();
  Run();
  ASSERT_TRUE(waiting);
  EXPECT_TRUE(absl::IsAborted(*waiting)) << *waiting;
}

TEST_F(FlushTest, Log96_AFlushIsDueAfterSoManyOffsetsOrBytes) {
  queue_.held = false;
  config_.flush_messages = 2;
  SetUp();
  Append();
  EXPECT_FALSE(log_->FlushDue());
  Append();
  EXPECT_TRUE(log_->FlushDue());
  std::optional<absl::Status> flushed;
  Start(log_->Flush(queue_), flushed);
  EXPECT_FALSE(log_->FlushDue());

  config_ = {};
  config_.flush_bytes_max = static_cast<int64_t>(MakeBatch({}).size()) + 1;
  ASSERT_TRUE(log_->Close().ok());
  SetUp();
  Append();
  EXPECT_FALSE(log_->FlushDue());
  Append();
  EXPECT_TRUE(log_->FlushDue());
}

}  // namespace
}  // namespace slipstream
