// Keeps a log directory to one user at a time: the `.lock` file with an exclusive POSIX record lock, which also keeps a
// Kafka broker out (LOG-57).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <string>

#include "log/io/file_io.h"

namespace slipstream {

class DirectoryLock {
 public:
  // kFailedPrecondition when another process, or another DirectoryLock of this one, holds it. Any thread.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Acquire(FileIo& io, const std::filesystem::path& directory);
  ~DirectoryLock();  // removes the file, then lets go

  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  DirectoryLock(FileIo& io, std::filesystem::path path, std::string key);

  FileIo& io_;
  std::filesystem::path path_;
  std::string key_;  // names the directory among those that this process holds
  std::unique_ptr<File> file_;
};

}  // namespace slipstream
