// Files of deleted segments that are to leave the disk now, taken out of their log, which may be closed or deleted
// meanwhile. Should the log delete another segment of the same base before they are gone, its files get the same names
// and may go with them, ahead of their time; who has them open reads on.
#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "log/asio.h"
#include "log/directory_health.h"
#include "log/io/file_io.h"

namespace slipstream {

struct DeletedFiles {
  FileIo* io = nullptr;  // of their log dir; outlives this
  std::shared_ptr<DirectoryHealth> health;
  std::vector<std::filesystem::path> paths;

  // Removes the last of them, which leaves the list at once and comes back when it cannot be removed; the others may be
  // taken off meanwhile. REQUIRES: !paths.empty(); this stays where it is.
  asio::awaitable<absl::Status> RemoveOne(IoQueue& queue);
};

}  // namespace slipstream
