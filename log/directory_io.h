// The disk of one log dir: any FileIo, but what its errors mean for the whole directory is decided here, in one place
// for logs, indexes, checkpoints and names (LOG-143, INV-20). The first fsync that fails, whatever its words, the first
// other change that the disk refuses, and the first byte that it cannot read take the directory offline; from then on
// nothing in it is changed. A file that was taken away, a disk that is full and a lack of descriptors are no such
// failure, nor is a tree that cannot be removed: nobody needs it any more. Thread-safe as the FileIo below it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/directory_health.h"
#include "log/io/file_io.h"

namespace slipstream {

class DirectoryIo final : public FileIo {
 public:
  DirectoryIo(FileIo& io, std::shared_ptr<DirectoryHealth> health) : io_(io), health_(std::move(health)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override;
  bool Exists(const std::filesystem::path& path) override { return io_.Exists(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override;
  absl::Status CreateDirectories(const std::filesystem::path& path) override;
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  absl::Status Remove(const std::filesystem::path& path) override;
  absl::Status RemoveTree(const std::filesystem::path& path) override;

 private:
  FileIo& io_;
  std::shared_ptr<DirectoryHealth> health_;
};

}  // namespace slipstream
