// Compacts logs of one thread, one at a time, with the reading and writing on a thread of its own. Belongs to the
// thread that owns the logs, which looks in from time to time.
#pragma once

#include <absl/status/status.h>

#include <future>
#include <optional>

#include "log/compaction/compaction.h"
#include "log/partition_log.h"

namespace slipstream {

class LogCleaner {
 public:
  explicit LogCleaner(const CompactionLimits& limits) : limits_(limits) {}
  ~LogCleaner() { Stop(); }

  PartitionLog* log() const { return log_; }  // which is being compacted; nullptr: none
  // Begins a round if one is due for `log`, which outlives it. REQUIRES: log() is none; as for PlanCompaction.
  absl::Status Start(PartitionLog& log, Timestamp now);
  // Takes over what is ready and goes on with the round. An error, which is log()'s own to know as well, ends the
  // round; that the log was cut meanwhile is none. Want of a thread or of memory is an error too. REQUIRES: as for
  // TakeCompacted.
  absl::Status Poll();
  // Ends the round: nothing reads or writes the log's files any more. Waits for no more than a batch, or the fsync of a
  // chunk (CleanedSegments::kUnsyncedBytesMax).
  void Stop();

 private:
  void CleanNext();

  CompactionLimits limits_;
  PartitionLog* log_ = nullptr;
  std::optional<Compaction> compaction_;
  std::future<absl::StatusOr<bool>> step_;  // of compaction_; valid while log_ is set
};

}  // namespace slipstream
