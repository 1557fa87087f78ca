// Goal: whatever call to the disk fails, with whatever error, nothing is claimed that is not so, and no more is lost
// than must be. A failed fsync takes the directory offline, is never tried again, and nothing follows it (INV-20). A
// full disk or too many open files take nothing offline: the same done again goes on, or the log fails and is
// recovered. Method: each scenario runs once to know its calls; then every one of them is made to fail in every way
// that fits it.
#include <absl/strings/match.h>
#include <gmock/gmock.h>

#include <string>

#include "tests/support/log_scenarios.h"
#include "tests/support/log_world.h"

namespace slipstream {
namespace {

using Call = SimulatedDisk::Call;

// That needs a descriptor: directories are opened to be listed and to be synced.
bool OpensFiles(const Call& call) {
  return absl::string_view(call.what) == "open" || absl::string_view(call.what) == "list";
}

bool WritesRecords(const Call& call) {
  const absl::string_view what = call.what;
  return absl::EndsWith(call.path, ".log") && (what == "write" || what == "direct write" || what == "allocate");
}

struct Fault {
  const char* name;
  absl::StatusCode code;
  bool (*fits)(const Call&);
};
constexpr Fault kFaults[] = {
    {"EIO", absl::StatusCode::kUnavailable, [](const Call&) { return true; }},
    {"ENOSPC", absl::StatusCode::kResourceExhausted, [](const Call& call) { return call.changes && !call.syncs; }},
    {"EROFS", absl::StatusCode::kPermissionDenied, [](const Call& call) { return call.changes && !call.syncs; }},
    {"EMFILE", absl::StatusCode::kResourceExhausted, OpensFiles}};

using FaultParam = std::tuple<LogScenario, WriteMode>;

class IoErrorSweep : public testing::TestWithParam<FaultParam> {
 protected:
  // What a power cut leaves, whatever of it, is a sound log with all that was called durable.
  static void CheckAfterPowerCut(LogWorld& world) {
    world.disk().CrashAfter(0);
    for (const Survives survives : {Survives::kNothing, Survives::kRandomPart})
      ASSERT_EQ(world.AfterPowerCut(survives, 7)->Recover(), absl::OkStatus()) << static_cast<int>(survives);
  }

  static void CheckNothingFollows(const std::vector<Call>& calls, size_t failed) {
    for (size_t i = failed + 1; i < calls.size(); ++i) {
      const bool lock = std::filesystem::path(calls[i].path).filename() == ".lock";
      EXPECT_TRUE(!calls[i].changes || lock) << calls[i].what << " " << calls[i].path << " after the failed fsync";
    }
  }
};

TEST_P(IoErrorSweep, Inv20_EveryErrorAtEveryCall) {
  const auto& [scenario, write_mode] = GetParam();
  const absl::StatusOr<std::vector<Call>> recorded = CallsOf(scenario, write_mode);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  const std::vector<Call>& calls = *recorded;
  for (size_t k = 0; k < calls.size(); ++k) {
    for (const Fault& fault : kFaults) {
      if (!fault.fits(calls[k])) continue;
      SCOPED_TRACE(absl::StrCat(fault.name, " at call ", k, ", ", calls[k].what, " ", calls[k].path));
      LogWorld world(write_mode);
      scenario.prepare(world);
      world.disk().RecordCalls();
      world.disk().FailCall(k, absl::Status(fault.code, fault.name));
      const bool resource = fault.code == absl::StatusCode::kResourceExhausted;
      if (resource) world.RetryOnce();
      scenario.run(world);
      ASSERT_TRUE(world.disk().failed_one());
      if (calls[k].syncs) {
        EXPECT_NE(world.error(), absl::OkStatus());
        EXPECT_TRUE(world.offline() || !world.is_open());
        CheckNothingFollows(world.disk().recorded_calls(), k);
      } else if (resource) {
        EXPECT_FALSE(world.offline());
        if (WritesRecords(calls[k])) {
          EXPECT_EQ(world.error(), absl::OkStatus()) << "the partial bytes are cut, and it goes on";
        }
        world.Flush();
      }
      CheckAfterPowerCut(world);
      if (HasFailure()) return;
    }
  }
}

TEST(IoError, Rel59_ADiskThatIsFullWhenTheLogRollsThenHasRoomAgain) {
  const auto fill = [](LogWorld& world) {
    world.Open();
    world.MakeLog();
    world.Append(5);
  };
  LogWorld whole(WriteMode::kBuffered);
  fill(whole);
  whole.disk().RecordCalls();
  whole.Append(2);
  ASSERT_EQ(whole.log().segment_count(), 2u);
  for (size_t k = 0; k < whole.disk().recorded_calls().size(); ++k) {
    const Call& call = whole.disk().recorded_calls()[k];
    if (!call.changes || call.syncs) continue;
    SCOPED_TRACE(absl::StrCat(call.what, " ", call.path));
    LogWorld world(WriteMode::kBuffered);
    fill(world);
    world.disk().FailCall(k, absl::ResourceExhaustedError("no space left"));
    world.RetryOnce();
    world.Append(2);
    EXPECT_EQ(world.error(), absl::OkStatus());
    EXPECT_EQ(world.log().segment_count(), 2u);
    world.Close();
    EXPECT_EQ(world.Recover(), absl::OkStatus());
  }
}

void PrepareToCompact(LogWorld& world) {
  world.CleanUpByCompaction();
  world.Open();
  world.MakeLog();
  for (int i = 0; i < 6; ++i) world.Append(4);
  world.Flush();
  world.Checkpoint();
}

// What is in the way for a moment costs the round, not the log: until the next one the old segments are there.
TEST(IoError, Log134_Inv20_ACompactionThatLacksRoomOrDescriptorsIsDoneLater) {
  LogWorld whole(WriteMode::kBuffered);
  PrepareToCompact(whole);
  whole.disk().RecordCalls();
  whole.Compact();
  ASSERT_EQ(whole.error(), absl::OkStatus());
  size_t renames = 0;
  for (size_t k = 0; k < whole.disk().recorded_calls().size(); ++k) {
    const Call& call = whole.disk().recorded_calls()[k];
    if (call.syncs || (!call.changes && !OpensFiles(call))) continue;
    SCOPED_TRACE(absl::StrCat("call ", k, ", ", call.what, " ", call.path));
    renames += absl::string_view(call.what) == "rename" ? 1 : 0;
    for (const bool again : {false, true}) {
      LogWorld world(WriteMode::kBuffered);
      PrepareToCompact(world);
      world.disk().FailCall(k, absl::ResourceExhaustedError("for a moment"));
      if (again) world.RetryOnce();
      world.Compact();
      ASSERT_TRUE(world.disk().failed_one());
      EXPECT_FALSE(world.offline());
      EXPECT_EQ(world.log().failure(), absl::OkStatus());
      for (const Survives survives : {Survives::kNothing, Survives::kRandomPart, Survives::kNamesInAnyOrder})
        ASSERT_EQ(world.AfterPowerCut(survives, k)->Recover(), absl::OkStatus()) << static_cast<int>(survives);
      if (!again) continue;
      EXPECT_EQ(world.error(), absl::OkStatus());
      EXPECT_LE(world.log().segment_count(), whole.log().segment_count());
      world.Append(2);
      world.Close();
      EXPECT_EQ(world.Recover(), absl::OkStatus());
    }
  }
  EXPECT_GT(renames, 0u);
}

constexpr const char* kModeNames[] = {"Auto", "Direct", "Uncached", "Buffered"};

INSTANTIATE_TEST_SUITE_P(Scenarios, IoErrorSweep,
                         testing::Combine(testing::ValuesIn(LogScenarios()),
                                          testing::Values(WriteMode::kDirect, WriteMode::kBuffered)),
                         [](const testing::TestParamInfo<FaultParam>& of) {
                           return absl::StrCat(std::get<0>(of.param).name,
                                               kModeNames[static_cast<int>(std::get<1>(of.param))]);
                         });

}  // namespace
}  // namespace slipstream
