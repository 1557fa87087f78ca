#include "log/compaction/segment_groups.h"

#include "log/segment_name.h"

namespace slipstream {

std::vector<size_t> GroupSegments(std::span<const SegmentSizes> segments, uint64_t segment_bytes,
                                  uint64_t segment_index_bytes) {
  std::vector<size_t> groups;
  SegmentSizes group;
  for (const SegmentSizes& next : segments) {
    const bool joins = !groups.empty() && group.log_bytes + next.log_bytes <= segment_bytes &&
                       group.offset_index_bytes + next.offset_index_bytes <= segment_index_bytes &&
                       group.time_index_bytes + next.time_index_bytes <= segment_index_bytes &&
                       next.end_offset - group.base_offset <= kRelativeOffsetMax;
    if (!joins) {
      groups.push_back(1);
      group = next;
      continue;
    }
    ++groups.back();
    group.log_bytes += next.log_bytes;
    group.offset_index_bytes += next.offset_index_bytes;
    group.time_index_bytes += next.time_index_bytes;
  }
  return groups;
}

}  // namespace slipstream
