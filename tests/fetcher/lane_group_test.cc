// Partitions over the lanes of a fetcher thread, each lane with a scripted leader of its own.
#include "fetcher/lane_group.h"

#include "tests/fetcher/lane_fixture.h"
#include "tests/support/virtual_clock.h"

namespace slipstream {
namespace {

class LaneGroupTest : public LaneFixture {
 protected:
  LaneGroupTest() { config_.clock = &clock_; }
  void TearDown() override {
    if (group_ == nullptr) return;
    group_->Stop();
    RunUntil([this] { return ended_; });
  }

  void StartWith(const std::vector<TopicPartition>& partitions) {
    const auto make_leader = [this] {
      auto leader = std::make_unique<ScriptedLeader>(io_, BrokerId{1});
      leaders_.push_back(leader.get());
      return leader;
    };
    group_ = std::make_unique<LaneGroup>(io_, make_leader, queue_, config_, events_, counters_, lane_counters_);
    asio::co_spawn(io_, group_->Run(), [this](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      ended_ = true;
    });
    for (const TopicPartition& partition : partitions) AddToGroup(partition);
    RunUntil([&] { return Leader(LaneKind::kIdle).waiting(); });
  }
  void AddToGroup(const TopicPartition& partition, int32_t epoch = 5) {
    group_->Add({partition, Uuid{}, LeaderEpoch{epoch}, &Log(partition), Progress(partition)});
  }
  ScriptedLeader& Leader(LaneKind kind) { return *leaders_[static_cast<size_t>(kind)]; }
  // One answer to the lane's fetch, once it waits for one, and what follows until it waits for the next or has none.
  void Serve(LaneKind kind, ScriptedFetch answer) {
    RunUntil([&] { return Leader(kind).waiting(); });
    Leader(kind).Say(std::move(answer));
    io_.poll();
  }
  void RunUntilIn(LaneKind kind, const TopicPartition& partition) {
    RunUntil([&] { return group_->LaneOf(partition) == &group_->lane(kind) && Leader(kind).Asked(partition); });
    for (const LaneKind other : {LaneKind::kIdle, LaneKind::kTail, LaneKind::kBulk}) {
      if (other == kind) continue;
      EXPECT_FALSE(Leader(other).Asked(partition)) << LaneName(other) << " asks too";
    }
  }
  // `records` new ones, and all that the leader has.
  ScriptedFetch News(const TopicPartition& partition, int32_t records) {
    const int64_t end = End(partition);
    return {{{.partition = partition, .records = Batch(end, records), .high_watermark = end + records}}};
  }
  // One record, and more to come.
  ScriptedFetch Backlog(const TopicPartition& partition, int64_t high_watermark) {
    return {{{.partition = partition, .records = Batch(End(partition), 1), .high_watermark = high_watermark}}};
  }
  ScriptedFetch NoRecords(const TopicPartition& partition, int64_t high_watermark) {
    return {{{.partition = partition, .high_watermark = high_watermark}}};
  }

  // kP0 has three new records, kP1 is behind.
  void ExpectTailAsksAndBulkIsHeldBack() {
    ScriptedFetch both = News(kP0, 3);
    both.partitions.push_back({.partition = kP1, .high_watermark = 5});
    Serve(LaneKind::kIdle, std::move(both));
    RunUntilIn(LaneKind::kTail, kP0);
    RunUntil([&] { return group_->LaneOf(kP1) == &group_->lane(LaneKind::kBulk); });
    io_.poll();
    EXPECT_TRUE(Leader(LaneKind::kBulk).fetches.empty());
  }

  VirtualClock clock_;
  SharedFollowerThrottle throttle_{BrokerId{1}, {}, clock_.Now()};
  std::vector<ScriptedLeader*> leaders_;
  std::unique_ptr<LaneGroup> group_;
};

TEST_F(LaneGroupTest, APartitionThatWakesIsFetchedByTheTail) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  EXPECT_EQ(Leader(LaneKind::kTail).Asked(kP0)->fetch_offset, Offset{3});
  EXPECT_EQ(End(kP0), 3);
  RunUntilIn(LaneKind::kIdle, kP1);
  // From now on the idle lane is not disturbed by it.
  const size_t idle_fetches = Leader(LaneKind::kIdle).fetches.size();
  Serve(LaneKind::kTail, News(kP0, 2));
  RunUntil([&] { return End(kP0) == 5 && Leader(LaneKind::kTail).waiting(); });
  EXPECT_EQ(Leader(LaneKind::kIdle).fetches.size(), idle_fetches);
}

TEST_F(LaneGroupTest, OneThatIsQuietForASecondIsIdleAgain) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  clock_.AdvanceTo(clock_.Now() + kQuietAfter - std::chrono::milliseconds(1));
  Serve(LaneKind::kTail, NoRecords(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  clock_.AdvanceTo(clock_.Now() + std::chrono::milliseconds(1));
  Serve(LaneKind::kTail, {});
  // Nobody would ask for it while the others' long poll is under way: it stays until that comes back.
  RunUntilIn(LaneKind::kTail, kP0);
  const size_t idle_fetches = Leader(LaneKind::kIdle).fetches.size();
  Serve(LaneKind::kIdle, {});
  EXPECT_EQ(Leader(LaneKind::kIdle).fetches.size(), idle_fetches) << "the next one waits for it";
  Serve(LaneKind::kTail, {});
  RunUntilIn(LaneKind::kIdle, kP0);
  EXPECT_EQ(Leader(LaneKind::kIdle).fetches.size(), idle_fetches + 1);
}

TEST_F(LaneGroupTest, TheIdleLaneWaitsForQuietOnesForAMomentOnly) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  clock_.Advance(kQuietAfter);
  Serve(LaneKind::kIdle, {});
  EXPECT_FALSE(Leader(LaneKind::kIdle).waiting());
  clock_.Advance(kArrivalsWithin);
  RunUntil([&] { return Leader(LaneKind::kIdle).waiting(); });
}

TEST_F(LaneGroupTest, WithNothingIdleQuietOnesLeaveAtOnce) {
  StartWith({kP0});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  clock_.Advance(kQuietAfter);
  Serve(LaneKind::kTail, NoRecords(kP0, 3));
  RunUntilIn(LaneKind::kIdle, kP0);
}

TEST_F(LaneGroupTest, WhatIsAddedDuringALongPollBeginsInTheTail) {
  StartWith({kP0});
  AddToGroup(kP1);
  RunUntilIn(LaneKind::kTail, kP1);
}

// What happened: an answer to a question came while its partition was about to leave, and another's records were
// written. The lane that it left asked for it on, at an offset that never was right again.
TEST_F(LaneGroupTest, Inv22_APartitionThatIsAskedAboutDoesNotLeave) {
  config_.flush_mode = FlushMode::kDurable;
  StartWith({kP0, kP1});
  ScriptedFetch both = News(kP0, 3);
  both.partitions.push_back(News(kP1, 3).partitions.front());
  Serve(LaneKind::kIdle, std::move(both));
  RunUntilIn(LaneKind::kTail, kP0);
  RunUntilIn(LaneKind::kTail, kP1);
  ScriptedLeader& tail = Leader(LaneKind::kTail);
  tail.truncation_on_fetch = false;
  tail.on_epoch_look_up = [](const auto&) -> absl::StatusOr<std::vector<EpochAnswer>> {
    return std::vector<EpochAnswer>{{.partition = kP0,
                                     .error = KafkaError::kNone,
                                     .end = {.leader_epoch = LeaderEpoch{5}, .end_offset = Offset{3}}}};
  };
  tail.HoldLookUps();
  AddToGroup(kP0, 6);
  Serve(LaneKind::kTail, NoRecords(kP1, 3));
  RunUntil([&] { return tail.question_waiting() && tail.waiting(); });
  clock_.Advance(kQuietAfter);
  AsyncEvent gate(io_.get_executor());
  queue_.sync_gate = &gate;
  const int syncs = queue_.syncs;
  tail.Say(News(kP1, 2));
  RunUntil([&] { return queue_.syncs > syncs; });
  tail.AnswerQuestions();
  io_.poll();
  queue_.sync_gate = nullptr;
  gate.NotifyAll();
  RunUntil([&] { return End(kP1) == 5 && tail.waiting(); });
  RunUntilIn(LaneKind::kTail, kP0);
  RunUntilIn(LaneKind::kTail, kP1);
}

// What happened: with flush.messages=1 each append began an fsync, and while one ran no partition changed lanes.
TEST_F(LaneGroupTest, AnFsyncPutsAMoveOffAndDoesNotPreventIt) {
  AsyncEvent gate(io_.get_executor());
  queue_.sync_gate = &gate;
  log_config_.flush_messages = 1;
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntil([&] { return End(kP0) == 3 && Leader(LaneKind::kIdle).waiting(); });
  EXPECT_EQ(group_->LaneOf(kP0), &group_->lane(LaneKind::kIdle));
  queue_.sync_gate = nullptr;
  gate.NotifyAll();
  RunUntilIn(LaneKind::kTail, kP0);
}

TEST_F(LaneGroupTest, OneThatIsBehindIsFetchedInBulkUntilItHasCaughtUp) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, NoRecords(kP0, 5));
  RunUntilIn(LaneKind::kBulk, kP0);
  EXPECT_EQ(Leader(LaneKind::kBulk).Asked(kP0)->partition_max_bytes, 4 << 20);
  Serve(LaneKind::kBulk, Backlog(kP0, 5));
  RunUntil([&] { return End(kP0) == 1; });
  RunUntilIn(LaneKind::kBulk, kP0);
  Serve(LaneKind::kBulk, News(kP0, 4));
  RunUntilIn(LaneKind::kTail, kP0);
  EXPECT_EQ(Leader(LaneKind::kTail).Asked(kP0)->fetch_offset, Offset{5});
}

// INV-22: what is under way in one lane is never asked for in another.
TEST_F(LaneGroupTest, Inv22_APartitionLeavesBetweenTwoFetches) {
  StartWith({kP0, kP1});
  // The next fetch leaves before the records are written: it must be without the partition that is about to leave.
  Leader(LaneKind::kIdle).Say(News(kP0, 3));
  RunUntil([&] { return Leader(LaneKind::kIdle).fetches.size() == 2; });
  EXPECT_TRUE(Leader(LaneKind::kIdle).fetches.back().forgotten.contains(kP0));
  RunUntilIn(LaneKind::kTail, kP0);
}

TEST_F(LaneGroupTest, APartitionInTroubleStaysWhereTheTroubleIs) {
  StartWith({kP0, kP1});
  queue_.write_bytes_left = 0;
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntil([&] { return events_.failed.size() == 1; });
  queue_.write_bytes_left = 1 << 20;
  EXPECT_EQ(group_->LaneOf(kP0), &group_->lane(LaneKind::kIdle));
  // Its time comes, and then it moves.
  clock_.AdvanceTo(clock_.Now() + std::chrono::hours(1));
  for (int polls = 0; !Leader(LaneKind::kIdle).Asked(kP0) && polls < 3; ++polls) Serve(LaneKind::kIdle, {});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  EXPECT_EQ(End(kP0), 3);
}

TEST_F(LaneGroupTest, RemovalFindsPartitionsInWhateverLane) {
  StartWith({kP0, kP1, kP2});
  ScriptedFetch both = News(kP0, 3);
  both.partitions.push_back({.partition = kP1, .high_watermark = 5});
  Serve(LaneKind::kIdle, std::move(both));
  RunUntilIn(LaneKind::kTail, kP0);
  RunUntilIn(LaneKind::kBulk, kP1);
  int removed = 0;
  group_->Remove({kP0, kP1, kP2, {"unknown", 9}}, [&] { ++removed; });
  RunUntil([&] { return removed > 0; });
  EXPECT_EQ(removed, 1);
  for (const TopicPartition& partition : {kP0, kP1, kP2}) EXPECT_EQ(group_->LaneOf(partition), nullptr);
}

TEST_F(LaneGroupTest, ARateLimitHoldsBackWhatCatchesUpAndNotWhatIsInSync) {
  const auto bytes = static_cast<int64_t>(Batch(0, 3).size());
  ByteRateLimit limit(2 * bytes, clock_.Now());
  config_.rate_limit = &limit;
  StartWith({kP0, kP1, kP2});
  EXPECT_EQ(Leader(LaneKind::kIdle).fetches.back().request.max_bytes, bytes) << "half a second's, the most at once";
  ExpectTailAsksAndBulkIsHeldBack();  // these records are as much
  clock_.Advance(std::chrono::milliseconds(500));
  RunUntilIn(LaneKind::kBulk, kP1);
  EXPECT_LE(Leader(LaneKind::kBulk).fetches.back().request.max_bytes, bytes);
}

TEST_F(LaneGroupTest, Rq07_AQuotaLeavesOutWhatCatchesUpAndNotWhatIsInSync) {
  ThrottledReplicas all(BrokerId{1});
  ASSERT_TRUE(all.Update(kP0.topic, "*").ok());
  throttle_.SetReplicas(std::move(all));
  throttle_.SetBound(1);
  config_.follower_throttle = &throttle_;
  StartWith({kP0, kP1, kP2});
  ExpectTailAsksAndBulkIsHeldBack();
  // One of the tail that falls behind is left out there, and does not come back by way of the idle lane.
  Serve(LaneKind::kTail, Backlog(kP0, 9));
  clock_.Advance(kQuietAfter);
  Serve(LaneKind::kIdle, {});
  io_.poll();
  EXPECT_FALSE(Leader(LaneKind::kTail).waiting());
  EXPECT_EQ(group_->LaneOf(kP0), &group_->lane(LaneKind::kTail));
  clock_.Advance(std::chrono::hours(1));
  RunUntilIn(LaneKind::kBulk, kP1);
  RunUntilIn(LaneKind::kTail, kP0);
  clock_.Advance(kQuietAfter);
  Serve(LaneKind::kTail, NoRecords(kP0, 9));
  EXPECT_EQ(group_->LaneOf(kP0), &group_->lane(LaneKind::kTail));
}

TEST_F(LaneGroupTest, Rel24_ANewLeaderEpochReachesThePartitionWhereItIs) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  AddToGroup(kP0, 6);
  Serve(LaneKind::kTail, {});
  RunUntil([&] {
    const auto asked = Leader(LaneKind::kTail).Asked(kP0);
    return asked && asked->current_leader_epoch == LeaderEpoch{6};
  });
  RunUntilIn(LaneKind::kTail, kP0);
}

TEST_F(LaneGroupTest, StoppingAnswersRemovalsOfAllLanes) {
  StartWith({kP0, kP1});
  Serve(LaneKind::kIdle, News(kP0, 3));
  RunUntilIn(LaneKind::kTail, kP0);
  bool removed = false;
  group_->Stop();
  group_->Remove({kP0, kP1}, [&] { removed = true; });
  RunUntil([this] { return ended_; });
  EXPECT_TRUE(removed);
  group_->Remove({kP0}, [&] { removed = false; });
  EXPECT_FALSE(removed) << "at once: nobody touches a log any more";
}

// A lane that dies takes the others with it: the thread is made anew (FM-16).
TEST_F(LaneGroupTest, Fm16_AnExceptionInOneLaneEndsAll) {
  std::exception_ptr thrown;
  const auto make_leader = [this] {
    auto leader = std::make_unique<ScriptedLeader>(io_, BrokerId{1});
    leaders_.push_back(leader.get());
    return leader;
  };
  LaneGroup group(io_, make_leader, queue_, config_, events_, counters_, lane_counters_);
  bool ended = false;
  asio::co_spawn(io_, group.Run(), [&](std::exception_ptr error) {
    thrown = std::move(error);
    ended = true;
  });
  Leader(LaneKind::kIdle).on_epoch_look_up = [](const auto&) -> absl::StatusOr<std::vector<EpochAnswer>> {
    throw std::runtime_error("in one lane");
  };
  Leader(LaneKind::kIdle).truncation_on_fetch = false;
  Fill(kP0, Batch(0, 1));
  group.Add({kP0, Uuid{}, LeaderEpoch{5}, &Log(kP0), Progress(kP0)});
  RunUntil([&] { return ended; });
  EXPECT_THROW(std::rethrow_exception(thrown), std::runtime_error);
}

}  // namespace
}  // namespace slipstream
