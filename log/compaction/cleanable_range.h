// Which part of a compacted log the next round may and should clean (LOG-157). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "log/offset.h"

namespace slipstream {

// A segment that nothing is appended to any more.
struct SealedSegment {
  Offset base_offset, end_offset;  // the end is the next one's base
  uint64_t bytes = 0;
  Timestamp first_timestamp;    // of its first batch; needed for max.compaction.lag.ms only
  Timestamp largest_timestamp;  // needed for min.compaction.lag.ms only
};

// Everything below was cleaned before. A checkpoint outside the log tells nothing; nullopt: there is none.
Offset FirstDirtyOffset(std::optional<Offset> checkpoint, Offset log_start, Offset log_end);

struct CleanableRange {
  size_t segments = 0;  // the first so many may be cleaned
  uint64_t clean_bytes = 0, dirty_bytes = 0;
  bool overdue = false;  // some of the dirty ones have waited for max.compaction.lag.ms

  double DirtyRatio() const {
    return dirty_bytes == 0 ? 0 : static_cast<double>(dirty_bytes) / static_cast<double>(clean_bytes + dirty_bytes);
  }
  bool WorthCleaning(double min_cleanable_dirty_ratio) const {
    return dirty_bytes > 0 && (overdue || DirtyRatio() > min_cleanable_dirty_ratio);
  }
};

struct CompactionLag {
  Timestamp now;
  std::chrono::milliseconds min{0}, max{0};
};

// Whole segments only, and only what can no more be cut: `stable` is below or at the last stable offset, so that what
// a transaction will become of is known, and the recovery point, so that no record goes before the one that supersedes
// it is durable. The first segment that is too young ends the range.
CleanableRange FindCleanableRange(std::span<const SealedSegment> sealed, Offset first_dirty, Offset stable,
                                  const CompactionLag& lag);

}  // namespace slipstream
