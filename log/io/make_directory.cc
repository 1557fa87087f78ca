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
  SLIP_RETURN_IF_ERROR(io.CreateDirectories(directory));
  return io.SyncDirectory(parent);
}

absl::Status SyncNameOf(FileIo& io, const std::filesystem::path& path) { return io.SyncDirectory(ParentOf(path)); }

}  // namespace slipstream
