// Goal: logs that are closed together, by two syncs of their file system, are as durable as logs that are closed each
// for itself, and no call that fails or comes last makes a log claim what it has not.
// Method: a few logs of one log dir, with an epoch and an index entry that only memory has, closed with a crash after,
// or an error of, every call.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include "log/io/blocking_queue.h"
#include "log/log_directory.h"
#include "tests/support/batches.h"
#include "tests/support/log_checks.h"
#include "tests/support/run.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

constexpr int kFew = 3, kBatches = 5;

struct OpenLogs {
  std::shared_ptr<DirectoryHealth> health = std::make_shared<DirectoryHealth>();
  std::vector<std::unique_ptr<PartitionLog>> logs;
  std::unique_ptr<File> log_dir;

  std::vector<absl::Status> Close(size_t threads) const {
    std::vector<PartitionLog*> all;
    for (const std::unique_ptr<PartitionLog>& log : logs) all.push_back(log.get());
    return PartitionLog::CloseTogether(all, *log_dir, threads);
  }
};

absl::StatusOr<std::unique_ptr<PartitionLog>> OpenLog(SimulatedDisk& disk, int32_t number,
                                                      const LogOpenOptions& options) {
  const TopicPartition partition{"orders", number};
  return PartitionLog::Open(disk, std::filesystem::path("/logs") / partition.ToString(), partition, {}, options);
}

OpenLogs Fill(SimulatedDisk& disk) {
  OpenLogs open;
  BlockingIoQueue queue;
  const std::vector<std::byte> run = MakeRun({.leader_epoch = 7}, kBatches);
  EXPECT_EQ(disk.CreateDirectories("/logs"), absl::OkStatus());
  EXPECT_EQ(disk.SyncDirectory("/"), absl::OkStatus());
  open.log_dir = *disk.Open("/logs", OpenMode::kDirectory);
  for (int32_t number = 0; number < kFew; ++number) {
    open.logs.push_back(*OpenLog(disk, number, {.clean = true, .health = open.health}));
    EXPECT_EQ(RunToEnd(open.logs.back()->AppendAsFollower(queue, run, WriteHint::kCached)), absl::OkStatus());
  }
  return open;
}

// That a log is as Fill made it, for a start that trusts a clean stop.
void ExpectWhole(SimulatedDisk& disk, int32_t number) {
  const auto log = OpenLog(disk, number, {.clean = true});
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)->log_end_offset(), Offset{kBatches});
  EXPECT_EQ((*log)->epochs().entries(), std::vector<EpochStart>{(EpochStart{LeaderEpoch{7}, Offset{0}})});
  EXPECT_EQ(CheckAgreesWithItsBatches(disk, **log), absl::OkStatus());
}

std::vector<SimulatedDisk::Call> CallsOfClosing() {
  SimulatedDisk disk;
  const OpenLogs open = Fill(disk);
  disk.RecordCalls();
  (void)open.Close(/*threads=*/1);
  return disk.recorded_calls();
}

TEST(CloseCrash, Inv17_LogsClosedTogetherAreDurableAfterTwoSyncs) {
  SimulatedDisk disk;
  const OpenLogs open = Fill(disk);
  disk.RecordCalls();
  EXPECT_THAT(open.Close(/*threads=*/2), testing::Each(absl::OkStatus()));
  EXPECT_EQ(std::ranges::count_if(disk.recorded_calls(), &SimulatedDisk::Call::syncs), 2);
  for (const std::unique_ptr<PartitionLog>& log : open.logs) EXPECT_FALSE(log->unflushed());
  for (int32_t number = 0; number < kFew; ++number) ExpectWhole(*disk.AfterPowerCut(Survives::kNothing, 0), number);
}

TEST(CloseCrash, Inv18_AClosingTogetherThatIsCutShortClaimsNothingThatIsLost) {
  const size_t calls = CallsOfClosing().size();
  for (size_t k = 0; k <= calls; ++k) {
    for (const Survives survives : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart,
                                    Survives::kNamesInAnyOrder, Survives::kTornAnywhere}) {
      SCOPED_TRACE(absl::StrCat("dead after call ", k, " of ", calls, ", losses ", static_cast<int>(survives)));
      SimulatedDisk disk;
      const OpenLogs open = Fill(disk);
      disk.CrashAfter(k);
      const std::vector<absl::Status> closed = open.Close(/*threads=*/1);
      disk.CrashAfter(0);
      const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(survives, k);
      for (int32_t number = 0; number < kFew; ++number) {
        const PartitionLog& before = *open.logs[static_cast<size_t>(number)];
        if (closed[static_cast<size_t>(number)].ok() || before.recovery_point() > Offset{0}) {
          ExpectWhole(*left, number);
        } else {
          const auto log = OpenLog(*left, number, {});
          ASSERT_TRUE(log.ok()) << log.status();
          EXPECT_EQ(CheckAgreesWithItsBatches(*left, **log), absl::OkStatus());
        }
      }
    }
  }
}

TEST(CloseCrash, Inv20_ASyncThatFailsIsTheOutcomeOfEveryLog) {
  const std::vector<SimulatedDisk::Call> calls = CallsOfClosing();
  for (size_t k = 0; k < calls.size(); ++k) {
    if (!calls[k].syncs) continue;
    SimulatedDisk disk;
    const OpenLogs open = Fill(disk);
    disk.FailCall(k, absl::UnavailableError("EIO"));
    for (const absl::Status& closed : open.Close(/*threads=*/1)) EXPECT_TRUE(absl::IsUnavailable(closed)) << closed;
    EXPECT_TRUE(open.health->offline());
    for (const std::unique_ptr<PartitionLog>& log : open.logs) EXPECT_TRUE(log->unflushed());
  }
}

TEST(CloseCrash, Log142_ALogThatIsRefusedARoomOrADescriptorIsClosedAfterTheOthers) {
  const std::vector<SimulatedDisk::Call> calls = CallsOfClosing();
  for (size_t k = 0; k < calls.size(); ++k) {
    const bool opens = absl::string_view(calls[k].what) == "open" || absl::string_view(calls[k].what) == "list";
    if (calls[k].syncs || (!calls[k].changes && !opens)) continue;
    SCOPED_TRACE(absl::StrCat("refused: call ", k, ", ", calls[k].what, " ", calls[k].path));
    SimulatedDisk disk;
    const OpenLogs open = Fill(disk);
    disk.FailCall(k, absl::ResourceExhaustedError("refused"));
    const std::vector<absl::Status> closed = open.Close(/*threads=*/1);
    ASSERT_TRUE(disk.failed_one());
    for (size_t i = 0; i < closed.size(); ++i) {
      if (closed[i].ok()) continue;
      EXPECT_TRUE(absl::IsResourceExhausted(closed[i])) << closed[i];
      EXPECT_EQ(open.logs[i]->Close(), absl::OkStatus());
    }
    for (int32_t number = 0; number < kFew; ++number) ExpectWhole(*disk.AfterPowerCut(Survives::kNothing, 0), number);
  }
}

}  // namespace
}  // namespace slipstream
