// A fetch lane between a scripted leader and real logs, all on the test's own thread.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <map>
#include <memory>

#include "fetcher/fetch_lane.h"
#include "log/io/blocking_queue.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/log_configs.h"
#include "tests/support/patience.h"
#include "tests/support/recording_events.h"
#include "tests/support/run.h"
#include "tests/support/scripted_leader.h"
#include "tests/support/temp_dir.h"

namespace slipstream {

inline const TopicPartition kP0{"orders", 0}, kP1{"orders", 1}, kP2{"orders", 2};

// `count` records from `offset` on in one batch.
inline std::vector<std::byte> Batch(int64_t offset, int32_t count, int32_t epoch = 5) {
  return MakeBatch({.base_offset = offset, .record_count = count, .leader_epoch = epoch});
}
inline std::vector<std::byte> Damaged(std::vector<std::byte> batch) {
  batch.back() ^= std::byte{1};
  return batch;
}

class LaneFixture : public ::testing::Test {
 protected:
  LaneFixture() { config_.replica_fetch_backoff = std::chrono::milliseconds(1); }
  void TearDown() override {
    if (lane_ == nullptr) return;
    lane_->Stop();
    RunUntil([this] { return ended_; });
  }

  void Start() {
    cleaner_.emplace(config_.compaction);
    const LaneShared shared{io_, queue_, config_, events_, counters_, lane_counters_, *cleaner_, leader_reached_};
    lane_ = std::make_unique<FetchLane>(shared, leader_, kind_, nullptr);
    asio::co_spawn(io_, lane_->Run(), [this](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      ended_ = true;
    });
  }
  // Adds the partition; its log is made on first use.
  void Add(const TopicPartition& partition, int32_t epoch = 5, Uuid topic_id = {}) {
    lane_->Add({partition, topic_id, LeaderEpoch{epoch}, &Log(partition), Progress(partition)});
  }
  void StartWith(const std::vector<TopicPartition>& partitions) {
    Start();
    for (const TopicPartition& partition : partitions) Add(partition);
    Settle();
  }
  void Serve(ScriptedFetch answer) {
    leader_.Say(std::move(answer));
    Settle();
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    io_.poll();
    while (!condition()) {
      if (io_.run_one_for(kPatience) == 0) FAIL() << "it hangs";
      io_.poll();
    }
  }
  // Until the leader's long poll is all that is left to wait for.
  void Settle() {
    RunUntil([this] { return leader_.waiting(); });
  }

  PartitionLog& Log(const TopicPartition& partition) {
    std::unique_ptr<PartitionLog>& log = logs_[partition];
    if (log == nullptr) {
      auto opened = PartitionLog::Open(SystemFileIo(), directory_.path() / partition.ToString(), partition, log_config_,
                                       LogOpenOptions{});
      SLIP_CHECK(opened.ok());
      log = *std::move(opened);
    }
    return *log;
  }
  void Fill(const TopicPartition& partition, std::vector<std::byte> batches, int64_t high_watermark = 0) {
    BlockingIoQueue queue;
    ASSERT_TRUE(RunToEnd(Log(partition).AppendAsFollower(queue, batches, WriteHint::kCached)).ok());
    Log(partition).UpdateHighWatermark(Offset{high_watermark});
  }
  std::shared_ptr<PartitionProgress> Progress(const TopicPartition& partition) {
    std::shared_ptr<PartitionProgress>& progress = progress_[partition];
    if (progress == nullptr) progress = std::make_shared<PartitionProgress>();
    return progress;
  }
  int64_t End(const TopicPartition& partition) { return Log(partition).log_end_offset().value; }
  // Where the leader was last asked to read from; -1: the partition is not fetched.
  int64_t AskedAt(const TopicPartition& partition) const {
    const std::optional<FetchPartition> asked = leader_.Asked(partition);
    return asked ? asked->fetch_offset.value : -1;
  }
  int32_t AskedAfterEpoch(const TopicPartition& partition) const {
    const std::optional<FetchPartition> asked = leader_.Asked(partition);
    return asked ? asked->last_fetched_epoch.value : -2;
  }
  void RunUntilAskedAt(const TopicPartition& partition, int64_t offset) {
    RunUntil([&] { return leader_.waiting() && AskedAt(partition) == offset; });
  }
  // Answers long polls without news until the leader is asked for the partition at `offset`: what was delayed joins the
  // next request once its time has come.
  void PollUntilAskedAt(const TopicPartition& partition, int64_t offset) {
    ServeUntil([&] { return AskedAt(partition) == offset; });
  }
  // Answers long polls so until then.
  template <typename Condition>
  void ServeUntil(Condition condition, const ScriptedFetch& no_news = {}) {
    const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    while (!condition() && !HasFatalFailure()) {
      if (std::chrono::steady_clock::now() > give_up_at) FAIL() << "it never happens";
      Serve(no_news);
    }
  }
  uint64_t stale_answers() const { return counters_.stale_answers.load(); }

  TempDir directory_;
  asio::io_context io_;
  FetcherConfig config_;
  LogConfig log_config_ = KeepsAll();
  LaneKind kind_ = LaneKind::kBulk;
  ScriptedLeader leader_{io_, BrokerId{1}};
  FailingQueue queue_;
  RecordingEvents events_;
  FetchCounters counters_;
  ThreadCounters lane_counters_;
  std::map<TopicPartition, std::unique_ptr<PartitionLog>> logs_;
  std::map<TopicPartition, std::shared_ptr<PartitionProgress>> progress_;
  std::optional<LogCleaner> cleaner_;
  bool leader_reached_ = false;
  std::unique_ptr<FetchLane> lane_;
  bool ended_ = false;
};

}  // namespace slipstream
