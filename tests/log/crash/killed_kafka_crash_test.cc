// Goal: in a directory in which a Kafka broker was killed, the holes that it left between segments stay what they are,
// whenever a start of ours dies (INV-18). What tells of them, the indexes of its last segment, goes on the way.
#include <gmock/gmock.h>

#include <string>

#include "log/checkpoint_file.h"
#include "log/io/blocking_queue.h"
#include "log/log_directory.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/log_checks.h"
#include "tests/support/run.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

class KilledKafkaCrash : public testing::Test {
 protected:
  static constexpr const char* kPartition = "/disk/logs/orders-0";

  KilledKafkaCrash() {
    config_.log_dir = "/disk/logs";
    config_.log.segment_bytes = static_cast<int32_t>(2 * kBatchBytes);
    config_.num_recovery_threads = config_.num_sync_threads = 1;
    config_.cluster_id = "c";
  }

  // Segments of two batches, but for the one at 2, of which compaction took the second.
  void LeaveLogOfKilledBroker(SimulatedDisk& disk) {
    {
      const auto directory = LogDirectory::Open(disk, config_);
      ASSERT_TRUE(directory.ok()) << directory.status();
      PartitionLog* const log = *(*directory)->GetOrCreate({"orders", 0}, Uuid{1, 2});
      BlockingIoQueue queue;
      for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(RunToEnd(log->AppendAsFollower(queue, MakeBatch({.base_offset = i}), WriteHint::kCached)).ok());
      ASSERT_TRUE((*directory)->Close().ok());
    }
    Resize(disk, 2, kLogSuffix, kBatchBytes);
    Resize(disk, 6, kOffsetIndexSuffix, 9000);
    Resize(disk, 6, kTimeIndexSuffix, 9000);
    ASSERT_TRUE(disk.Remove(config_.log_dir / ".kafka_cleanshutdown").ok());
    ASSERT_TRUE(disk.Remove(config_.log_dir / kRecoveryPointCheckpoint).ok());
  }
  static void Resize(SimulatedDisk& disk, int64_t base, absl::string_view suffix, uint64_t bytes) {
    const auto file =
        disk.Open(std::filesystem::path(kPartition) / SegmentFileName(Offset{base}, suffix), OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Truncate(bytes).ok());
  }
  std::vector<int64_t> Found(SimulatedDisk& disk) {
    std::vector<int64_t> offsets;
    const auto directory = LogDirectory::Open(disk, config_);
    EXPECT_TRUE(directory.ok()) << directory.status();
    if (!directory.ok()) return offsets;
    const auto batches = ReadBatches(*(*directory)->Find({"orders", 0}));
    EXPECT_TRUE(batches.ok()) << batches.status();
    for (const std::vector<std::byte>& batch : *batches) offsets.push_back(RecordBatchView(batch).base_offset().value);
    return offsets;
  }
  // Each start dies after one more call that changes something; the next one must find the same.
  void DieInEachCall(const SimulatedDisk& left, const testing::Matcher<std::vector<int64_t>>& expected) {
    const std::unique_ptr<SimulatedDisk> whole = left.AfterPowerCut(Survives::kEverything, 0);
    whole->RecordCalls();
    ASSERT_THAT(Found(*whole), expected);
    const std::vector<SimulatedDisk::Call> calls = whole->recorded_calls();
    for (size_t k = 1; k <= calls.size(); ++k) {
      if (!calls[k - 1].changes) continue;
      const std::unique_ptr<SimulatedDisk> dying = left.AfterPowerCut(Survives::kEverything, 0);
      dying->CrashAfter(k);
      (void)LogDirectory::Open(*dying, config_);
      dying->CrashAfter(0);
      for (const Survives survives : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart})
        ASSERT_THAT(Found(*dying->AfterPowerCut(survives, k)), expected)
            << "dead after call " << k << ", " << calls[k - 1].what << " " << calls[k - 1].path << ", losses "
            << static_cast<int>(survives);
      dying->Restart();
      ASSERT_THAT(Found(*dying), expected) << "killed after call " << k << ", " << calls[k - 1].path;
    }
  }

  LogDirectoryConfig config_;
  const size_t kBatchBytes = MakeBatch({}).size();
};

// What happened: a start was killed before its first flush, and the next one removed all behind the first hole.
TEST_F(KilledKafkaCrash, Inv18_HolesStayWheneverAStartDies) {
  SimulatedDisk disk;
  ASSERT_NO_FATAL_FAILURE(LeaveLogOfKilledBroker(disk));
  DieInEachCall(disk, ElementsAre(0, 1, 2, 4, 5, 6));
}

TEST_F(KilledKafkaCrash, Inv18_WhereALaterSegmentIsTornOnlyWhatLiesBehindGoes) {
  SimulatedDisk disk;
  ASSERT_NO_FATAL_FAILURE(LeaveLogOfKilledBroker(disk));
  Resize(disk, 4, kLogSuffix, kBatchBytes + 10);
  DieInEachCall(disk, ElementsAre(0, 1, 2, 4));
}

}  // namespace
}  // namespace slipstream
