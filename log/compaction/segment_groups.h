// Which neighbouring segments compaction makes one of (LOG-159). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "log/offset.h"

namespace slipstream {

struct SegmentSizes {
  Offset base_offset, end_offset;
  uint64_t log_bytes = 0, offset_index_bytes = 0, time_index_bytes = 0;
};

// How many segments each group has, in their order. A group's sums stay within both bounds and its offsets within
// 2^31-1 of its first; a segment that is above a bound by itself is a group of one.
std::vector<size_t> GroupSegments(std::span<const SegmentSizes> segments, uint64_t segment_bytes,
                                  uint64_t segment_index_bytes);

}  // namespace slipstream
