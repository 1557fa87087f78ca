// Bringing a partition directory back to a state that can be trusted: missing indexes, torn tails, epochs and producers
// (LOG-130..LOG-140). Done once, when a log is opened; blocking. Each step leaves a prefix of the log behind
// if a crash ends it there, and doing it again changes nothing (INV-18).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "log/io/file_io.h"
#include "log/leader_epoch_cache.h"
#include "log/offset.h"
#include "log/partition_log.h"
#include "log/producer_state.h"
#include "log/segment.h"

namespace slipstream {

struct LoadedLog {
  std::vector<std::unique_ptr<Segment>> segments;  // by base offset; never empty
  Offset log_end_offset, recovery_point;
  ProducerStateTable producers;            // up to the log end
  std::vector<Offset> producer_snapshots;  // in the directory, rising
  std::vector<std::string> notices;        // what a person should know: what recovery took away
  bool names_unsynced = false;             // of files that came or went: a power cut may bring back what was before
};

// Opens the segments and recovers those that need it: missing indexes; without a clean stop the one that holds the
// recovery point and all later ones; the last one when it does not end on a batch. Brings epochs and producer state
// in line with the data. `directory` and `config` outlive the segments. The log ends at the first bad batch that
// recovery meets, a notice says so if that was durable once; kDataLoss when a segment that needs no recovery turns out
// to be damaged.
absl::StatusOr<LoadedLog> LoadSegments(FileIo& io, const StoredPath& directory, const LogConfig& config,
                                       const LogOpenOptions& options, LeaderEpochCache& epochs);

}  // namespace slipstream
