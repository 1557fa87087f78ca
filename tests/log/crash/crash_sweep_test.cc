// Goal: whatever the process was doing when it died, the next one finds a prefix of the log that is not shorter than
// what was called durable, with everything else in line with it, and goes on from there (INV-17, INV-18).
// Method: each scenario runs once to count its calls to the disk; then it is run anew for every call that changes
// something and dies right after it. What the disk may have kept is drawn up in several ways, and each is recovered,
// checked, recovered again, written to and cut off once more.
#include <gmock/gmock.h>

#include <string>

#include "tests/support/log_world.h"

namespace slipstream {
namespace {

struct Scenario {
  const char* name;
  void (*prepare)(LogWorld&);
  void (*run)(LogWorld&);  // dies at every call
};

void MakeLogOf(LogWorld& world, int batches) {
  world.Open();
  world.MakeLog();
  for (int i = 0; i < batches; i += 4) world.Append(std::min(4, batches - i));
}

const Scenario kScenarios[] = {
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
       world.RetainBytes(1500);
       world.Append(2);
       world.RaiseLogStartTo(45);
       world.Checkpoint();
       world.RetainBytes(1500);
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

struct Loss {
  const char* name;
  Survives survives;
  uint64_t seed;
};
constexpr Loss kLosses[] = {{"nothing survives", Survives::kNothing, 0},
                            {"everything survives", Survives::kEverything, 0},
                            {"a random part survives, seed 1", Survives::kRandomPart, 1},
                            {"a random part survives, seed 2", Survives::kRandomPart, 2},
                            {"a random part survives, seed 3", Survives::kRandomPart, 3},
                            {"a random part survives, seed 4", Survives::kRandomPart, 4},
                            {"the last write is torn at 512 bytes", Survives::kTornAt512, 5},
                            {"the last write is torn at 4096 bytes", Survives::kTornAt4096, 6},
                            {"the last write is torn anywhere", Survives::kTornAnywhere, 7}};

using CrashParam = std::tuple<Scenario, WriteMode>;

using Files = std::map<std::filesystem::path, std::string>;

std::vector<std::string> Differing(const Files& a, const Files& b) {
  std::vector<std::string> names;
  for (const auto& [path, content] : a)
    if (!b.contains(path) || b.at(path) != content) names.push_back(path);
  for (const auto& [path, content] : b)
    if (!a.contains(path)) names.push_back(path);
  return names;
}

class CrashSweep : public testing::TestWithParam<CrashParam> {
 protected:
  // Recovers. Every fourth time again, which changes nothing, writes on, cuts the power once more, stops well.
  void Survive(LogWorld& world) {
    ASSERT_EQ(world.Recover(), absl::OkStatus());
    if (crashes_++ % 4 != 0) return;
    const auto files = world.disk().Files();
    const std::unique_ptr<LogWorld> again = world.AfterPowerCut(Survives::kEverything, 0);
    ASSERT_EQ(again->Recover(), absl::OkStatus()) << "the second time";
    EXPECT_THAT(Differing(again->disk().Files(), files), testing::IsEmpty()) << "recovering twice changes something";
    const std::unique_ptr<LogWorld> cut = world.AfterPowerCut(Survives::kNothing, 0);
    ASSERT_EQ(cut->Recover(), absl::OkStatus()) << "after a power cut right behind the recovery";

    world.GoOn();
    world.NextEpoch();
    world.Append(3);
    world.Flush();
    world.Checkpoint();
    ASSERT_EQ(world.error(), absl::OkStatus());
    const std::unique_ptr<LogWorld> later = world.AfterPowerCut(Survives::kNothing, 0);
    ASSERT_EQ(later->Recover(), absl::OkStatus()) << "what was appended and flushed";
    world.Close();
    ASSERT_EQ(world.Recover(), absl::OkStatus()) << "after a clean stop";
  }

  int crashes_ = 0;
};

TEST_P(CrashSweep, Inv17_Inv18_WhereverTheProcessDies) {
  const auto& [scenario, write_mode] = GetParam();
  LogWorld whole(write_mode);
  scenario.prepare(whole);
  whole.disk().RecordCalls();
  scenario.run(whole);
  ASSERT_EQ(whole.error(), absl::OkStatus());
  const std::vector<SimulatedDisk::Call>& calls = whole.disk().recorded_calls();
  for (size_t k = 0; k <= calls.size(); ++k) {
    if (k > 0 && !calls[k - 1].changes) continue;
    LogWorld world(write_mode);
    scenario.prepare(world);
    world.disk().CrashAfter(k);
    scenario.run(world);
    world.disk().CrashAfter(0);
    const std::string where = k == 0 ? "before the first call"
                                     : absl::StrCat("after call ", k, ", ", calls[k - 1].what, " ", calls[k - 1].path);
    ASSERT_EQ(world.error(), absl::OkStatus()) << where;
    for (const Loss& loss : kLosses) {
      SCOPED_TRACE(absl::StrCat("dead ", where, "; ", loss.name));
      Survive(*world.AfterPowerCut(loss.survives, loss.seed + 1000 * k));
      if (HasFailure()) return;
    }
    SCOPED_TRACE(absl::StrCat("killed ", where, ", the machine runs on"));
    Survive(*std::move(world).AfterKill());
    if (HasFailure()) return;
  }
}

constexpr const char* kModeNames[] = {"Auto", "Direct", "Uncached", "Buffered"};

INSTANTIATE_TEST_SUITE_P(Scenarios, CrashSweep,
                         testing::Combine(testing::ValuesIn(kScenarios),
                                          testing::Values(WriteMode::kAuto, WriteMode::kDirect, WriteMode::kBuffered)),
                         [](const testing::TestParamInfo<CrashParam>& of) {
                           return absl::StrCat(std::get<0>(of.param).name,
                                               kModeNames[static_cast<int>(std::get<1>(of.param))]);
                         });

}  // namespace
}  // namespace slipstream
