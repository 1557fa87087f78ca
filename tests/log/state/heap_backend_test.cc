// What only the heap backend does; the rest: state_backend_test.cc.
#include "log/state/heap_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "log/checkpoint_file.h"
#include "log/state/typed_state.h"
#include "tests/log/state/hand_clock.h"
#include "tests/log/state/stopping_io.h"
#include "tests/support/memory_io.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Optional;

using Offsets = ValueState<TopicPartition, Offset>;

class HeapBackendTest : public ::testing::Test {
 protected:
  HeapBackend Make(FileIo& io) { return HeapBackend(io, {clock_.function(), {"/d1", "/d2"}}); }
  std::string Content(const std::filesystem::path& path) {
    const auto content = ReadWholeFile(io_, path);
    return content.ok() ? *content : std::string(content.status().message());
  }

  MemoryIo io_;
  HandClock clock_;
  HeapBackend backend_ = Make(io_);
};

TEST_F(HeapBackendTest, Log50_Log52_ASnapshotIsKafkasCheckpointFileInEachLogDir) {
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend_, kHighWatermarkCheckpoint);
  const Offsets recovery = *Offsets::OpenOffsetCheckpoint(backend_, kRecoveryPointCheckpoint);
  ASSERT_TRUE(marks.Put("/d1", {"b", 1}, Offset{7}).ok());
  ASSERT_TRUE(marks.Put("/d1", {"a", 10}, Offset{3}).ok());
  ASSERT_TRUE(marks.Put("/d1", {"a", 2}, Offset{0}).ok());
  ASSERT_TRUE(marks.Put("/d2", {"c.d_e-f", 0}, Offset{std::numeric_limits<int64_t>::max()}).ok());
  ASSERT_TRUE(recovery.Put("/d2", {"b", 0}, Offset{5}).ok());
  ASSERT_TRUE(backend_.Snapshot("/snapshot").ok());
  EXPECT_EQ(Content("/d1/replication-offset-checkpoint"), "0\n3\na 2 0\na 10 3\nb 1 7\n");
  EXPECT_EQ(Content("/d2/replication-offset-checkpoint"), "0\n1\nc.d_e-f 0 9223372036854775807\n");
  EXPECT_EQ(Content("/d1/recovery-point-offset-checkpoint"), "0\n0\n");
  EXPECT_EQ(Content("/d2/recovery-point-offset-checkpoint"), "0\n1\nb 0 5\n");
  EXPECT_FALSE(io_.Exists("/snapshot/heap-states"));  // there is nothing else to keep

  ASSERT_TRUE(marks.Delete("/d2", {"c.d_e-f", 0}).ok());  // must not come back from the file
  ASSERT_TRUE(backend_.Snapshot("/snapshot").ok());
  EXPECT_EQ(Content("/d2/replication-offset-checkpoint"), "0\n0\n");
}

TEST_F(HeapBackendTest, OpeningAnOffsetCheckpointReadsWhatABrokerLeft) {
  ASSERT_TRUE(ReplaceFile(io_, "/d1/replication-offset-checkpoint", "0\n2\na 0 5\nb 3 9\n").ok());
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend_, kHighWatermarkCheckpoint);
  EXPECT_THAT(*marks.Get("/d1", {"b", 3}), Optional(Offset{9}));
  EXPECT_EQ(*marks.Get("/d2", {"b", 3}), std::nullopt);

  ASSERT_TRUE(marks.Put("/d1", {"b", 3}, Offset{10}).ok());
  ASSERT_TRUE(marks.Put("/d2", {"c", 0}, Offset{1}).ok());
  ASSERT_TRUE(backend_.Restore("/snapshot").ok());  // the log dirs are the snapshot
  EXPECT_THAT(*marks.Get("/d1", {"b", 3}), Optional(Offset{9}));
  EXPECT_EQ(*marks.Get("/d2", {"c", 0}), std::nullopt);
}

TEST_F(HeapBackendTest, Log51_AMalformedCheckpointIsNamedAndChangesNothing) {
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend_, kHighWatermarkCheckpoint);
  ASSERT_TRUE(marks.Put("/d1", {"a", 0}, Offset{4}).ok());
  for (const char* content : {"0\n1\na 0\n", "1\n0\n", "0\n1\na! 0 5\n"}) {
    ASSERT_TRUE(ReplaceFile(io_, "/d2/replication-offset-checkpoint", content).ok());
    const absl::Status restored = backend_.Restore("/snapshot");
    EXPECT_TRUE(absl::IsDataLoss(restored)) << restored;
    EXPECT_THAT(std::string(restored.message()), HasSubstr("/d2/replication-offset-checkpoint"));
    EXPECT_THAT(*marks.Get("/d1", {"a", 0}), Optional(Offset{4}));
    HeapBackend another = Make(io_);
    const absl::Status opened = Offsets::OpenOffsetCheckpoint(another, kHighWatermarkCheckpoint).status();
    EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
  }
}

TEST_F(HeapBackendTest, AnOffsetBelongsToALogDirAsItIsWritten) {
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend_, kHighWatermarkCheckpoint);
  for (const char* log_dir : {"/d3", "/d1/", "//d1", ""}) {
    const absl::Status status = marks.Put(log_dir, {"a", 0}, Offset{1});
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << log_dir;
    EXPECT_THAT(std::string(status.message()), HasSubstr("is not one of the 2 log dirs"));
  }
}

TEST_F(HeapBackendTest, ABadSnapshotIsNamedAndChangesNothing) {
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend_, kHighWatermarkCheckpoint);
  const Offsets positions = *Offsets::Open(backend_, "positions");
  ASSERT_TRUE(positions.Put("east", {"a", 0}, Offset{1}).ok());
  ASSERT_TRUE(backend_.Snapshot("/snapshot").ok());
  ASSERT_TRUE(positions.Put("east", {"a", 0}, Offset{2}).ok());
  ASSERT_TRUE(marks.Put("/d1", {"a", 0}, Offset{2}).ok());
  std::string content = Content("/snapshot/heap-states");
  content.back() ^= 1;
  ASSERT_TRUE(ReplaceFile(io_, "/snapshot/heap-states", content).ok());
  const absl::Status status = backend_.Restore("/snapshot");
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/snapshot/heap-states: its CRC is"));
  EXPECT_THAT(*positions.Get("east", {"a", 0}), Optional(Offset{2}));
  EXPECT_THAT(*marks.Get("/d1", {"a", 0}), Optional(Offset{2}));
}

// Goal: whenever the process ends during a snapshot, each file has its old content or its new, and what is not in
// Kafka's files is all old or all new. Method: the same snapshot, stopped one change later each time.
TEST_F(HeapBackendTest, Log53_StoppedAnywhereASnapshotLeavesTheOldContentOrTheNew) {
  bool finished = false;
  int seen_old = 0, seen_new = 0;
  for (int changes = 0; !finished; ++changes) {
    MemoryIo disk;
    StoppingIo io(disk);
    HeapBackend backend = Make(io);
    const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend, kHighWatermarkCheckpoint);
    const Offsets one = *Offsets::Open(backend, "one"), two = *Offsets::Open(backend, "two");
    for (const int64_t value : {1, 2}) {
      StateBatch batch;
      for (const char* log_dir : {"/d1", "/d2"}) marks.Put(batch, log_dir, {"a", 0}, Offset{value});
      for (const Offsets& state : {one, two}) state.Put(batch, "east", {"a", 0}, Offset{value});
      ASSERT_TRUE(backend.Apply(batch).ok());
      if (value == 2) io.changes_left = changes;
      finished = backend.Snapshot("/snapshot").ok();
      ASSERT_TRUE(finished || value == 2);
    }

    HeapBackend after = Make(disk);
    ASSERT_TRUE(after.Restore("/snapshot").ok()) << changes;
    const Offsets marks_after = *Offsets::OpenOffsetCheckpoint(after, kHighWatermarkCheckpoint);
    for (const char* log_dir : {"/d1", "/d2"}) {
      const Offset mark = **marks_after.Get(log_dir, {"a", 0});
      EXPECT_TRUE(mark == Offset{2} || (mark == Offset{1} && !finished)) << changes;
    }
    const Offset kept = **(*Offsets::Open(after, "one")).Get("east", {"a", 0});
    EXPECT_EQ(kept, **(*Offsets::Open(after, "two")).Get("east", {"a", 0})) << changes;
    EXPECT_TRUE(kept == Offset{2} || (kept == Offset{1} && !finished)) << changes;
    ++(kept == Offset{1} ? seen_old : seen_new);
  }
  EXPECT_GT(seen_old, 10);
  EXPECT_GT(seen_new, 1);  // between the rename and the end too
}

TEST_F(HeapBackendTest, OneLogDirThatFailsDoesNotKeepTheOthersFromTheirFiles) {
  const TempDir dir;
  const std::filesystem::path gone = dir.path() / "gone", there = dir.path() / "there";
  ASSERT_TRUE(SystemFileIo().CreateDirectories(there).ok());
  HeapBackend backend(SystemFileIo(), {clock_.function(), {gone, there}});
  const Offsets marks = *Offsets::OpenOffsetCheckpoint(backend, kHighWatermarkCheckpoint);
  for (const std::filesystem::path& log_dir : {gone, there})
    ASSERT_TRUE(marks.Put(log_dir.native(), {"a", 0}, Offset{1}).ok());
  const absl::Status status = backend.Snapshot(dir.path() / "snapshot");
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(gone.native()));
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), there / kHighWatermarkCheckpoint), "0\n1\na 0 1\n");
}

TEST_F(HeapBackendTest, ASnapshotOutlivesItsBackend) {
  std::unique_ptr<StateSnapshot> snapshot;
  {
    HeapBackend backend = Make(io_);
    ASSERT_TRUE((*Offsets::Open(backend, "positions")).Put("east", {"a", 0}, Offset{1}).ok());
    snapshot = *backend.BeginSnapshot("/snapshot");
  }
  ASSERT_TRUE(snapshot->Finish().ok());
  ASSERT_TRUE(backend_.Restore("/snapshot").ok());
  EXPECT_THAT(*(*Offsets::Open(backend_, "positions")).Get("east", {"a", 0}), Optional(Offset{1}));
}

TEST_F(HeapBackendTest, WhatHasExpiredLeavesMemory) {
  const auto short_lived = *ValueState<int64_t, int64_t>::Open(backend_, "short-lived", {.ttl = milliseconds(10)});
  size_t most_held = 0;
  for (int64_t i = 0; i < 100'000; ++i) {
    clock_.SetTo(clock_.now() + i % 2);  // twenty live at a time
    ASSERT_TRUE(short_lived.Put("east", i, i).ok());
    most_held = std::max(most_held, backend_.entries_held());
  }
  EXPECT_LE(most_held, 1024u);
  ASSERT_TRUE(backend_.Snapshot("/snapshot").ok());
  EXPECT_LE(backend_.entries_held(), 20u);
}

}  // namespace
}  // namespace slipstream
