// What power cuts once took from a log that had called it durable, or brought back of what had been cut: each as it
// happened in the sweep (crash_sweep_test.cc).
#include <gmock/gmock.h>

#include "tests/support/log_world.h"

namespace slipstream {
namespace {

absl::Status RecoverAfterPowerCut(const LogWorld& world) {
  return world.AfterPowerCut(Survives::kNothing, 0)->Recover();
}

TEST(PowerCut, Inv17_ALogDirThatWasJustMadeIsStillThereOnceSomethingIsFlushed) {
  LogWorld world(WriteMode::kBuffered);
  world.Open();
  world.MakeLog();
  world.Append(1);
  world.Flush();
  ASSERT_EQ(world.error(), absl::OkStatus());
  EXPECT_EQ(RecoverAfterPowerCut(world), absl::OkStatus());
}

TEST(PowerCut, Inv17_ALogDirWhoseMakerWasKilledAtOnceIsStillThereOnceSomethingIsFlushed) {
  LogWorld first(WriteMode::kBuffered);
  first.disk().CrashAfter(2);  // its parent is open, the directory is made
  first.Open();
  const std::unique_ptr<LogWorld> world = std::move(first).AfterKill();
  world->Open();
  world->MakeLog();
  world->Append(1);
  world->Flush();
  ASSERT_EQ(world->error(), absl::OkStatus());
  EXPECT_EQ(RecoverAfterPowerCut(*world), absl::OkStatus());
}

// Events: (1) all is flushed, the file of the active segment is longer than its content; (2) the log rolls, which cuts
// that file; (3) a flush moves the recovery point on; (4) the power fails.
TEST(PowerCut, Inv17_AFlushCoversTheCutOfASegmentThatEndsAtTheRecoveryPoint) {
  LogWorld world(WriteMode::kDirect);
  world.Open();
  world.MakeLog();
  world.Append(5);
  world.Flush();
  for (int i = 0; i < 3; ++i) world.Append(5);  // rolls each time
  world.Flush();
  world.Checkpoint();
  ASSERT_EQ(world.error(), absl::OkStatus());
  ASSERT_GE(world.log().segment_count(), 4u);
  EXPECT_EQ(RecoverAfterPowerCut(world), absl::OkStatus());
}

TEST(PowerCut, Rel39_ASegmentThatWasRolledAndFlushedIsThere) {
  LogWorld world(WriteMode::kBuffered);
  world.Open();
  world.MakeLog();
  world.Append(9);
  world.Flush();
  ASSERT_EQ(world.error(), absl::OkStatus());
  const std::unique_ptr<LogWorld> next = world.AfterPowerCut(Survives::kNothing, 0);
  ASSERT_EQ(next->Recover(), absl::OkStatus());
  EXPECT_EQ(next->log().log_end_offset(), Offset{18});
  EXPECT_EQ(next->log().segment_count(), 2u);
}

TEST(PowerCut, Rel58_ATruncationIsOnTheDiskBeforeAnythingIsWrittenBehindIt) {
  LogWorld world(WriteMode::kBuffered);
  world.Open();
  world.MakeLog();
  world.Append(12);
  world.Flush();
  world.Checkpoint();
  world.TruncateTo(16);
  ASSERT_EQ(world.error(), absl::OkStatus());
  const std::unique_ptr<LogWorld> next = world.AfterPowerCut(Survives::kNothing, 0);
  ASSERT_EQ(next->Recover(), absl::OkStatus());
  EXPECT_EQ(next->log().log_end_offset(), Offset{16});
}

}  // namespace
}  // namespace slipstream
