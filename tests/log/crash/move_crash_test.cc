// Goal: a partition that moves to another log dir is in one of them, and only one, with every record that was durable,
// wherever the move is cut short (KIP-113).
// Method: the last step of a move, the future log's promotion, dies after every call; the next start is held to that.
#include <gmock/gmock.h>

#include "log/io/blocking_queue.h"
#include "log/log_manager.h"
#include "tests/support/batches.h"
#include "tests/support/log_checks.h"
#include "tests/support/run.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

const TopicPartition kPartition{"orders", 0};
const Uuid kTopicId{11, 12};
constexpr int kBatches = 12;

class MoveCrash : public testing::Test {
 protected:
  static absl::StatusOr<std::unique_ptr<LogManager>> Open(SimulatedDisk& disk) {
    LogManagerConfig config{.log_dirs = {"/a", "/b"}, .num_recovery_threads = 1, .num_sync_threads = 1};
    config.log.segment_bytes = 400;
    config.log.retention_ms = std::chrono::milliseconds(-1);
    return LogManager::Open(disk, config);
  }
  static void Fill(PartitionLog& log) {
    BlockingIoQueue queue;
    const std::vector<std::byte> run = MakeRun({}, kBatches);
    ASSERT_EQ(RunToEnd(log.AppendAsFollower(queue, run, WriteHint::kCached)), absl::OkStatus());
    log.UpdateHighWatermark(log.log_end_offset());
  }
  // Up to where the future log has caught up: the current one is durable, the future one in memory only.
  static std::unique_ptr<LogManager> Prepare(SimulatedDisk& disk) {
    std::unique_ptr<LogManager> manager = *Open(disk);
    PartitionLog* const current = *manager->GetOrCreate(kPartition, kTopicId);
    Fill(*current);
    BlockingIoQueue queue;
    EXPECT_EQ(RunToEnd(current->Flush(queue)), absl::OkStatus());
    EXPECT_EQ(manager->WriteCheckpoints({OffsetsOf(*current)}), absl::OkStatus());
    const auto other = std::filesystem::path(current->directory()).parent_path() == "/a" ? "/b" : "/a";
    Fill(**manager->GetOrCreateFuture(kPartition, other));
    return manager;
  }
};

TEST_F(MoveCrash, Inv18_Pf33_AMoveCutShortAnywhereKeepsEveryDurableRecordOnce) {
  SimulatedDisk whole;
  {
    const std::unique_ptr<LogManager> manager = Prepare(whole);
    whole.RecordCalls();
    ASSERT_TRUE(manager->PromoteFuture(kPartition).ok());
  }
  const std::vector<SimulatedDisk::Call> calls = whole.recorded_calls();
  for (size_t k = 0; k <= calls.size(); ++k) {
    SimulatedDisk disk;
    std::unique_ptr<LogManager> manager = Prepare(disk);
    disk.CrashAfter(k);
    (void)manager->PromoteFuture(kPartition);
    disk.CrashAfter(0);
    for (const Survives survives : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart}) {
      SCOPED_TRACE(absl::StrCat("dead after call ", k, ", ", k == 0 ? "" : calls[k - 1].what, " ",
                                k == 0 ? "" : calls[k - 1].path, ", losses ", static_cast<int>(survives)));
      const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(survives, k);
      const auto next = Open(*left);
      ASSERT_TRUE(next.ok()) << next.status();
      PartitionLog* const log = (*next)->Find(kPartition);
      ASSERT_NE(log, nullptr);
      EXPECT_EQ(log->log_end_offset(), Offset{kBatches});
      EXPECT_EQ(CheckAgreesWithItsBatches(*left, *log), absl::OkStatus());
      EXPECT_EQ(log->topic_id(), kTopicId);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace slipstream
