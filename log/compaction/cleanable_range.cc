#include "log/compaction/cleanable_range.h"

namespace slipstream {

Offset FirstDirtyOffset(std::optional<Offset> checkpoint, Offset log_start, Offset log_end) {
  const bool inside = checkpoint && *checkpoint >= log_start && *checkpoint <= log_end;
  return inside ? *checkpoint : log_start;
}

CleanableRange FindCleanableRange(std::span<const SealedSegment> sealed, Offset first_dirty, Offset stable,
                                  const CompactionLag& lag) {
  CleanableRange range;
  for (const SealedSegment& segment : sealed) {
    if (segment.end_offset > stable) break;
    const bool dirty = segment.end_offset > first_dirty;
    const bool too_young = lag.min.count() > 0 && segment.largest_timestamp.value > lag.now.value - lag.min.count();
    if (dirty && too_young) break;
    ++range.segments;
    if (!dirty) {
      range.clean_bytes += segment.bytes;
      continue;
    }
    range.dirty_bytes += segment.bytes;
    const Timestamp first = segment.first_timestamp;
    if (first > Timestamp{0} && first.value < lag.now.value - lag.max.count()) range.overdue = true;
  }
  return range;
}

}  // namespace slipstream
