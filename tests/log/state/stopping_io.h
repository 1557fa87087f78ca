// A disk that stops working after so many calls that change it, as if the process had been killed there. The write that
// it stops at leaves half of its bytes.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/io/file_io.h"
#include "log/status.h"

namespace slipstream {

class StoppingIo final : public FileIo {
 public:
  explicit StoppingIo(FileIo& io) : io_(io) {}
  int changes_left = std::numeric_limits<int>::max();

  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override {
    const bool may_change = mode != OpenMode::kRead && mode != OpenMode::kDirectory;
    if (may_change && !TakeChange()) return Stopped();
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<File> file, io_.Open(path, mode));
    return std::make_unique<StoppingFile>(*this, std::move(file));
  }
  bool Exists(const std::filesystem::path& path) override { return io_.Exists(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override {
    return io_.List(directory, directories);
  }
  absl::Status CreateDirectories(const std::filesystem::path& path) override {
    return TakeChange() ? io_.CreateDirectories(path) : Stopped();
  }
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return TakeChange() ? io_.Rename(from, to) : Stopped();
  }
  absl::Status Remove(const std::filesystem::path& path) override {
    return TakeChange() ? io_.Remove(path) : Stopped();
  }
  absl::Status RemoveTree(const std::filesystem::path& path) override {
    return TakeChange() ? io_.RemoveTree(path) : Stopped();
  }

 private:
  class StoppingFile final : public File {
   public:
    StoppingFile(StoppingIo& io, std::unique_ptr<File> file) : io_(io), file_(std::move(file)) {}
    absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) override {
      return file_->ReadAt(into, at);
    }
    absl::Status WriteAt(ByteSpan bytes, FilePosition at) override {
      if (io_.TakeChange()) return file_->WriteAt(bytes, at);
      if (io_.changes_left == -1) (void)file_->WriteAt(bytes.first(bytes.size() / 2), at);
      return Stopped();
    }
    absl::StatusOr<uint64_t> Size() override { return file_->Size(); }
    absl::Status Truncate(uint64_t size) override { return io_.TakeChange() ? file_->Truncate(size) : Stopped(); }
    absl::Status Sync() override { return io_.TakeChange() ? file_->Sync() : Stopped(); }
    absl::Status SyncFileSystem() override { return io_.TakeChange() ? file_->SyncFileSystem() : Stopped(); }
    absl::Status Allocate(uint64_t size) override { return io_.TakeChange() ? file_->Allocate(size) : Stopped(); }
    std::optional<DirectAlignment> PrepareDirect() override { return std::nullopt; }
    absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte>, FilePosition) override {
      return absl::UnimplementedError("direct read");
    }
    absl::Status WriteDirectAt(DirectParts, FilePosition) override { return absl::UnimplementedError("direct write"); }
    int direct_descriptor() const override { return -1; }
    absl::StatusOr<Timestamp> ModifiedAt() override { return file_->ModifiedAt(); }
    absl::Status SetModifiedAt(Timestamp time) override {
      return io_.TakeChange() ? file_->SetModifiedAt(time) : Stopped();
    }
    int descriptor() const override { return file_->descriptor(); }
    const std::filesystem::path& path() const override { return file_->path(); }

   private:
    StoppingIo& io_;
    std::unique_ptr<File> file_;
  };

  bool TakeChange() { return --changes_left >= 0; }
  static absl::Status Stopped() { return absl::UnavailableError("stopped"); }

  FileIo& io_;
};

}  // namespace slipstream
