// Fsyncs that no record waits for, on a disk that is slow with them.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FetchLaneFlushTest : public LaneFixture {
 protected:
  // A segment of kP0 is closed, and its fsync begins and does not end.
  void StartASlowFlush() {
    log_config_.segment_bytes = 200;
    queue_.sync_gate = &gate_;
    StartWith({kP0, kP1});
    Serve({{{.partition = kP0, .records = MakeRun({.leader_epoch = 5}, 3), .high_watermark = 3}}});
    ASSERT_GT(Log(kP0).segment_count(), 1u);
    ASSERT_EQ(queue_.syncs, 1);
  }
  void EndIt() {
    queue_.sync_gate = nullptr;
    gate_.NotifyAll();
  }
  void TearDown() override {
    EndIt();
    LaneFixture::TearDown();
  }

  AsyncEvent gate_{io_.get_executor()};
};

// What happened: all partitions of the thread waited for the fsync of one.
TEST_F(FetchLaneFlushTest, Inv23_ASlowFsyncAtTheTailHoldsUpNoPartition) {
  StartASlowFlush();
  Serve({{{.partition = kP1, .records = Batch(0, 3), .high_watermark = 3}}});
  EXPECT_EQ(End(kP1), 3);
  Serve({{{.partition = kP0, .records = Batch(3, 2), .high_watermark = 5}}});
  EXPECT_EQ(End(kP0), 5);
  EXPECT_EQ(Progress(kP0)->log_end_offset.load(), 5);
  EXPECT_EQ(Progress(kP0)->recovery_point.load(), 0);
  EXPECT_EQ(queue_.syncs, 1) << "one at a time";
  EndIt();
  RunUntil([this] { return Progress(kP0)->recovery_point.load() == 3; });
}

TEST_F(FetchLaneFlushTest, ARemovedPartitionIsHandedOverOnlyOnceItsFsyncEnded) {
  StartASlowFlush();
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  Serve({{{.partition = kP1, .records = Batch(0, 3), .high_watermark = 3}}});
  EXPECT_EQ(AskedAt(kP0), -1);
  EXPECT_FALSE(removed);
  EndIt();
  RunUntil([&] { return removed; });
}

TEST_F(FetchLaneFlushTest, Inv20_AFailedFsyncBesideTheRoundsFailsItsPartitionAlone) {
  config_.replica_fetch_backoff = config_.failed_partition_backoff_max = std::chrono::hours(1);
  StartASlowFlush();
  queue_.fail_syncs = true;
  EndIt();
  RunUntil([this] { return !events_.failed.empty(); });
  EXPECT_THAT(events_.failed, SizeIs(1));
  EXPECT_EQ(events_.failed[0].partition, kP0);
  EXPECT_THAT(std::string(events_.failed[0].why.message()), HasSubstr("fsync failed"));
  EXPECT_TRUE(events_.failed[0].for_good);
  Serve({});  // the fetch that was under way
  Serve({{{.partition = kP1, .records = Batch(0, 3), .high_watermark = 3}}});
  EXPECT_EQ(End(kP1), 3);
  EXPECT_EQ(AskedAt(kP0), -1);
}

TEST_F(FetchLaneFlushTest, AStopWaitsForTheFsync) {
  StartASlowFlush();
  lane_->Stop();
  io_.poll();
  EXPECT_FALSE(ended_);
  EndIt();
  RunUntil([this] { return ended_; });
  EXPECT_THAT(events_.failed, IsEmpty());
}

}  // namespace
}  // namespace slipstream
