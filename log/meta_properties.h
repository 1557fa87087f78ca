// meta.properties: which cluster and node a log dir belongs to (LOG-54, LOG-55), and the mark of a clean stop (LOG-56).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>

#include "log/io/file_io.h"
#include "log/uuid.h"

namespace slipstream {

struct MetaProperties {
  std::string cluster_id;
  int32_t node_id = 0;
  Uuid directory_id;  // zero: the file has none yet
};

// nullopt: no file. kDataLoss names the file and the key that is missing or wrong.
absl::StatusOr<std::optional<MetaProperties>> ReadMetaProperties(FileIo& io, const std::filesystem::path& log_dir);
absl::Status WriteMetaProperties(FileIo& io, const std::filesystem::path& log_dir, const MetaProperties& properties);

// True when .kafka_cleanshutdown was there; it is gone, durably, when this returns: a crash from now on is unclean.
absl::StatusOr<bool> TakeCleanShutdownMark(FileIo& io, const std::filesystem::path& log_dir);
absl::Status WriteCleanShutdownMark(FileIo& io, const std::filesystem::path& log_dir);

}  // namespace slipstream
