// Goal: a recovery that dies on its way is as if it had never begun: the next one finds the very same log (INV-18).
// Method: disks of after a crash are taken from every scenario. Each is recovered in one go, which says what is to be
// found; then anew, dying after every call that changes something, losing what was not fsynced, and recovered again.
#include <gmock/gmock.h>

#include <string>

#include "tests/support/log_scenarios.h"
#include "tests/support/log_world.h"

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

INSTANTIATE_TEST_SUITE_P(Scenarios, RecoveryCrash, testing::ValuesIn(LogScenarios()),
                         [](const testing::TestParamInfo<LogScenario>& of) { return of.param.name; });

}  // namespace
}  // namespace slipstream
