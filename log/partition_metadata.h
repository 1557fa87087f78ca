// partition.metadata: which topic id a partition directory belongs to (LOG-47, LOG-48).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>

#include "log/io/file_io.h"
#include "log/uuid.h"

namespace slipstream {

// nullopt: no file. kDataLoss for a malformed one or the zero id.
absl::StatusOr<std::optional<Uuid>> ReadPartitionMetadata(FileIo& io, const std::filesystem::path& partition_directory);
// Durable on return. REQUIRES: a non-zero id.
absl::Status WritePartitionMetadata(FileIo& io, const std::filesystem::path& partition_directory, Uuid topic_id);

// Where that file lies and what stands in it, for who writes many at once.
std::filesystem::path PartitionMetadataPath(const std::filesystem::path& partition_directory);
std::string PartitionMetadataText(Uuid topic_id);

}  // namespace slipstream
