// Directories of many new partitions at once: an fsync per name and per file would cost milliseconds each.
#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <span>

#include "log/io/file_io.h"
#include "log/topic_partition.h"
#include "log/uuid.h"

namespace slipstream {

struct NewLog {
  TopicPartition partition;
  Uuid topic_id;                  // zero: not known yet
  std::filesystem::path log_dir;  // where it is to lie; empty: the LogManager decides
};

// Makes the directories of those that have none in `log_dir`, with their partition.metadata, all durable on return: as
// MakeDirectory and WritePartitionMetadata would, but by two syncs of the whole file system. After an error some of
// both may be there, durable too unless a sync is what failed. REQUIRES: `log_dir` is open as a directory; topic names
// are valid. Blocking.
absl::Status MakePartitionDirectories(FileIo& io, File& log_dir, std::span<const NewLog> logs);

}  // namespace slipstream
