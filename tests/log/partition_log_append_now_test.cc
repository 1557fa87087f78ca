// Appending at once, where nothing is to be waited for.
#include <gmock/gmock.h>

#include <filesystem>
#include <new>

#include "log/partition_log.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

class AppendNowTest : public testing::Test {
 protected:
  AppendNowTest() { queue_.set_write_now_bytes_max(1 << 16); }
  void SetUp() override { Open(); }
  void Open() {
    log_.reset();
    auto opened = PartitionLog::Open(SystemFileIo(), dir_.path() / "t-0", {"t", 0}, config_, {.clean = true});
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
  }
  std::optional<absl::Status> AppendRun(ByteSpan batches) {
    const absl::Status sound = log_->CheckBatches(batches);
    return sound.ok() ? log_->AppendNow(queue_, batches) : std::optional(sound);
  }
  std::optional<absl::Status> Append(const BatchSpec& spec) { return AppendRun(MakeBatch(spec)); }

  TempDir dir_;
  LogConfig config_;
  FailingQueue queue_;
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(AppendNowTest, WhatFitsIsThereWhenItReturns) {
  EXPECT_EQ(Append({.record_count = 3, .leader_epoch = 4}), absl::OkStatus());
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{4});
  ASSERT_TRUE(log_->Close().ok());
  Open();
  EXPECT_EQ(log_->log_end_offset(), Offset{3});
}

TEST_F(AppendNowTest, WhatDoesNotFitIsLeftToAppendAsFollower) {
  config_.segment_bytes = static_cast<int32_t>(MakeBatch({}).size());
  Open();
  EXPECT_EQ(Append(BatchSpec{}), absl::OkStatus());
  const std::vector<std::byte> next = MakeBatch({.base_offset = 1, .leader_epoch = 9});
  EXPECT_EQ(AppendRun(next), std::nullopt);
  EXPECT_EQ(log_->log_end_offset(), Offset{1});
  EXPECT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, next, WriteHint::kCached, /*checked=*/true)).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{9});
}

TEST_F(AppendNowTest, AnEpochWhoseRunDidNotFitIsTakenBackBeforeTheNextRun) {
  config_.segment_bytes = static_cast<int32_t>(2 * MakeBatch({}).size());
  Open();
  EXPECT_EQ(Append(BatchSpec{}), absl::OkStatus());
  std::vector<std::byte> run = MakeBatch({.base_offset = 1, .leader_epoch = 5});  // fits, the one behind it does not
  const std::vector<std::byte> more = MakeBatch({.base_offset = 2, .leader_epoch = 5});
  run.insert(run.end(), more.begin(), more.end());
  EXPECT_EQ(AppendRun(run), std::nullopt);
  EXPECT_EQ(Append({.base_offset = 1, .leader_epoch = 3}), absl::OkStatus()) << "another leader's, after all";
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch{3});
}

TEST_F(AppendNowTest, AFailureTakesNoEpochBackThatWasThereBefore) {
  EXPECT_EQ(Append({.leader_epoch = 5}), absl::OkStatus());
  ASSERT_TRUE(log_->epochs().Assign(LeaderEpoch{7}, Offset{1}).ok());  // an election
  queue_.write_bytes_left = 0;
  EXPECT_TRUE(absl::IsResourceExhausted(*Append({.base_offset = 1, .leader_epoch = 7})));
  EXPECT_THAT(log_->epochs().entries(), testing::ElementsAre(EpochStart{{5}, {0}}, EpochStart{{7}, {1}}));
}

TEST_F(AppendNowTest, AFailurePastARollTakesBackOnlyTheEpochThatWasNotWritten) {
  config_.segment_bytes = static_cast<int32_t>(MakeBatch({}).size());
  Open();
  std::vector<std::byte> run = MakeBatch({.leader_epoch = 5});
  queue_.write_bytes_left = run.size();
  const std::vector<std::byte> more = MakeBatch({.base_offset = 1, .leader_epoch = 6});
  run.insert(run.end(), more.begin(), more.end());
  EXPECT_TRUE(absl::IsResourceExhausted(RunToEnd(log_->AppendAsFollower(queue_, run, WriteHint::kCached))));
  EXPECT_EQ(log_->log_end_offset(), Offset{1});
  EXPECT_THAT(log_->epochs().entries(), testing::ElementsAre(EpochStart{{5}, {0}}));
}

TEST_F(AppendNowTest, MoreThanTheQueueWritesAtOnceIsLeftToIt) {
  queue_.set_write_now_bytes_max(MakeBatch({}).size() - 1);
  EXPECT_EQ(Append(BatchSpec{}), std::nullopt);
  EXPECT_EQ(queue_.writes, 0);
}

TEST_F(AppendNowTest, ALogWrittenPastThePageCacheGoesOnThatWay) {
  config_.write_mode = WriteMode::kDirect;
  Open();
  EXPECT_EQ(Append(BatchSpec{}), std::nullopt);
}

TEST_F(AppendNowTest, Log62_ATornWriteLeavesNothingAndIsMadeAgain) {
  queue_.write_bytes_left = 10;
  const std::optional<absl::Status> torn = Append({.record_count = 2, .leader_epoch = 7});
  ASSERT_TRUE(torn && absl::IsResourceExhausted(*torn));
  EXPECT_EQ(log_->log_end_offset(), Offset{0});
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
  queue_.write_bytes_left = 1 << 20;
  EXPECT_EQ(Append({.record_count = 2, .leader_epoch = 7}), absl::OkStatus());
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
  EXPECT_EQ(std::filesystem::file_size(dir_.path() / "t-0" / "00000000000000000000.log"), log_->size_bytes());
}

// What happened: the thread that took over after an exception found half an append, and the process ended.
TEST_F(AppendNowTest, Fm16_AnExceptionInTheMiddleFailsTheLogAndNothingElse) {
  const std::vector<std::byte> batch = MakeBatch({});
  queue_.before_write = [] { throw std::bad_alloc(); };
  EXPECT_THROW((void)AppendRun(batch), std::bad_alloc);
  EXPECT_FALSE(log_->failure().ok());
  Open();
  EXPECT_THROW((void)RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached)), std::bad_alloc);
  queue_.before_write = nullptr;
  EXPECT_FALSE(AppendRun(batch)->ok());
  EXPECT_FALSE(RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
  Open();
  EXPECT_EQ(AppendRun(batch), absl::OkStatus());
}

}  // namespace
}  // namespace slipstream
