#include "log/log_offsets.h"

#include <algorithm>

#include "log/partition_log.h"

namespace slipstream {

LogOffsets OffsetsOf(const PartitionLog& log) {
  return {log.partition(),      log.log_start_offset(),           log.high_watermark(),     log.recovery_point(),
          log.log_end_offset(), log.log_start_needs_checkpoint(), log.first_dirty_offset(), log.begun()};
}

LogOffsets OffsetsForCut(const PartitionLog& log, Offset offset) {
  LogOffsets offsets = OffsetsOf(log);
  offsets.recovery_point = log.RecoveryPointForCut(offset);
  offsets.high_watermark = std::min(offsets.high_watermark, offset);
  // A log start above the end of what is found means that all of it is to go (LOG-132).
  offsets.log_start_offset = std::min(offsets.log_start_offset, offset);
  // A cut at the log start goes by way of no file at all.
  offsets.log_start_needs_checkpoint = offsets.log_start_offset > Offset{0} || log.log_start_needs_checkpoint();
  if (offsets.first_dirty_offset) offsets.first_dirty_offset = std::min(*offsets.first_dirty_offset, offset);
  return offsets;
}

LogOffsets OffsetsForStartAnew(const PartitionLog& log, Offset offset) {
  LogOffsets offsets = OffsetsForCut(log, offset);
  if (offset <= log.log_end_offset()) return offsets;
  offsets.log_start_offset = offset;
  offsets.log_start_needs_checkpoint = true;
  return offsets;
}

LogOffsets OffsetsForRebuild(const PartitionLog& log, const RemoteLogState& state) {
  LogOffsets offsets = OffsetsForCut(log, state.next_offset);
  // What is found below goes, be it all of it: the leader has none of that any more. Never higher: an empty log that
  // began at `next_offset` would be fetched on from there, without the epochs and producers of before.
  offsets.log_start_offset = std::max(offsets.log_start_offset, state.log_start_offset);
  offsets.log_start_needs_checkpoint = true;
  return offsets;
}

LogOffsets OffsetsOfRebuilt(const PartitionLog& log, const RemoteLogState& state) {
  const Offset end = state.next_offset;
  return {log.partition(), state.log_start_offset, end, end, end, /*log_start_needs_checkpoint=*/true, std::nullopt};
}

}  // namespace slipstream
