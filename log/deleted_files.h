// Files of deleted segments that are to leave the disk now. Belongs to whoever took them from their log, which may be
// closed or deleted meanwhile: nobody else knows their names any more.
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

  // Removes the last of them, which stays when it cannot be removed. REQUIRES: !paths.empty().
  asio::awaitable<absl::Status> RemoveOne(IoQueue& queue);
};

}  // namespace slipstream
