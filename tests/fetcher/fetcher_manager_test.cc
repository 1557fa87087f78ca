#include "fetcher/fetcher_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "fetcher/fetcher_id.h"
#include "fetcher/lane_choice.h"
#include "tests/support/batches.h"
#include "tests/support/failing_io.h"
#include "tests/support/log_configs.h"
#include "tests/support/no_questions_leader.h"
#include "tests/support/patience.h"
#include "tests/support/recording_events.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

const TopicPartition kP0{"orders", 0}, kP1{"orders", 1};
const Endpoint kHere{"here", 9092}, kThere{"there", 9092};
constexpr BrokerId kOne{1}, kTwo{2};

// What the leaders were asked, from all fetcher threads, and what they have to give.
class Board {
 public:
  struct Fetch {
    BrokerId leader;
    Endpoint endpoint;
    std::thread::id thread;
    std::map<TopicPartition, int64_t> asked;
  };

  void Note(Fetch fetch) {
    const std::lock_guard lock(mutex_);
    fetches_.push_back(std::move(fetch));
    changed_.notify_all();
  }
  // The first fetch that `matches`; waits for it.
  template <typename Matches>
  Fetch WaitFor(Matches matches) {
    std::unique_lock lock(mutex_);
    Fetch found;
    const bool seen = changed_.wait_for(lock, kPatience, [&] {
      for (const Fetch& fetch : fetches_) {
        if (!matches(fetch)) continue;
        found = fetch;
        return true;
      }
      return false;
    });
    EXPECT_TRUE(seen) << "no such fetch";
    return found;
  }

  std::map<std::pair<BrokerId, TopicPartition>, std::vector<std::byte>>
      first_records;  // given at offset 0; set before threads run
  // A leader counts itself in and leaves Close once `close_together` have: true when they were there in time.
  bool CloseTogether() {
    std::unique_lock lock(mutex_);
    ++closed;
    changed_.notify_all();
    return changed_.wait_for(lock, kPatience, [&] { return closed >= close_together; });
  }

  std::atomic<int> closed{0};
  std::atomic<int> close_together{0};
  std::atomic<int> closed_alone{0};  // in vain waited for the others
  std::atomic<int> deaths_to_come{0};
  std::atomic<int> throws_to_come{0};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Fetch> fetches_;
};

// Without sessions. Gives its records at offset 0 and answers nothing else, for ever.
class SilentLeader final : public NoQuestionsLeader {
 public:
  SilentLeader(asio::io_context& io, BrokerId id, Endpoint endpoint, Board& board)
      : id_(id), endpoint_(std::move(endpoint)), board_(board), closed_event_(io.get_executor()) {}

  BrokerId broker_id() const override { return id_; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override { co_return false; }
  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t) override {
    if (board_.throws_to_come.fetch_sub(1) > 0) throw std::runtime_error("no memory for an answer");
    Board::Fetch fetch{id_, endpoint_, std::this_thread::get_id(), {}};
    exchange.response = {};
    bool news = false;
    for (const FetchTopic& topic : exchange.request.topics) {
      FetchableTopicResponse& answer = exchange.response.responses.emplace_back();
      answer.topic = topic.topic;
      for (const FetchPartition& asked : topic.partitions) {
        const TopicPartition name{topic.topic, asked.partition};
        fetch.asked[name] = asked.fetch_offset.value;
        PartitionData& data = answer.partitions.emplace_back();
        data.partition_index = asked.partition;
        const auto records = board_.first_records.find({id_, name});
        if (records == board_.first_records.end() || asked.fetch_offset != Offset{0}) continue;
        data.records.bytes = records->second;
        news = true;
      }
    }
    board_.Note(std::move(fetch));
    while (!news && !closed_) co_await closed_event_.Wait();
    if (closed_) co_return absl::CancelledError("closed");
    co_return absl::OkStatus();
  }
  void Close() override {
    if (!std::exchange(closed_, true) && !board_.CloseTogether()) ++board_.closed_alone;
    closed_event_.NotifyAll();
  }

 private:
  const BrokerId id_;
  const Endpoint endpoint_;
  Board& board_;
  AsyncEvent closed_event_;
  bool closed_ = false;
};

class FetcherManagerTest : public ::testing::Test {
 protected:
  void Make(int32_t threads_per_leader = 1) {
    FetcherConfig config;
    config.num_replica_fetchers = threads_per_leader;
    manager_ = std::make_unique<FetcherManager>(
        io_, config,
        [this](asio::io_context& io, BrokerId leader, const Endpoint& endpoint) {
          if (board_.deaths_to_come.fetch_sub(1) > 0) throw std::runtime_error("no memory for a leader");
          return std::make_unique<SilentLeader>(io, leader, endpoint, board_);
        },
        events_, counters_);
  }
  void Run(asio::awaitable<void> work) {
    bool done = false;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      done = true;
    });
    const auto guard = asio::make_work_guard(io_);  // the answer may be on its way from another thread
    io_.restart();
    while (!done && io_.run_one_for(kPatience) > 0) continue;
    ASSERT_TRUE(done) << "it hangs";
  }
  void Add(BrokerId leader, const Endpoint& endpoint, const std::vector<TopicPartition>& partitions,
           int32_t epoch = 5) {
    Run(manager_->Add(leader, endpoint, Initial(partitions, epoch)));
  }
  std::vector<InitialFetchState> Initial(const std::vector<TopicPartition>& partitions, int32_t epoch) {
    std::vector<InitialFetchState> initial;
    for (const TopicPartition& partition : partitions)
      initial.push_back({partition, Uuid{1, static_cast<uint64_t>(partition.topic[0])}, LeaderEpoch{epoch},
                         &Log(partition), std::make_shared<PartitionProgress>()});
    return initial;
  }
  // A thread that is about to write its first records to a log stops there until GoOn.
  void HoldTheFirstAppend() {
    file_io_.before_write = [this](const std::filesystem::path& path) {
      if (path.filename() == "partition.metadata.tmp") {
        held_.release();
        go_on_.acquire();
      }
      return absl::OkStatus();
    };
  }
  void WaitUntilHeld() { ASSERT_TRUE(held_.try_acquire_for(kPatience)); }
  void GoOn() { go_on_.release(); }
  // Begins the work and does of it what can be done at once.
  std::shared_ptr<bool> Begin(asio::awaitable<void> work) {
    const auto done = std::make_shared<bool>(false);
    asio::co_spawn(io_, std::move(work), [done](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      *done = true;
    });
    io_.restart();
    io_.poll();
    return done;
  }
  void RunUntil(const bool& done) {
    const auto guard = asio::make_work_guard(io_);
    io_.restart();
    while (!done && io_.run_one_for(kPatience) > 0) continue;
    ASSERT_TRUE(done) << "it hangs";
  }
  // Waits for it.
  bool AThreadDies() {
    const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    while (manager_->dead_thread_count() == 0 && std::chrono::steady_clock::now() < give_up_at)
      std::this_thread::yield();
    return manager_->dead_thread_count() > 0;
  }
  PartitionLog& Log(const TopicPartition& partition) {
    std::unique_ptr<PartitionLog>& log = logs_[partition];
    if (log == nullptr) {
      auto opened = PartitionLog::Open(file_io_, directory_.path() / partition.ToString(), partition, KeepsAll(),
                                       LogOpenOptions{});
      SLIP_CHECK(opened.ok());
      log = *std::move(opened);
    }
    return *log;
  }

  TempDir directory_;
  FailingIo file_io_;
  std::binary_semaphore held_{0}, go_on_{0};
  asio::io_context io_;
  Board board_;
  RecordingEvents events_;
  FetchCounters counters_;
  std::map<TopicPartition, std::unique_ptr<PartitionLog>> logs_;
  std::unique_ptr<FetcherManager> manager_;
};

TEST_F(FetcherManagerTest, Fm02_Fm03_OneThreadPerLeaderAndFetcherId) {
  Make(2);
  std::vector<TopicPartition> partitions;
  for (int32_t i = 0; i < 8; ++i) partitions.push_back({"spread", i});
  Add(kOne, kHere, partitions);
  EXPECT_EQ(manager_->thread_count(), 2u);
  Add(kTwo, kThere, {kP0});
  EXPECT_EQ(manager_->thread_count(), 3u);
  Add(kOne, kHere, {kP1});
  EXPECT_EQ(manager_->thread_count(), 3u) << "a thread that is there is used";
  std::set<std::thread::id> threads;
  for (int32_t id = 0; id < 2; ++id) {
    const auto fetch = board_.WaitFor([&](const Board::Fetch& f) {
      return f.leader == kOne && !f.asked.empty() && FetcherIdOf(f.asked.begin()->first, 2) == id;
    });
    for (const auto& [partition, offset] : fetch.asked) EXPECT_EQ(FetcherIdOf(partition, 2), id);
    threads.insert(fetch.thread);
  }
  threads.insert(board_.WaitFor([](const Board::Fetch& f) { return f.leader == kTwo; }).thread);
  EXPECT_EQ(threads.size(), 3u);
}

TEST_F(FetcherManagerTest, Fm04_ALeaderThatMovedIsFollowedWithAllItsPartitions) {
  Make();
  Add(kOne, kHere, {kP0, kP1});
  board_.WaitFor([](const Board::Fetch& f) { return f.endpoint == kHere && f.asked.size() == 2; });
  Add(kOne, kThere, {kP0});
  board_.WaitFor([](const Board::Fetch& f) { return f.endpoint == kThere && f.asked.size() == 2; });
  EXPECT_EQ(manager_->thread_count(), 1u);
}

TEST_F(FetcherManagerTest, Fm06_Rel14_RemoveReturnsOnceTheLogIsLetGo) {
  Make();
  board_.first_records[{kOne, kP0}] = MakeBatch({.record_count = 3, .leader_epoch = 5});
  HoldTheFirstAppend();
  Add(kOne, kHere, {kP0, kP1});
  WaitUntilHeld();
  const std::shared_ptr<bool> removed = Begin(manager_->Remove({kP0, {"unknown", 9}}));
  EXPECT_FALSE(*removed) << "its thread is in the middle of an append";
  GoOn();
  RunUntil(*removed);
  EXPECT_EQ(Log(kP0).log_end_offset(), Offset{3}) << "which was carried out";
  EXPECT_TRUE(Log(kP0).TruncateTo(Offset{0}).ok()) << "it is ours now";
  EXPECT_EQ(manager_->thread_count(), 1u) << "the other partition is still there";
  EXPECT_EQ(manager_->dead_thread_count(), 0u);
}

TEST_F(FetcherManagerTest, Fm07_ThreadsWithoutPartitionsAreStopped) {
  Make();
  Add(kOne, kHere, {kP0});
  Add(kTwo, kThere, {kP1});
  Run(manager_->Remove({kP0}));
  EXPECT_EQ(manager_->thread_count(), 2u) << "not before someone tends to it";
  manager_->Tend();
  EXPECT_EQ(manager_->thread_count(), 1u);
  Run(manager_->Remove({kP1}));
  manager_->Tend();
  EXPECT_EQ(manager_->thread_count(), 0u);
}

TEST_F(FetcherManagerTest, Fm11_Rel22_Pf16_AResizedPoolOwnsEveryPartitionOnce) {
  Make(1);
  std::vector<TopicPartition> partitions;
  std::map<int32_t, std::set<TopicPartition>> of_eight;
  for (int32_t i = 0; i < 64; ++i) {
    partitions.push_back({"spread", i});
    of_eight[FetcherIdOf(partitions.back(), 8)].insert(partitions.back());
  }
  Add(kOne, kHere, partitions);
  board_.WaitFor([](const Board::Fetch& f) { return f.asked.size() == 64; });
  Run(manager_->Resize(8));
  EXPECT_EQ(manager_->thread_count(), of_eight.size());
  of_eight.erase(0);  // that thread's fetch is under way: what left it is let go of without an answer
  for (const auto& [id, expected] : of_eight) {
    board_.WaitFor([&expected = expected](const Board::Fetch& f) {
      return f.asked.size() == expected.size() && expected.contains(f.asked.begin()->first) &&
             expected.contains(f.asked.rbegin()->first);
    });
  }
  Run(manager_->Resize(3));
  EXPECT_EQ(manager_->thread_count(), 3u);
  Run(manager_->Remove(partitions));
  manager_->Tend();
  EXPECT_EQ(manager_->thread_count(), 0u);
}

TEST_F(FetcherManagerTest, Fm11_PartitionsThatStayAreFetchedOn) {
  Make(1);
  TopicPartition stays{"spread", 0}, goes{"spread", 0};
  while (FetcherIdOf(stays, 2) != 0) ++stays.partition;
  while (FetcherIdOf(goes, 2) != 1) ++goes.partition;
  Add(kOne, kHere, {stays, goes});
  board_.WaitFor([](const Board::Fetch& f) { return f.asked.size() == 2; });
  Run(manager_->Resize(2));
  board_.WaitFor([&](const Board::Fetch& f) { return f.asked.size() == 1 && f.asked.contains(goes); });
  EXPECT_EQ(board_.closed.load(), 0) << "the first thread goes on";
}

TEST_F(FetcherManagerTest, Fm11_Pf12_Rel22_AResizeWaitsForAnAppendAndGoesOnBehindIt) {
  Make(1);
  const TopicPartition moves{"orders", FetcherIdOf(kP0, 2) == 1 ? 0 : 1};
  ASSERT_EQ(FetcherIdOf(moves, 2), 1);
  board_.first_records[{kOne, moves}] = MakeBatch({.record_count = 3, .leader_epoch = 5});
  HoldTheFirstAppend();
  Add(kOne, kHere, {kP0, kP1});
  WaitUntilHeld();
  const Board::Fetch before = board_.WaitFor([](const Board::Fetch&) { return true; });
  const std::shared_ptr<bool> resized = Begin(manager_->Resize(2));
  EXPECT_FALSE(*resized) << "the old owner has not let go";
  GoOn();
  RunUntil(*resized);
  const auto first = board_.WaitFor([&](const Board::Fetch& f) { return f.thread != before.thread; });
  EXPECT_EQ(first.asked, (std::map<TopicPartition, int64_t>{{moves, 3}}));
  manager_->Close();
  EXPECT_EQ(Log(moves).log_end_offset(), Offset{3});
}

TEST_F(FetcherManagerTest, Fm13_Rel22_Pf16_ClosingDoesNotWaitForLeadersThatNeverAnswer) {
  Make();
  Add(kOne, kHere, {kP0});
  Add(kTwo, kThere, {kP1});
  board_.WaitFor([](const Board::Fetch& f) { return f.leader == kOne; });
  board_.WaitFor([](const Board::Fetch& f) { return f.leader == kTwo; });
  board_.close_together = 2;
  manager_->Close();
  EXPECT_EQ(manager_->thread_count(), 0u);
  EXPECT_EQ(board_.closed.load(), 2 * static_cast<int>(kLaneKinds));
  EXPECT_EQ(board_.closed_alone.load(), 0) << "one was told only once the other had ended";
}

TEST_F(FetcherManagerTest, Fm16_Fm17_ADeadThreadIsReplacedWithItsPartitions) {
  Make();
  board_.deaths_to_come = 1;
  Add(kOne, kHere, {kP0, kP1});
  ASSERT_TRUE(AThreadDies());
  EXPECT_THAT(events_.notices,
              ::testing::ElementsAre(::testing::HasSubstr("fetcher-0-1 died: no memory for a leader")));
  manager_->Tend();
  board_.WaitFor([](const Board::Fetch& f) { return f.asked.size() == 2; });
  EXPECT_EQ(manager_->dead_thread_count(), 0u);
}

// What happened: the lane was destroyed with the fetch still counted as under way, which its own check took for a
// mistake.
TEST_F(FetcherManagerTest, Fm16_AnExceptionInAFetchEndsTheThreadAndNotTheProcess) {
  Make();
  board_.throws_to_come = 1;
  Add(kOne, kHere, {kP0});
  ASSERT_TRUE(AThreadDies());
  EXPECT_THAT(events_.notices, ::testing::ElementsAre(::testing::HasSubstr("no memory for an answer")));
  manager_->Tend();
  board_.WaitFor([](const Board::Fetch& f) { return f.asked.contains(kP0); });
}

TEST_F(FetcherManagerTest, Fm16_RemovalFromADeadThreadReturns) {
  Make();
  board_.deaths_to_come = 1;
  Add(kOne, kHere, {kP0});
  ASSERT_TRUE(AThreadDies());
  Run(manager_->Remove({kP0}));
  manager_->Tend();
  EXPECT_EQ(manager_->thread_count(), 0u);
}

TEST_F(FetcherManagerTest, Fm14_Fm15_MetricsTellOfEveryThreadAndLane) {
  Make();
  const std::vector<std::byte> batch = MakeBatch({.record_count = 3, .leader_epoch = 5});
  board_.first_records[{kOne, kP0}] = batch;
  EXPECT_TRUE(manager_->Metrics().threads.empty());
  EXPECT_EQ(manager_->Metrics().min_fetch_rate, 0);
  Add(kOne, kHere, {kP0, kP1});
  board_.WaitFor([](const Board::Fetch& f) { return f.asked.contains(kP0) && f.asked.at(kP0) == 3; });

  const FetcherMetrics metrics = manager_->Metrics();
  ASSERT_EQ(metrics.threads.size(), 1u);
  const FetcherThreadMetrics& thread = metrics.threads.front();
  EXPECT_EQ(thread.name, "fetcher-0-1");
  EXPECT_EQ(thread.leader, kOne);
  EXPECT_EQ(thread.endpoint, kHere);
  EXPECT_FALSE(thread.dead);
  EXPECT_GT(thread.requests_per_second, 0);
  EXPECT_EQ(metrics.min_fetch_rate, thread.requests_per_second);
  EXPECT_EQ(metrics.dead_threads + metrics.failed_partitions, 0u);
  LaneMetrics all;
  for (const LaneMetrics& lane : thread.lanes) {
    all.requests += lane.requests;
    all.bytes += lane.bytes;
  }
  EXPECT_GE(all.requests, 2u);
  EXPECT_EQ(all.bytes, batch.size());

  Run(manager_->Remove({kP0, kP1}));
  manager_->Tend();
  EXPECT_TRUE(manager_->Metrics().threads.empty()) << "they go with their thread";
}

TEST_F(FetcherManagerTest, Fm14_LagsAndFailuresAreOfAllThreads) {
  Make();
  std::vector<InitialFetchState> first = Initial({kP0}, 5), second = Initial({kP1}, 5);
  const std::shared_ptr<PartitionProgress> lagging = first.front().progress, failed = second.front().progress;
  Run(manager_->Add(kOne, kHere, std::move(first)));
  Run(manager_->Add(kTwo, kThere, std::move(second)));
  board_.WaitFor([](const Board::Fetch& f) { return f.leader == kOne; });
  board_.WaitFor([](const Board::Fetch& f) { return f.leader == kTwo; });
  EXPECT_EQ(manager_->Metrics().max_lag, 0) << "unknown is never below 0";
  lagging->PublishLeader(Offset{30});
  failed->PublishLeader(Offset{7});
  failed->health = PartitionHealth::kFailed;
  const FetcherMetrics metrics = manager_->Metrics();
  EXPECT_EQ(metrics.max_lag, 30);
  EXPECT_EQ(metrics.failed_partitions, 1u);
  EXPECT_EQ(metrics.threads.size(), 2u);
}

TEST_F(FetcherManagerTest, Fm14_ADeadThreadIsCountedUntilItIsStartedAnew) {
  Make();
  board_.deaths_to_come = 1;
  Add(kOne, kHere, {kP0});
  ASSERT_TRUE(AThreadDies());
  EXPECT_EQ(manager_->Metrics().dead_threads, 1u);
  EXPECT_TRUE(manager_->Metrics().threads.front().dead);
  manager_->Tend();
  EXPECT_EQ(manager_->Metrics().dead_threads, 0u);
}

TEST_F(FetcherManagerTest, Pf12_Rel13_ANewLeadersThreadStartsWhereTheOldOneStopped) {
  Make();
  board_.first_records[{kOne, kP0}] = MakeBatch({.record_count = 3, .leader_epoch = 5});
  HoldTheFirstAppend();
  Add(kOne, kHere, {kP0});
  WaitUntilHeld();
  const std::shared_ptr<bool> moved = Begin(manager_->Add(kTwo, kThere, Initial({kP0}, 6)));
  EXPECT_FALSE(*moved) << "the old one has not let go";
  GoOn();
  RunUntil(*moved);
  const auto first = board_.WaitFor([](const Board::Fetch& f) { return f.leader == kTwo; });
  EXPECT_EQ(first.asked, (std::map<TopicPartition, int64_t>{{kP0, 3}})) << "behind what the old one was still writing";
  manager_->Close();
  EXPECT_EQ(Log(kP0).log_end_offset(), Offset{3});
}

}  // namespace
}  // namespace slipstream
