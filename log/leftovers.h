// What a crash may leave in a partition directory besides the log itself: files on their way out, swaps and splits half
// done, indexes and snapshots of segments that are gone (LOG-120, LOG-133). Each step leaves a prefix of the log behind
// if a crash ends it there, and doing it again changes nothing (INV-18).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <vector>

#include "log/io/file_io.h"
#include "log/offset.h"

namespace slipstream {

struct SegmentFiles {
  Offset base_offset;
  bool indexes_present = false;  // both
  bool has_transaction_index = false;
};

struct DirectoryContents {
  std::vector<SegmentFiles> segments;      // by base offset
  std::vector<Offset> producer_snapshots;  // rising
};

// Finishes or undoes interrupted removals and swaps, removes what belongs to no segment, and lists what is left.
// Snapshots stay at segment bases, and the newest one above the last base, which a clean stop has left. kDataLoss names
// a file that has a segment's suffix but no number (LOG-39). Blocking.
absl::StatusOr<DirectoryContents> ClearLeftovers(FileIo& io, const std::filesystem::path& directory);

}  // namespace slipstream
