// Kafka's offset checkpoint files, one per log dir and meaning: text, a version line, a count line, then
// "topic partition offset" lines (LOG-50..LOG-53).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>

#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/topic_partition.h"

namespace slipstream {

inline constexpr char kRecoveryPointCheckpoint[] = "recovery-point-offset-checkpoint";  // everything below is durable
inline constexpr char kLogStartCheckpoint[] = "log-start-offset-checkpoint";            // that no file name tells
inline constexpr char kHighWatermarkCheckpoint[] = "replication-offset-checkpoint";
inline constexpr char kCleanerCheckpoint[] = "cleaner-offset-checkpoint";  // compaction has seen everything below

using OffsetCheckpoint = std::map<TopicPartition, Offset>;

// No file, or an empty one: no entries. kDataLoss names file and line of anything malformed.
absl::StatusOr<OffsetCheckpoint> ReadOffsetCheckpoint(FileIo& io, const std::filesystem::path& path);
// Replaces the file atomically; durable on return.
absl::Status WriteOffsetCheckpoint(FileIo& io, const std::filesystem::path& path, const OffsetCheckpoint& offsets);

}  // namespace slipstream
