#include "log/compaction/cleaned_segments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/batches.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

// Who stops a round waits for the fsync that runs: it must not be one of a whole segment.
TEST(CleanedSegments, Log134_NoFsyncIsOfMoreThanAChunk) {
  SimulatedDisk disk;
  ASSERT_TRUE(disk.CreateDirectories("/t-0").ok());
  const LogConfig config;
  CleanedSegments cleaned(disk, "/t-0", Offset{0}, config);
  constexpr uint64_t kBatchBytes = 1 << 20;
  disk.RecordCalls();
  for (int64_t offset = 0; offset < 20; ++offset) {
    const std::vector<std::byte> batch = MakeBatch({.base_offset = offset, .value_bytes = kBatchBytes});
    ASSERT_TRUE(cleaned.Add(RecordBatchView(batch)).ok());
  }
  ASSERT_TRUE(cleaned.Finish(Timestamp{1}).ok());
  uint64_t unsynced = 0, unsynced_max = 0, syncs = 0;
  for (const SimulatedDisk::Call& call : disk.recorded_calls()) {
    if (!call.path.ends_with(".log.cleaned")) continue;
    const std::string what = call.what;
    if (what == "write") unsynced_max = std::max(unsynced_max, unsynced += kBatchBytes);
    if (what != "fsync") continue;
    unsynced = 0;
    ++syncs;
  }
  EXPECT_LE(unsynced_max, CleanedSegments::kUnsyncedBytesMax);
  EXPECT_EQ(syncs, 3u);
  EXPECT_EQ(unsynced, 0u) << "all of it is durable in the end";
}

}  // namespace
}  // namespace slipstream
