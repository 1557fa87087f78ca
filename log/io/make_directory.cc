#include "log/io/make_directory.h"

#include "log/status.h"

namespace slipstream {
namespace {

std::filesystem::path ParentOf(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace

absl::Status MakeDirectory(FileIo& io, const std::filesystem::path& directory) {
  const std::filesystem::path parent = ParentOf(directory);
  if (parent == directory || io.Exists(directory)) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(MakeDirectory(io, parent));
  // Opened first: a directory that was made, but not synced for want of a descriptor, would count as made before.
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> names, io.Open(parent, OpenMode::kDirectory));
  SLIP_RETURN_IF_ERROR(io.CreateDirectories(directory));
  return names->Sync();
}

absl::Status SyncNameOf(FileIo& io, const std::filesystem::path& path) { return io.SyncDirectory(ParentOf(path)); }

}  // namespace slipstream
