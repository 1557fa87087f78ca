#include "tests/support/log_scenarios.h"

#include <algorithm>

namespace slipstream {
namespace {

void MakeLogOf(LogWorld& world, int batches) {
  world.Open();
  world.MakeLog();
  for (int i = 0; i < batches; i += 4) world.Append(std::min(4, batches - i));
}

const LogScenario kScenarios[] = {
    {"FirstStart", [](LogWorld&) {},
     [](LogWorld& world) {
       MakeLogOf(world, 3);
       world.Flush();
       world.Checkpoint();
       world.Append(2);
     }},
    {"AppendAtTheTail", [](LogWorld& world) { MakeLogOf(world, 2); },
     [](LogWorld& world) {
       world.Append(1);
       world.NextEpoch();
       world.Append(2);
       world.Flush();
       world.Append(1);
     }},
    {"AppendAtOnce", [](LogWorld& world) { MakeLogOf(world, 2); },
     [](LogWorld& world) {
       world.AppendNow(1);
       world.NextEpoch();
       world.AppendNow(2);
       world.Flush();
       for (int i = 0; i < 5; ++i) world.AppendNow(2);  // and rolls
     }},
    {"RollAtTheTail", [](LogWorld& world) { MakeLogOf(world, 3); },
     [](LogWorld& world) {
       world.Append(7);
       world.Checkpoint();
       world.NextEpoch();
       for (int i = 0; i < 6; ++i) world.Append(2);
     }},
    {"RollInBulk", [](LogWorld& world) { MakeLogOf(world, 3); },
     [](LogWorld& world) {
       world.Append(16, WriteHint::kBulk);
       world.Checkpoint();
       world.NextEpoch();
       world.Append(9, WriteHint::kBulk);
     }},
    {"Truncate",
     [](LogWorld& world) {
       MakeLogOf(world, 24);
       world.Flush();
       world.Checkpoint();
       world.Append(8);
     },
     [](LogWorld& world) {
       world.TruncateTo(17);
       world.NextEpoch();
       world.Append(9);
       world.Flush();
       world.TruncateTo(30);
       world.NextEpoch();
       world.Append(2);
     }},
    {"TruncateAfterACleanStart",
     [](LogWorld& world) {
       MakeLogOf(world, 14);
       world.Close();
       world.Open();
       world.MakeLog();
     },
     [](LogWorld& world) {
       world.TruncateTo(13);
       world.NextEpoch();
       world.Append(1);
     }},
    {"StartAnew",
     [](LogWorld& world) {
       MakeLogOf(world, 16);
       world.Flush();
       world.Checkpoint();
     },
     [](LogWorld& world) {
       world.StartAnewAt(100);
       world.NextEpoch();
       world.Append(8);
       world.Flush();
       world.Checkpoint();
     }},
    {"StartAnewAtTheStart",
     [](LogWorld& world) {
       MakeLogOf(world, 2);
       world.StartAnewAt(100);
       world.Append(3);
       world.Flush();
       world.Checkpoint();
     },
     [](LogWorld& world) {
       world.StartAnewAt(100);
       world.Checkpoint();
       world.NextEpoch();
       world.Append(2);
       world.Flush();
       world.Checkpoint();
     }},
    {"RebuildBehindRemoteStorage",
     [](LogWorld& world) {
       world.UseRemoteStorage();
       MakeLogOf(world, 16);
       world.Flush();
       world.Checkpoint();
       world.Append(2);
     },
     [](LogWorld& world) {
       world.NextEpoch();
       world.RebuildBehind(7, 6);
       world.NextEpoch();
       world.Append(8);
       world.Checkpoint();
       world.Flush();
       world.RebuildBehind(3, 6);
       world.Append(2);
       world.Flush();
       world.Checkpoint();
     }},
    {"Checkpoint", [](LogWorld& world) { MakeLogOf(world, 5); },
     [](LogWorld& world) {
       world.Checkpoint();
       world.Append(3);
       world.Flush();
       world.Checkpoint();
       world.RaiseLogStartTo(5);
       world.Checkpoint();
     }},
    {"Delete",
     [](LogWorld& world) {
       MakeLogOf(world, 12);
       world.Flush();
       world.Checkpoint();
     },
     [](LogWorld& world) {
       world.Delete();
       world.RemoveDeleted();
       world.NextEpoch();
       world.MakeLog();
       world.Append(3);
       world.Checkpoint();
     }},
    {"Retention",
     [](LogWorld& world) {
       MakeLogOf(world, 28);
       world.Flush();
       world.Checkpoint();
     },
     [](LogWorld& world) {
       world.Maintain();
       world.Append(2);
       world.RaiseLogStartTo(45);
       world.Checkpoint();
       world.Maintain();
     }},
    // The first round leaves small segments, which the second one merges.
    {"Compact",
     [](LogWorld& world) {
       world.CleanUpByCompaction();
       MakeLogOf(world, 24);
       world.Flush();
       world.Checkpoint();
     },
     [](LogWorld& world) {
       world.Compact();
       world.Append(8);
       world.Flush();
       world.Checkpoint();
       world.Compact();
       world.Maintain();
       world.Append(1);
     }},
    {"CleanStopAndStart", [](LogWorld& world) { MakeLogOf(world, 10); },
     [](LogWorld& world) {
       world.Append(1);
       world.Close();
       world.Open();
       world.MakeLog();
       world.Append(2);
       world.Flush();
     }},
    {"PromoteFuture", [](LogWorld& world) { world.Open(); },
     [](LogWorld& world) {
       world.MakeFuture();
       world.Append(10);
       world.PromoteFuture();
       world.Append(2);
       world.Flush();
     }},
};

}  // namespace

std::span<const LogScenario> LogScenarios() { return kScenarios; }

absl::StatusOr<std::vector<SimulatedDisk::Call>> CallsOf(const LogScenario& scenario, WriteMode write_mode) {
  LogWorld whole(write_mode);
  scenario.prepare(whole);
  whole.disk().RecordCalls();
  scenario.run(whole);
  if (!whole.error().ok()) return whole.error();
  return whole.disk().recorded_calls();
}

}  // namespace slipstream
