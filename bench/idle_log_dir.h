// A log dir of many partitions that nobody uses.
#pragma once

#include <filesystem>

#include "log/checkpoint_file.h"
#include "log/io/blocking_queue.h"
#include "log/log_directory.h"
#include "tests/support/batches.h"
#include "tests/support/run.h"

namespace slipstream {

inline constexpr int64_t kIdleLogEnd = 10;

// Cleanly stopped, partitions "bench-0" to "bench-<count - 1>", each of ten records: the first is written, the others
// are its likeness, since `count` clean stops are not what is measured.
inline void FillIdle(const std::filesystem::path& log_dir, int64_t count, Uuid topic_id) {
  BlockingIoQueue queue;
  const TopicPartition first{"bench", 0};
  {
    const std::unique_ptr<LogDirectory> filled = *LogDirectory::Open(SystemFileIo(), {.log_dir = log_dir});
    PartitionLog& log = **filled->GetOrCreate(first, topic_id);
    const std::vector<std::byte> run =
        MakeRun({.producer_id = 1, .producer_epoch = 0, .base_sequence = 0}, kIdleLogEnd);
    SLIP_CHECK(RunToEnd(log.AppendAsFollower(queue, run, WriteHint::kCached)).ok());
    SLIP_CHECK(filled->Close().ok());
    // A leader notes its epoch before it has written anything, as most of a broker's partitions were left.
    const std::filesystem::path epochs = log_dir / first.ToString() / "leader-epoch-checkpoint";
    SLIP_CHECK(LeaderEpochCache::Load(SystemFileIo(), epochs)->Assign(LeaderEpoch{100}, Offset{kIdleLogEnd}).ok());
  }
  OffsetCheckpoint ends;
  for (int64_t p = 0; p < count; ++p) {
    const TopicPartition partition{"bench", static_cast<int32_t>(p)};
    ends[partition] = Offset{kIdleLogEnd};
    if (p > 0) std::filesystem::copy(log_dir / first.ToString(), log_dir / partition.ToString());
  }
  SLIP_CHECK(WriteOffsetCheckpoint(SystemFileIo(), log_dir / kRecoveryPointCheckpoint, ends).ok());
  SLIP_CHECK(WriteOffsetCheckpoint(SystemFileIo(), log_dir / kHighWatermarkCheckpoint, ends).ok());
}

}  // namespace slipstream
