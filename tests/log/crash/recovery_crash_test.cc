// Goal: a recovery that dies on its way is as if it had never begun: the next one finds the very same log (INV-18).
// Method: disks of after a crash are taken from every scenario. Each is recovered in one go, which says what is to be
// found; then anew, dying after every call that changes something, losing what was not fsynced, and recovered again.
#include <gmock/gmock.h>

#include <string>

#include "log/io/blocking_queue.h"
#include "tests/support/batches.h"
#include "tests/support/log_configs.h"
#include "tests/support/log_scenarios.h"
#include "tests/support/log_world.h"
#include "tests/support/run.h"

namespace slipstream {
namespace {

class RecoveryCrash : public testing::TestWithParam<LogScenario> {
 protected:
  static constexpr uint64_t kDisks = 4;  // of each scenario

  // The disk that is found when the scenario dies `share` of the way through.
  static std::unique_ptr<LogWorld> CrashedAt(uint64_t share, Survives survives) {
    LogWorld whole(WriteMode::kAuto);
    GetParam().prepare(whole);
    const uint64_t before = whole.disk().call_count();
    GetParam().run(whole);
    LogWorld world(WriteMode::kAuto);
    GetParam().prepare(world);
    world.disk().CrashAfter((whole.disk().call_count() - before) * share / kDisks);
    GetParam().run(world);
    world.disk().CrashAfter(0);
    return world.AfterPowerCut(survives, share);
  }
  static std::unique_ptr<LogWorld> CopyOf(const LogWorld& world) {
    return world.AfterPowerCut(Survives::kEverything, 0);
  }
};

TEST_P(RecoveryCrash, Inv18_Rel40_Rel41_ARecoveryThatDiesLeavesTheSameLogToTheNextOne) {
  for (uint64_t share = 1; share <= kDisks; ++share) {
    for (const Survives survives : {Survives::kNothing, Survives::kRandomPart, Survives::kTornAnywhere}) {
      const std::unique_ptr<LogWorld> found = CrashedAt(share, survives);
      const std::unique_ptr<LogWorld> whole = CopyOf(*found);
      whole->disk().RecordCalls();
      ASSERT_EQ(whole->Recover(), absl::OkStatus());
      LogHistory expected = whole->history();
      expected.durable = expected.versions.back().end;  // all of it was on the disk
      const std::vector<SimulatedDisk::Call> calls = whole->disk().recorded_calls();
      for (size_t k = 1; k <= calls.size(); ++k) {
        if (!calls[k - 1].changes) continue;
        const std::unique_ptr<LogWorld> dying = CopyOf(*found);
        dying->history() = expected;
        dying->disk().CrashAfter(k);
        dying->Open();
        dying->disk().CrashAfter(0);
        for (const Survives again : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart}) {
          const std::unique_ptr<LogWorld> next = dying->AfterPowerCut(again, k);
          ASSERT_EQ(next->Recover(), absl::OkStatus())
              << "crash " << share << " of " << kDisks << ", losses " << static_cast<int>(survives)
              << ", recovery dead after call " << k << ", " << calls[k - 1].what << " " << calls[k - 1].path
              << ", then losses " << static_cast<int>(again);
        }
      }
    }
  }
}

// What happened: the epochs were made anew one by one. A crash left only the first of them; the next start found that
// one and, from its own scan, the last one right, and never missed those between.
TEST(EpochRecoveryCrash, Inv18_Rel07_EpochsAreMadeAnewAllAtOnce) {
  SimulatedDisk disk;
  const std::filesystem::path directory = "/disk/orders-0";
  ASSERT_TRUE(disk.CreateDirectories(directory).ok());
  const auto open = [&](SimulatedDisk& on) {
    return PartitionLog::Open(on, directory, {"orders", 0}, KeepsAll(), {.recovery_point = Offset{4}});
  };
  {
    const auto log = open(disk);
    ASSERT_TRUE(log.ok()) << log.status();
    BlockingIoQueue queue;
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(RunToEnd((*log)->AppendAsFollower(queue, MakeBatch({.base_offset = i, .leader_epoch = i}),
                                                    WriteHint::kCached))
                      .ok());
    ASSERT_TRUE((*log)->Close().ok());
  }
  ASSERT_TRUE(disk.Remove(directory / "leader-epoch-checkpoint").ok());
  bool died = true;
  for (uint64_t k = 0; died; ++k) {
    const std::unique_ptr<SimulatedDisk> copy = disk.AfterPowerCut(Survives::kEverything, 0);
    copy->CrashAfter(k);
    { const auto dying = open(*copy); }
    died = copy->crashed();
    copy->Restart();
    const auto log = open(*copy);
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_EQ((*log)->epochs().entries().size(), 5u) << "dead after call " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, RecoveryCrash, testing::ValuesIn(LogScenarios()),
                         [](const testing::TestParamInfo<LogScenario>& of) { return of.param.name; });

}  // namespace
}  // namespace slipstream
