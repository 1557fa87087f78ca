#include "log/directory_io.h"

#include <utility>

#include "log/status.h"

namespace slipstream {
namespace {

absl::Status RefuseWhenOffline(const DirectoryHealth& health) {
  return health.offline() ? Annotate(health.cause(), "log dir is offline") : absl::OkStatus();
}

absl::Status AfterRead(DirectoryHealth& health, const absl::Status& read) {
  if (absl::IsUnavailable(read)) health.TakeOffline(read);
  return read;
}

absl::Status AfterChange(DirectoryHealth& health, const absl::Status& changed) {
  if (IsDiskFailure(changed)) health.TakeOffline(changed);
  return changed;
}

// A failed fsync may have lost what was written, and the next one may say nothing of it.
absl::Status AfterSync(DirectoryHealth& health, const absl::Status& synced) {
  if (!synced.ok()) health.TakeOffline(synced);
  return synced;
}

// Shares the health: a reader may hold the file longer than the log dir lives.
class DirectoryFile final : public File {
 public:
  DirectoryFile(std::unique_ptr<File> file, std::shared_ptr<DirectoryHealth> health)
      : file_(std::move(file)), health_(std::move(health)) {}

  absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) override {
    absl::StatusOr<size_t> got = file_->ReadAt(into, at);
    if (!got.ok()) return AfterRead(*health_, got.status());
    return got;
  }
  absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte> into, FilePosition at) override {
    absl::StatusOr<size_t> got = file_->ReadDirectAt(into, at);
    if (!got.ok()) return AfterRead(*health_, got.status());
    return got;
  }
  absl::Status WriteAt(ByteSpan bytes, FilePosition at) override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterChange(*health_, file_->WriteAt(bytes, at));
  }
  absl::StatusOr<uint64_t> Size() override { return file_->Size(); }
  absl::Status Truncate(uint64_t size) override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterChange(*health_, file_->Truncate(size));
  }
  absl::Status Allocate(uint64_t size) override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterChange(*health_, file_->Allocate(size));
  }
  std::optional<DirectAlignment> PrepareDirect() override { return file_->PrepareDirect(); }
  absl::Status WriteDirectAt(DirectParts parts, FilePosition at) override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterChange(*health_, file_->WriteDirectAt(parts, at));
  }
  absl::Status Sync() override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterSync(*health_, file_->Sync());
  }
  absl::Status SyncFileSystem() override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterSync(*health_, file_->SyncFileSystem());
  }
  absl::StatusOr<Timestamp> ModifiedAt() override { return file_->ModifiedAt(); }
  absl::Status SetModifiedAt(Timestamp time) override {
    SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
    return AfterChange(*health_, file_->SetModifiedAt(time));
  }
  int descriptor() const override { return file_->descriptor(); }
  int direct_descriptor() const override { return file_->direct_descriptor(); }
  const std::filesystem::path& path() const override { return file_->path(); }

 private:
  std::unique_ptr<File> file_;
  std::shared_ptr<DirectoryHealth> health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<File>> DirectoryIo::Open(const std::filesystem::path& path, OpenMode mode) {
  const bool may_create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  if (may_create) SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
  const bool reads = mode == OpenMode::kRead || mode == OpenMode::kDirectory;
  absl::StatusOr<std::unique_ptr<File>> file = io_.Open(path, mode);
  if (!file.ok()) return reads ? AfterRead(*health_, file.status()) : AfterChange(*health_, file.status());
  return std::make_unique<DirectoryFile>(*std::move(file), health_);
}

absl::StatusOr<std::vector<std::string>> DirectoryIo::List(const std::filesystem::path& directory, bool directories) {
  absl::StatusOr<std::vector<std::string>> names = io_.List(directory, directories);
  if (!names.ok()) return AfterRead(*health_, names.status());
  return names;
}

absl::Status DirectoryIo::CreateDirectories(const std::filesystem::path& path) {
  SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
  return AfterChange(*health_, io_.CreateDirectories(path));
}

absl::Status DirectoryIo::Rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
  return AfterChange(*health_, io_.Rename(from, to));
}

absl::Status DirectoryIo::Remove(const std::filesystem::path& path) {
  SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
  return AfterChange(*health_, io_.Remove(path));
}

absl::Status DirectoryIo::RemoveTree(const std::filesystem::path& path) {
  SLIP_RETURN_IF_ERROR(RefuseWhenOffline(*health_));
  return io_.RemoveTree(path);
}
}  // namespace slipstream
