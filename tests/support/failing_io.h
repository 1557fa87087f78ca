// The machine's file system, but for the files that a test spoils.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/io/file_io.h"

namespace slipstream {

class FailingIo final : public FileIo {
 public:
  // Asked before a file is opened to be written: an error is the result of the opening.
  std::function<absl::Status(const std::filesystem::path& path)> before_write;
  // Told after each opening that went well.
  std::function<void(const std::filesystem::path& path)> after_open;
  // Asked before a file is removed.
  std::function<absl::Status(const std::filesystem::path& path)> before_remove;
  // Asked before something is renamed.
  std::function<absl::Status(const std::filesystem::path& from)> before_rename;

  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override {
    if (before_write && mode != OpenMode::kRead && mode != OpenMode::kDirectory) {
      if (absl::Status failed = before_write(path); !failed.ok()) return failed;
    }
    absl::StatusOr<std::unique_ptr<File>> file = SystemFileIo().Open(path, mode);
    if (file.ok() && after_open) after_open(path);
    return file;
  }
  bool Exists(const std::filesystem::path& path) override { return SystemFileIo().Exists(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override {
    return SystemFileIo().List(directory, directories);
  }
  absl::Status CreateDirectories(const std::filesystem::path& path) override {
    return SystemFileIo().CreateDirectories(path);
  }
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (before_rename) {
      if (absl::Status failed = before_rename(from); !failed.ok()) return failed;
    }
    return SystemFileIo().Rename(from, to);
  }
  absl::Status Remove(const std::filesystem::path& path) override {
    if (before_remove) {
      if (absl::Status failed = before_remove(path); !failed.ok()) return failed;
    }
    return SystemFileIo().Remove(path);
  }
  absl::Status RemoveTree(const std::filesystem::path& path) override { return SystemFileIo().RemoveTree(path); }
};

}  // namespace slipstream
