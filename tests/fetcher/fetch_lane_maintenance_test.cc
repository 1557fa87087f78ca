// What the owner of logs does from time to time.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

class HandClock final : public Clock {
 public:
  Timestamp now{0};
  Timestamp WallTime() override { return now; }
};

class FetchLaneMaintenanceTest : public LaneFixture {
 protected:
  FetchLaneMaintenanceTest() {
    config_.clock = &clock_;
    config_.retention_check_interval = std::chrono::milliseconds(1);
    log_config_.segment_bytes = 100;
    log_config_.retention_ms = std::chrono::milliseconds(1000);
  }
  HandClock clock_;
};

// What happened: retention went by the machine's clock, whichever the fetchers were given.
TEST_F(FetchLaneMaintenanceTest, Log106_RetentionGoesByTheClockOfTheConfig) {
  Fill(kP0, MakeRun({.leader_epoch = 5, .base_timestamp = 5000}, 10), 10);
  ASSERT_EQ(Log(kP0).segment_count(), 10u);
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
