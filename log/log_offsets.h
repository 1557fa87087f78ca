// The offsets of a log that others may know and that checkpoints are written from. Plain data.
#pragma once

#include <optional>

#include "log/offset.h"
#include "log/topic_partition.h"

namespace slipstream {

class PartitionLog;
struct RemoteLogState;

// Offsets of one partition as last published by the thread that owns its log; what checkpoints are written from.
struct LogOffsets {
  TopicPartition partition;
  Offset log_start_offset, high_watermark, recovery_point, log_end_offset;
  bool log_start_needs_checkpoint = false;   // the files alone need not tell it (LOG-52)
  std::optional<Offset> first_dirty_offset;  // nullopt: never compacted, and not checkpointed
  bool begun = true;                         // PartitionLog::begun: gives its recovery point a place in the file
};

// What the owner of a log publishes about it.
LogOffsets OffsetsOf(const PartitionLog& log);
// The same, lowered to what is still true when the log is cut at `offset`.
LogOffsets OffsetsForCut(const PartitionLog& log, Offset offset);
// The same for a log that is to start anew at `offset`: beyond its end, that is its log start from now on.
LogOffsets OffsetsForStartAnew(const PartitionLog& log, Offset offset);
// Before and after PartitionLog::RebuildFrom.
LogOffsets OffsetsForRebuild(const PartitionLog& log, const RemoteLogState& state);
LogOffsets OffsetsOfRebuilt(const PartitionLog& log, const RemoteLogState& state);

}  // namespace slipstream
