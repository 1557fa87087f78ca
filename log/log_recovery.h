// Bringing a partition directory back to a state that can be trusted: leftovers of interrupted work, missing indexes,
// torn tails (LOG-130..LOG-140). Done once, when a log is opened; blocking. Each step leaves a prefix of the log behind
// if a crash ends it there, and doing it again changes nothing (INV-18).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "log/io/file_io.h"
#include "log/leader_epoch_cache.h"
#include "log/offset.h"
#include "log/partition_log.h"
#include "log/segment.h"

namespace slipstream {

struct SegmentFiles {
  Offset base_offset;
  bool indexes_present = false;  // both
};

// Finishes or undoes interrupted removals and swaps, removes indexes without a .log (LOG-133), and lists what segments
// are left, by base offset. kDataLoss names a file that has a segment's suffix but no number (LOG-39).
absl::StatusOr<std::vector<SegmentFiles>> ClearLeftovers(FileIo& io, const std::filesystem::path& directory);

struct LoadedLog {
  std::vector<std::unique_ptr<Segment>> segments;  // by base offset; never empty
  Offset log_end_offset;
};

// Opens the segments and recovers those that need it: missing indexes; without a clean stop the one that holds the
// recovery point and all later ones; the last one when it does not end on a batch. Brings the epochs in line with the
// data. `config` outlives the segments. kDataLoss when a segment below the recovery point is damaged: data that was
// durable is never dropped silently.
absl::StatusOr<LoadedLog> LoadSegments(FileIo& io, const std::filesystem::path& directory, const LogConfig& config,
                                       const LogOpenOptions& options, LeaderEpochCache& epochs);

}  // namespace slipstream
