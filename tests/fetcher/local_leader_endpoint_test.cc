// A future log that a lane fetches from the current one, both on the test's own thread.
#include "fetcher/moves/local_leader_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "fetcher/fetch_lane.h"
#include "log/io/blocking_queue.h"
#include "log/producer_snapshot.h"
#include "tests/support/batches.h"
#include "tests/support/log_configs.h"
#include "tests/support/patience.h"
#include "tests/support/recording_events.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

const TopicPartition kP0{"orders", 0};

// Owns the log on the thread of whoever looks; the test may come first.
class TestOwner final : public LogOwner {
 public:
  explicit TestOwner(asio::io_context& io) : io_(io) {}

  void LookAt(const TopicPartition&, Look look) override {
    ++looks;
    if (before_look) before_look();
    if (silent) return;
    asio::post(io_, [this, look = std::move(look)] { look(log); });
  }

  PartitionLog* log = nullptr;
  std::function<void()> before_look;
  bool silent = false;  // it never comes to look
  int looks = 0;

 private:
  asio::io_context& io_;
};

class MoverTest : public testing::Test {
 protected:
  MoverTest() {
    config_.replica_fetch_backoff = std::chrono::milliseconds(1);
    config_.replica_fetch_wait_max = std::chrono::milliseconds(1);
    config_.gap_policy = GapPolicy::kRestart;
    current_ = Open("current");
    future_ = Open("future");
    owner_.log = current_.get();
  }
  void TearDown() override {
    if (lane_ == nullptr) return;
    lane_->Stop();
    RunUntil([this] { return ended_; });
  }

  std::unique_ptr<PartitionLog> Open(const char* name) {
    auto opened = PartitionLog::Open(SystemFileIo(), directory_.path() / name, kP0, KeepsAll(), {});
    SLIP_CHECK(opened.ok());
    return *std::move(opened);
  }
  // A batch of so many records at the end of a log.
  static void Append(PartitionLog& log, int32_t records, int32_t epoch = 0, uint8_t fill = 'v') {
    BlockingIoQueue queue;
    const std::vector<std::byte> batch = MakeBatch(
        {.base_offset = log.log_end_offset().value, .record_count = records, .leader_epoch = epoch, .fill = fill});
    ASSERT_TRUE(RunToEnd(log.AppendAsFollower(queue, batch, WriteHint::kCached)).ok());
  }
  static std::vector<std::byte> Bytes(PartitionLog& log) {
    std::vector<std::byte> bytes(log.size_bytes());
    const auto slice = log.Read(log.log_start_offset(), log.log_end_offset(), bytes.size());
    SLIP_CHECK(slice.ok());
    bytes.resize(slice->bytes);
    if (slice->bytes > 0) SLIP_CHECK_EQ(slice->file->ReadAt(bytes, slice->position).value_or(0), bytes.size());
    return bytes;
  }

  void Start() {
    cleaner_.emplace(config_.compaction);
    const LaneShared shared{io_, queue_, config_, events_, counters_, lane_counters_, *cleaner_, leader_reached_};
    lane_ = std::make_unique<FetchLane>(shared, endpoint_, LaneKind::kBulk, nullptr);
    asio::co_spawn(io_, lane_->Run(), [this](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      ended_ = true;
    });
    lane_->Add({kP0, {}, LeaderEpoch{}, future_.get(), progress_});
  }
  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up_at) FAIL() << "it hangs";
      io_.run_one_for(std::chrono::milliseconds(10));
    }
  }
  void RunUntilEqual() {
    RunUntil([this] { return Bytes(*future_) == Bytes(*current_) && progress_->Lag() == 0; });
    EXPECT_EQ(future_->log_end_offset(), current_->log_end_offset());
    EXPECT_EQ(future_->latest_epoch(), current_->latest_epoch());
  }

  TempDir directory_;
  asio::io_context io_;
  FetcherConfig config_;
  BlockingIoQueue queue_;
  RecordingEvents events_;
  FetchCounters counters_;
  ThreadCounters lane_counters_;
  std::unique_ptr<PartitionLog> current_, future_;
  std::shared_ptr<PartitionProgress> progress_ = std::make_shared<PartitionProgress>();
  TestOwner owner_{io_};
  std::vector<std::string> unreadable_;
  LocalLeaderEndpoint endpoint_{io_, owner_, SystemClock(), [this](const TopicPartition&, const absl::Status& why) {
                                  unreadable_.push_back(std::string(why.message()));
                                }};
  std::optional<LogCleaner> cleaner_;
  bool leader_reached_ = false;
  std::unique_ptr<FetchLane> lane_;
  bool ended_ = false;
};

TEST_F(MoverTest, Ad03_Ad07_AFutureLogTakesAllUpToTheLogEndAndTheMarks) {
  Append(*current_, 3);
  Append(*current_, 4, 7);
  current_->UpdateHighWatermark(Offset{5});
  ASSERT_TRUE(current_->MaybeIncrementLogStartOffset(Offset{2}).ok());
  Start();
  RunUntilEqual();
  EXPECT_EQ(future_->high_watermark(), Offset{5});
  EXPECT_EQ(future_->log_start_offset(), Offset{2});
  Append(*current_, 1, 8);
  current_->UpdateHighWatermark(Offset{8});
  RunUntil([this] { return future_->high_watermark() == Offset{8}; });
  RunUntilEqual();
}

// Whoever leads the partition: no epoch is told or held against one.
TEST_F(MoverTest, Ad05_Pf33_AnElectionDoesNotTouchAMove) {
  Append(*current_, 3, 5);
  Start();
  RunUntilEqual();
  Append(*current_, 3, 9);
  RunUntilEqual();
  EXPECT_TRUE(events_.failed.empty());
}

TEST_F(MoverTest, Ad06_AFutureLogIsCutWhereTheCurrentOneWas) {
  Append(*current_, 3, 1);
  Append(*current_, 3, 1);
  Start();
  RunUntilEqual();
  ASSERT_TRUE(current_->TruncateTo(Offset{3}).ok());
  Append(*current_, 5, 2);
  RunUntilEqual();
  ASSERT_EQ(events_.truncated.size(), 1u);
  EXPECT_EQ(events_.truncated[0].to, Offset{3});
}

TEST_F(MoverTest, Ad06_AFutureLogStartsAnewWhereTheCurrentOneDid) {
  Append(*current_, 3, 1);
  Start();
  RunUntilEqual();
  ASSERT_TRUE(current_->TruncateFullyAndStartAt(Offset{100}).ok());
  Append(*current_, 2, 4);
  RunUntilEqual();
  EXPECT_EQ(future_->log_start_offset(), Offset{100});
}

// The batches are as long as those they replace: what was read before and after the cut would fit together.
TEST_F(MoverTest, Ad06_WhatWasReadWhileTheLogWasCutIsDropped) {
  for (int i = 0; i < 4; ++i) Append(*current_, 1, 1, 'a');
  owner_.before_look = [this] {
    if (owner_.looks != 2) return;  // the one behind the first read
    SLIP_CHECK(current_->TruncateTo(Offset{2}).ok());
    for (int i = 0; i < 4; ++i) Append(*current_, 1, 2, 'b');
  };
  Start();
  RunUntil([this] { return owner_.looks > 2; });
  EXPECT_EQ(future_->log_end_offset(), Offset{0}) << "nothing of the first read";
  RunUntilEqual();
  EXPECT_TRUE(events_.truncated.empty());
}

TEST_F(MoverTest, Ad06_ALogThatIsBeingHandedOverIsWaitedFor) {
  Append(*current_, 3);
  owner_.log = nullptr;
  Start();
  RunUntil([this] { return owner_.looks > 3; });
  EXPECT_EQ(future_->log_end_offset(), Offset{0});
  EXPECT_TRUE(events_.failed.empty());
  owner_.log = current_.get();
  RunUntilEqual();
}

// What happened: that nobody had the log just then was told as a high watermark of nothing, which kept the move from
// going on for a second.
TEST_F(MoverTest, Ad06_ALogOnItsWayBetweenTwoThreadsLosesNothingThatWasTold) {
  Append(*current_, 3);
  current_->UpdateHighWatermark(Offset{3});
  Start();
  RunUntilEqual();
  owner_.log = nullptr;
  const int looks_before = owner_.looks;
  RunUntil([&] { return owner_.looks > looks_before + 5; });
  EXPECT_EQ(progress_->leader_high_watermark.load(), 3);
  EXPECT_EQ(progress_->health.load(), PartitionHealth::kFetching);
  owner_.log = current_.get();
  Append(*current_, 1);
  RunUntilEqual();
}

TEST_F(MoverTest, ALogThatBeginsBehindRemoteStorageIsNotMoved) {
  const RemoteLogState state{
      Offset{0}, Offset{5}, {{LeaderEpoch{1}, Offset{0}}}, EncodeProducerSnapshot(ProducerStateTable())};
  ASSERT_TRUE(current_->RebuildFrom(state, [] { return absl::OkStatus(); }).ok());
  Append(*current_, 2, 1);
  Start();
  RunUntil([this] { return !unreadable_.empty(); });
  EXPECT_EQ(unreadable_[0], "a log that begins behind remote storage is not moved");
  EXPECT_EQ(future_->log_end_offset(), Offset{0});
}

TEST_F(MoverTest, Ad10_QuestionsAreAnsweredFromTheLog) {
  Append(*current_, 3, 1);
  Append(*current_, 2, 4);
  current_->UpdateHighWatermark(Offset{5});
  ASSERT_TRUE(current_->MaybeIncrementLogStartOffset(Offset{1}).ok());
  std::optional<OffsetAnswer> earliest, latest, other;
  std::vector<EpochAnswer> epochs;
  const auto ask = [&]() -> asio::awaitable<void> {
    const auto first = co_await endpoint_.ListOffset(kP0, LeaderEpoch{}, kEarliestTimestamp);
    const auto last = co_await endpoint_.ListOffset(kP0, LeaderEpoch{}, kLatestTimestamp);
    const auto by_time = co_await endpoint_.ListOffset(kP0, LeaderEpoch{}, Timestamp{1000});
    std::vector<EpochQuery> queries{{kP0, LeaderEpoch{}, LeaderEpoch{2}}};
    const auto ends = co_await endpoint_.OffsetsForLeaderEpoch(std::move(queries));
    earliest = *first;
    latest = *last;
    other = *by_time;
    epochs = *ends;
  };
  asio::co_spawn(io_, ask(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  RunUntil([&] { return !epochs.empty(); });
  EXPECT_EQ(earliest->offset, Offset{1});
  EXPECT_EQ(earliest->leader_epoch, LeaderEpoch{1});
  EXPECT_EQ(latest->offset, Offset{5});
  EXPECT_EQ(latest->leader_epoch, LeaderEpoch{4});
  EXPECT_EQ(other->error, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(epochs[0].end, (EpochEndOffset{LeaderEpoch{1}, Offset{3}}));
}

TEST_F(MoverTest, AStopDoesNotWaitForAnOwnerThatNeverLooks) {
  Append(*current_, 3);
  owner_.silent = true;
  Start();
  RunUntil([this] { return owner_.looks > 0; });
  lane_->Stop();
  RunUntil([this] { return ended_; });
}

}  // namespace
}  // namespace slipstream
