// What the owner of logs does from time to time.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HandClock final : public Clock {
 public:
  Timestamp now{0};
  std::chrono::milliseconds look_takes{0};  // so far Now() goes with each WallTime(), which upkeep asks once per log
  Timestamp WallTime() override {
    ahead_ += look_takes;
    return now;
  }
  TimePoint Now() override { return Clock::Now() + ahead_; }

 private:
  std::chrono::milliseconds ahead_{0};
};

class FetchLaneMaintenanceTest : public LaneFixture {
 protected:
  FetchLaneMaintenanceTest() {
    config_.clock = &clock_;
    config_.retention_check_interval = std::chrono::milliseconds(1);
    log_config_.segment_bytes = 100;
    log_config_.retention_ms = std::chrono::milliseconds(1000);
  }
  // Ten segments of records of the times 5,000 to 5,009.
  void FillOld(const TopicPartition& partition) {
    Fill(partition, MakeRun({.leader_epoch = 5, .base_timestamp = 5000}, 10), 10);
    ASSERT_EQ(Log(partition).segment_count(), 10u);
  }
  size_t Deleted(const TopicPartition& partition) {
    size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(Log(partition).directory()))
      count += file.path().extension() == ".deleted" ? 1 : 0;
    return count;
  }

  HandClock clock_;
};

// What happened: retention went by the machine's clock, whichever the fetchers were given.
TEST_F(FetchLaneMaintenanceTest, Log106_RetentionGoesByTheClockOfTheConfig) {
  FillOld(kP0);
  clock_.now = Timestamp{5500};
  StartWith({kP0});
  const ScriptedFetch no_news{.partitions = {{.partition = kP0, .high_watermark = 10}}};
  for (int i = 0; i < 5; ++i) Serve(no_news);
  EXPECT_EQ(Log(kP0).segment_count(), 10u);
  clock_.now = Timestamp{60'000};
  ServeUntil([this] { return Log(kP0).segment_count() == 1; }, no_news);
  EXPECT_EQ(Progress(kP0)->log_start_offset.load(), Log(kP0).log_start_offset().value);
  EXPECT_GT(Log(kP0).log_start_offset(), Offset{0});
}

// What happened: a lane removed the files itself, a GB in 0.2 s and more, and fetched nothing meanwhile.
TEST_F(FetchLaneMaintenanceTest, Log58_FilesLeaveTheDiskWhileThePartitionIsFetchedOn) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  AsyncEvent gate(io_.get_executor());
  queue_.remove_gate = &gate;
  FillOld(kP0);
  clock_.now = Timestamp{60'000};
  StartWith({kP0});
  ServeUntil([this] { return queue_.removals > 0; });
  Serve({{{.partition = kP0, .records = Batch(10, 1)}}});
  EXPECT_EQ(End(kP0), 11);
  EXPECT_EQ(queue_.removals, 1) << "one after the other";
  EXPECT_GE(Deleted(kP0), 9u);
  queue_.remove_gate = nullptr;
  gate.NotifyAll();
  ServeUntil([this] { return Deleted(kP0) == 0; });
}

TEST_F(FetchLaneMaintenanceTest, Log58_AStopWaitsForOneRemovalAndTheLogHasTheOthersBack) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  AsyncEvent gate(io_.get_executor());
  queue_.remove_gate = &gate;
  FillOld(kP0);
  clock_.now = Timestamp{60'000};
  StartWith({kP0});
  ServeUntil([this] { return queue_.removals > 0; });
  lane_->Stop();
  io_.poll();
  EXPECT_FALSE(ended_);
  const size_t left = Deleted(kP0);
  gate.NotifyAll();
  RunUntil([this] { return ended_; });
  EXPECT_EQ(queue_.removals, 1);
  EXPECT_EQ(Deleted(kP0), left - 1);
  ASSERT_TRUE(Log(kP0).Close().ok());
  EXPECT_EQ(Deleted(kP0), 0u) << "as a clean stop promises";
}

// What happened: where a queue removes at once, those of the logs that came next in the same turn stayed.
TEST_F(FetchLaneMaintenanceTest, Log58_FilesOfManyLogsLeaveTheDiskInOneTurn) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  config_.retention_check_interval = std::chrono::hours(1);
  kind_ = LaneKind::kIdle;
  for (const TopicPartition& partition : {kP0, kP1, kP2}) FillOld(partition);
  clock_.now = Timestamp{60'000};
  StartWith({kP0, kP1, kP2});
  ServeUntil([this] { return Deleted(kP0) + Deleted(kP1) + Deleted(kP2) == 0; });
}

TEST_F(FetchLaneMaintenanceTest, Log58_APartitionThatIsRemovedTakesItsDeletedFilesAlong) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  AsyncEvent gate(io_.get_executor());
  queue_.remove_gate = &gate;
  FillOld(kP0);
  clock_.now = Timestamp{60'000};
  StartWith({kP0, kP1});
  ServeUntil([this] { return queue_.removals > 0; });
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  RunUntil([&] { return removed; });
  const size_t left = Deleted(kP0);
  EXPECT_EQ(Log(kP0).TakeDeletedFiles(clock_.now).paths.size(), left - 1) << "but for the one under way";
  queue_.remove_gate = nullptr;
  gate.NotifyAll();
  RunUntil([&] { return Deleted(kP0) == left - 1; });
  EXPECT_EQ(queue_.removals, 1);
}

TEST_F(FetchLaneMaintenanceTest, Log192_AFileThatCannotBeRemovedIsToldAndTriedAgain) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  queue_.remove_result = absl::ResourceExhaustedError("the test's disk has no room to remove anything");
  FillOld(kP0);
  clock_.now = Timestamp{60'000};
  StartWith({kP0});
  ServeUntil([this] { return !events_.notices.empty(); });
  EXPECT_THAT(events_.notices[0], HasSubstr("no room to remove anything"));
  EXPECT_THAT(events_.failed, IsEmpty()) << "it is followed on";
  queue_.remove_result = absl::OkStatus();
  ServeUntil([this] { return Deleted(kP0) == 0; });
}

TEST_F(FetchLaneMaintenanceTest, Inv20_ADiskThatRefusesToRemoveAFileTakesTheLogDirOffline) {
  log_config_.file_delete_delay = std::chrono::milliseconds(0);
  queue_.remove_result = absl::UnavailableError("unlink: Input/output error");
  FillOld(kP0);
  clock_.now = Timestamp{60'000};
  StartWith({kP0});
  ServeUntil([this] { return !events_.failed.empty(); });
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("log dir is offline: unlink"));
  EXPECT_THAT(events_.notices, IsEmpty()) << "told once, of the log dir";
}

// What happened: where each log took a while, an idle lane looked at one per long poll, and at all of them in hours.
class SlowUpkeepTest : public FetchLaneMaintenanceTest {
 protected:
  // Of three logs with something to delete.
  int64_t LookedAtInOneRoundOf(LaneKind kind) {
    kind_ = kind;
    config_.retention_check_interval = std::chrono::hours(1);
    for (const TopicPartition& partition : {kP0, kP1, kP2}) FillOld(partition);
    clock_.now = Timestamp{60'000};
    clock_.look_takes = std::chrono::milliseconds(5);
    StartWith({kP0, kP1, kP2});
    return std::ranges::count_if(logs_, [](const auto& log) { return log.second->segment_count() == 1; });
  }
};

TEST_F(SlowUpkeepTest, Log106_ALaneThatIsFetchedFromLooksAtOneLogPerRound) {
  EXPECT_EQ(LookedAtInOneRoundOf(LaneKind::kTail), 1);
}

TEST_F(SlowUpkeepTest, Log106_AnIdleLaneLooksAtAll) { EXPECT_EQ(LookedAtInOneRoundOf(LaneKind::kIdle), 3); }

// What happened: the leader went by the log start that it was told first, and waited for ever to delete records.
TEST_F(FetchLaneMaintenanceTest, Ft20_AReplicaTellsItsLeaderThatItsLogStartRose) {
  config_.replica_id = BrokerId{2};
  config_.retention_check_interval = std::chrono::hours(1);
  Fill(kP0, MakeRun({.leader_epoch = 5}, 10), 10);
  StartWith({kP0});
  EXPECT_EQ(leader_.Asked(kP0)->log_start_offset, Offset{0});
  Serve({{{.partition = kP0, .high_watermark = 10, .log_start_offset = 4}}});
  Serve({});
  EXPECT_EQ(leader_.Asked(kP0)->log_start_offset, Offset{4});
}

}  // namespace
}  // namespace slipstream
