// Compaction of followed logs: only where it is asked for, and beside the fetching.
#include <filesystem>
#include <fstream>

#include "log/clock.h"
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

// Retention asks it once as the lane begins, compaction for each log that it looks at.
class CountingClock final : public Clock {
 public:
  Timestamp WallTime() override {
    ++asked;
    return SystemClock().WallTime();
  }
  int asked = 0;
};

// A copy of ten segments of one batch each, whose records have no key: compaction leaves of each sealed segment one
// header, where the log ends there.
class LaneCompactionTest : public LaneFixture {
 protected:
  LaneCompactionTest() {
    config_.compaction.backoff = std::chrono::milliseconds(1);
    config_.clock = &clock_;
    log_config_.segment_bytes = 100;
    log_config_.min_cleanable_dirty_ratio = 0;
  }
  void FillSegments() {
    Fill(kP0, MakeRun({.leader_epoch = 5}, 10), 10);
    ASSERT_EQ(Log(kP0).segment_count(), 10u);
    ASSERT_TRUE(RunToEnd(Log(kP0).Flush(queue_)).ok());
  }
  size_t Leftovers() {
    size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(Log(kP0).directory()))
      count += file.path().extension() == ".cleaned" || file.path().extension() == ".swap" ? 1 : 0;
    return count;
  }

  CountingClock clock_;
};

TEST_F(LaneCompactionTest, Log162_ACopyStaysItsLeadersUnlessToldOtherwise) {
  FillSegments();
  StartWith({kP0});
  // Two looks at least: a round that the first one began would be over before the second.
  ServeUntil([this] { return clock_.asked >= 3; });
  EXPECT_EQ(Log(kP0).segment_count(), 10u);
  EXPECT_EQ(Log(kP0).first_dirty_offset(), std::nullopt);
}

TEST_F(LaneCompactionTest, Log162_ACompactedCopyIsFetchedMeanwhileAndPublishesHowFarItIsClean) {
  log_config_.cleanup_compact = true;
  FillSegments();
  const uint64_t before = Log(kP0).size_bytes();
  StartWith({kP0});
  ServeUntil([this] { return Progress(kP0)->first_dirty_offset.load() >= 0; });
  EXPECT_EQ(Log(kP0).size_bytes(), 9 * kBatchHeaderBytes + before / 10);
  EXPECT_EQ(Log(kP0).first_dirty_offset(), Offset{9});
  EXPECT_EQ(End(kP0), 10);
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(Leftovers(), 0u);
}

// What happened: the partition was taken out of the fetch session, though only its compaction could not be planned.
TEST_F(LaneCompactionTest, Log162_WhatCannotBePlannedIsToldAndThePartitionIsFetchedOn) {
  log_config_.cleanup_compact = true;
  FillSegments();
  const std::filesystem::path transaction_index = Log(kP0).directory() / "00000000000000000000.txnindex";
  std::ofstream(transaction_index) << std::string(34, 'x');  // one entry, of a version that is not known
  StartWith({kP0});
  const ScriptedFetch no_news{.partitions = {{.partition = kP0, .high_watermark = 10}}};
  ServeUntil([this] { return !events_.notices.empty(); }, no_news);
  EXPECT_THAT(events_.notices.front(), ::testing::HasSubstr(transaction_index.native()));
  EXPECT_TRUE(events_.failed.empty());
  EXPECT_EQ(AskedAt(kP0), 10);
  std::filesystem::remove(transaction_index);
  ServeUntil([this] { return Progress(kP0)->first_dirty_offset.load() >= 0; }, no_news);
  EXPECT_EQ(Log(kP0).first_dirty_offset(), Offset{9});
}

TEST_F(LaneCompactionTest, Log162_ARemovedPartitionIsNotTouchedAnyMore) {
  log_config_.cleanup_compact = true;
  FillSegments();
  StartWith({kP0});
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  RunUntil([&] { return removed; });
  EXPECT_EQ(Leftovers(), 0u);
  EXPECT_TRUE(Log(kP0).Close().ok());
}

}  // namespace
}  // namespace slipstream
