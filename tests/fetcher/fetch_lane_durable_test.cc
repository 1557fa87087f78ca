#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

class FetchLaneDurableTest : public LaneFixture {
 protected:
  FetchLaneDurableTest() {
    config_.flush_mode = FlushMode::kDurable;
    config_.retention_check_interval = std::chrono::milliseconds(1);  // due in nearly every round
  }
  int64_t PublishedEnd(const TopicPartition& partition) { return Progress(partition)->log_end_offset.load(); }
};

TEST_F(FetchLaneDurableTest, Inv19_WhatIsPublishedIsOnTheDisk) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 3}}});
  EXPECT_GT(queue_.syncs, 0);
  EXPECT_EQ(Log(kP0).recovery_point(), Offset{3});
  EXPECT_EQ(PublishedEnd(kP0), 3);
  EXPECT_EQ(Progress(kP0)->high_watermark.load(), 3);
}

// What happened: the round's maintenance published the log as it stood, with the records whose fsync had failed.
TEST_F(FetchLaneDurableTest, Inv19_RecordsWhoseFsyncFailedAreNeverPublished) {
  StartWith({kP0, kP1});
  queue_.fail_syncs = true;
  leader_.Say({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 3}}});
  RunUntil([this] { return leader_.waiting() && !events_.failed.empty(); });
  queue_.fail_syncs = false;
  EXPECT_EQ(End(kP0), 3) << "it is written";
  for (int64_t offset = 0; offset < 30; offset += 3) {
    Serve({{{.partition = kP1, .records = Batch(offset, 3), .high_watermark = offset + 3}}});
    EXPECT_EQ(PublishedEnd(kP1), offset + 3);
    ASSERT_EQ(PublishedEnd(kP0), 0);
    ASSERT_EQ(Progress(kP0)->high_watermark.load(), 0);
  }
}

TEST_F(FetchLaneDurableTest, Inv19_WhatAnEarlierProcessLeftUnflushedIsPublishedOnceItIsFlushed) {
  Fill(kP0, Batch(0, 7), 7);
  leader_.HoldQuestions();
  Start();
  Add(kP0);
  RunUntil([this] { return leader_.question_waiting(); });
  EXPECT_EQ(PublishedEnd(kP0), 0);
  leader_.AnswerQuestions();
  Settle();
  EXPECT_EQ(PublishedEnd(kP0), 7);
  EXPECT_EQ(Progress(kP0)->high_watermark.load(), 7);
}

// What happened: a removal that came while the log was made durable waited for the answer to a fetch that began after
// it.
TEST_F(FetchLaneDurableTest, Ft09_ARemovalDuringTheFirstFlushDoesNotWaitForTheLeader) {
  Fill(kP0, Batch(0, 7), 7);
  AsyncEvent gate(io_.get_executor());
  queue_.sync_gate = &gate;
  Start();
  Add(kP0);
  RunUntil([&] { return queue_.syncs == 1; });
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  queue_.sync_gate = nullptr;
  gate.NotifyAll();
  RunUntil([&] { return removed; });
  EXPECT_FALSE(leader_.waiting());
  EXPECT_EQ(lane_->size(), 0u);
}

// What happened: a new start of the log had failed half way, its files were gone, and the next leader was asked for
// what follows the end from before (found by the simulator).
TEST_F(FetchLaneDurableTest, Inv19_ALogThatFailedForGoodIsNotFetched) {
  Fill(kP0, Batch(0, 7), 7);
  queue_.fail_syncs = true;
  ASSERT_FALSE(RunToEnd(Log(kP0).Flush(queue_)).ok());
  queue_.fail_syncs = false;
  Start();
  Add(kP0);
  RunUntil([this] { return !events_.failed.empty(); });
  EXPECT_TRUE(events_.failed[0].for_good);
  EXPECT_EQ(AskedAt(kP0), -1);
}

}  // namespace
}  // namespace slipstream
