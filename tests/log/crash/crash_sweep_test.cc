// Goal: whatever the process was doing when it died, the next one finds a prefix of the log that is not shorter than
// what was called durable, with everything else in line with it, and goes on from there (INV-17, INV-18).
// Method: each scenario runs once to count its calls to the disk; then it is run anew for every call that changes
// something and dies right after it. What the disk may have kept is drawn up in several ways, and each is recovered,
// checked, recovered again, written to and cut off once more.
#include <gmock/gmock.h>

#include <numeric>
#include <string>

#include "tests/support/log_scenarios.h"
#include "tests/support/log_world.h"

namespace slipstream {
namespace {

struct Loss {
  const char* name;
  Survives survives;
};
constexpr Loss kLosses[] = {{"nothing survives", Survives::kNothing},
                            {"everything survives", Survives::kEverything},
                            {"a random part survives", Survives::kRandomPart},
                            {"another random part survives", Survives::kRandomPart},
                            {"the last write is torn", Survives::kTornAnywhere}};
// Each crash point is survived once for each loss and once for a kill, so that sooner or later all of them go deep.
constexpr int kDeepEvery = 5;
static_assert(std::gcd(std::size(kLosses) + 1, static_cast<size_t>(kDeepEvery)) == 1);
constexpr Survives kTorn[] = {Survives::kTornAt512, Survives::kTornAt4096, Survives::kTornAnywhere};

using CrashParam = std::tuple<LogScenario, WriteMode>;

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
  // Recovers. Every fifth time again, which changes nothing, writes on, cuts the power once more, stops well.
  void Survive(LogWorld& world) {
    ASSERT_EQ(world.Recover(), absl::OkStatus());
    if (crashes_++ % kDeepEvery != 0) return;
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
  const absl::StatusOr<std::vector<SimulatedDisk::Call>> recorded = CallsOf(scenario, write_mode);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  const std::vector<SimulatedDisk::Call>& calls = *recorded;
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
    for (size_t i = 0; i < std::size(kLosses); ++i) {
      const Survives survives = kLosses[i].survives == Survives::kTornAnywhere ? kTorn[k % 3] : kLosses[i].survives;
      const uint64_t seed = 100 * k + i;
      SCOPED_TRACE(absl::StrCat("dead ", where, "; ", kLosses[i].name, ", seed ", seed));
      Survive(*world.AfterPowerCut(survives, seed));
      if (HasFailure()) return;
    }
    SCOPED_TRACE(absl::StrCat("killed ", where, ", the machine runs on"));
    Survive(*std::move(world).AfterKill());
    if (HasFailure()) return;
  }
}

constexpr const char* kModeNames[] = {"Auto", "Direct", "Uncached", "Buffered"};

INSTANTIATE_TEST_SUITE_P(Scenarios, CrashSweep,
                         testing::Combine(testing::ValuesIn(LogScenarios()),
                                          testing::Values(WriteMode::kAuto, WriteMode::kDirect, WriteMode::kBuffered)),
                         [](const testing::TestParamInfo<CrashParam>& of) {
                           return absl::StrCat(std::get<0>(of.param).name,
                                               kModeNames[static_cast<int>(std::get<1>(of.param))]);
                         });

}  // namespace
}  // namespace slipstream
