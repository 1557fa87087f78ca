// How the logs of a directory are closed beside each other.
#include <gmock/gmock.h>

#include <atomic>

#include "log/io/blocking_queue.h"
#include "log/log_directory.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr int kFew = 40, kMany = 200;  // of so many each is synced for itself, or all by one sync of the file system

class LogDirectoryCloseTest : public testing::TestWithParam<int32_t> {
 protected:
  LogDirectoryCloseTest() {
    config_.log_dir = dir_.path() / "logs";
    Open();
    BlockingIoQueue queue;
    for (int32_t number = 0; number < GetParam(); ++number) {
      PartitionLog* const log = *directory_->GetOrCreate({"t", number}, Uuid{1, 2});
      EXPECT_TRUE(RunToEnd(log->AppendAsFollower(queue, MakeBatch({}), WriteHint::kCached)).ok());
    }
  }
  void Open() {
    auto opened = LogDirectory::Open(io_, config_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    directory_ = *std::move(opened);
  }
  bool Marked() const { return std::filesystem::exists(config_.log_dir / ".kafka_cleanshutdown"); }

  TempDir dir_;
  FailingIo io_;
  LogDirectoryConfig config_;
  std::unique_ptr<LogDirectory> directory_;
};

TEST_P(LogDirectoryCloseTest, Log142_LogsThatLackDescriptorsBesideTheOthersAreClosedAfterThem) {
  std::atomic<int> refusals = 5;
  io_.before_write = [&](const std::filesystem::path& path) {
    const bool refused = path.filename().native().find(".snapshot") != std::string::npos && refusals-- > 0;
    return refused ? absl::ResourceExhaustedError("too many open files") : absl::OkStatus();
  };
  EXPECT_TRUE(directory_->Close().ok());
  EXPECT_LE(refusals.load(), 0) << "some were refused";
  EXPECT_TRUE(Marked());
  io_.before_write = nullptr;
  Open();
  for (int32_t number = 0; number < GetParam(); ++number)
    EXPECT_EQ(directory_->Find({"t", number})->log_end_offset(), Offset{1});
}

TEST_P(LogDirectoryCloseTest, Log142_OneThatCannotBeClosedIsToldAndTheOthersAreDurable) {
  io_.before_write = [](const std::filesystem::path& path) {
    const bool one = path.parent_path().filename() == "t-7" && path.native().find(".snapshot") != std::string::npos;
    return one ? absl::ResourceExhaustedError("no space left on the test's disk") : absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsResourceExhausted(directory_->Close()));
  EXPECT_FALSE(Marked());
}

INSTANTIATE_TEST_SUITE_P(FewAndMany, LogDirectoryCloseTest, testing::Values(kFew, kMany));

}  // namespace
}  // namespace slipstream
