#include "log/new_logs.h"

#include <vector>

#include "log/partition_metadata.h"
#include "log/status.h"

namespace slipstream {
namespace {

// Of all that have no directory yet, in order, up to the first that fails; adds the files that still have to be
// renamed.
absl::Status MakeUnsynced(FileIo& io, const std::filesystem::path& log_dir, std::span<const NewLog> logs,
                          std::vector<std::filesystem::path>& metadata_files) {
  for (const NewLog& log : logs) {
    const std::filesystem::path directory = log_dir / log.partition.ToString();
    if (io.Exists(directory)) continue;
    SLIP_RETURN_IF_ERROR(io.CreateDirectories(directory));
    if (log.topic_id.IsZero()) continue;
    const std::filesystem::path path = PartitionMetadataPath(directory);
    SLIP_RETURN_IF_ERROR(WriteTemporary(io, path, PartitionMetadataText(log.topic_id)).status());
    metadata_files.push_back(path);
  }
  return absl::OkStatus();
}

// Each from its temporary file, in order, up to the first that fails.
absl::Status TakeTheirNames(FileIo& io, const std::vector<std::filesystem::path>& files) {
  for (const std::filesystem::path& path : files) SLIP_RETURN_IF_ERROR(io.Rename(TemporaryOf(path), path));
  return absl::OkStatus();
}

}  // namespace

absl::Status MakePartitionDirectories(FileIo& io, File& log_dir, std::span<const NewLog> logs) {
  std::vector<std::filesystem::path> metadata_files;
  // Synced after a failure too: whoever finds a directory or a file there takes its name for durable.
  absl::Status made = MakeUnsynced(io, log_dir.path(), logs, metadata_files);
  SLIP_RETURN_IF_ERROR(log_dir.SyncFileSystem());
  if (metadata_files.empty()) return made;
  // Only now: a file gets its name once its content is on the disk.
  made.Update(TakeTheirNames(io, metadata_files));
  SLIP_RETURN_IF_ERROR(log_dir.SyncFileSystem());
  return made;
}

}  // namespace slipstream
