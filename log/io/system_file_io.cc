// FileIo over the machine's own file system.
#include <absl/strings/str_cat.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "log/io/file_io.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr std::filesystem::perms kDirectoryMode = static_cast<std::filesystem::perms>(0750);

// Debian 12's headers do not know STATX_DIOALIGN (Linux 6.1) yet.
constexpr unsigned kStatxDioAlign = 0x2000;
constexpr size_t kDioMemAlignAt = 152, kDioOffsetAlignAt = 156;

std::optional<DirectAlignment> AskDirectAlignment(const std::filesystem::path& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), 0, kStatxDioAlign, &info) != 0 || (info.stx_mask & kStatxDioAlign) == 0)
    return std::nullopt;
  const ByteSpan raw = std::as_bytes(std::span(&info, 1));
  DirectAlignment alignment;
  std::memcpy(&alignment.memory, raw.subspan(kDioMemAlignAt).data(), sizeof(alignment.memory));
  std::memcpy(&alignment.file, raw.subspan(kDioOffsetAlignAt).data(), sizeof(alignment.file));
  const auto usable = [](uint32_t value) { return std::has_single_bit(value) && value <= kDirectAlignmentMax; };
  if (!usable(alignment.memory) || !usable(alignment.file)) return std::nullopt;
  return alignment;
}

class SystemFile final : public File {
 public:
  SystemFile(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~SystemFile() override {
    ::close(descriptor_);
    if (direct_ >= 0) ::close(direct_);
  }
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;

  absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) override {
    return ReadFrom(descriptor_, into, at, /*unit=*/1);
  }

  absl::Status WriteAt(ByteSpan bytes, FilePosition at) override {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at.value));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return ErrnoToStatus(put < 0 ? errno : EIO, "write", path_);
      bytes = bytes.subspan(static_cast<size_t>(put));
      at = at + static_cast<uint64_t>(put);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return ErrnoToStatus(errno, "stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return ErrnoToStatus(errno, "truncate", path_);
    return absl::OkStatus();
  }

  absl::Status Allocate(uint64_t size) override {
    if (::fallocate(descriptor_, 0, 0, static_cast<off_t>(size)) == 0) return absl::OkStatus();
    if (errno != EOPNOTSUPP) return ErrnoToStatus(errno, "allocate", path_);
    SLIP_ASSIGN_OR_RETURN(const uint64_t present, Size());
    return size > present ? Truncate(size) : absl::OkStatus();
  }

  std::optional<DirectAlignment> PrepareDirect() override {
    if (!direct_asked_) {
      direct_asked_ = true;
      alignment_ = AskDirectAlignment(path_);
      if (alignment_) direct_ = ::open(path_.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
      if (direct_ < 0) alignment_.reset();
    }
    return alignment_;
  }

  absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte> into, FilePosition at) override {
    return ReadFrom(direct_, into, at, alignment_->file);
  }

  absl::Status WriteDirectAt(DirectParts parts, FilePosition at) override {
    for (ByteSpan part : parts) {
      while (!part.empty()) {
        const ssize_t put = ::pwrite(direct_, part.data(), part.size(), static_cast<off_t>(at.value));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return ErrnoToStatus(put < 0 ? errno : EIO, "write", path_);
        part = part.subspan(static_cast<size_t>(put));
        at = at + static_cast<uint64_t>(put);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (::fsync(descriptor_) != 0) return SyncErrnoToStatus(errno, path_);
    return absl::OkStatus();
  }

  absl::Status SyncFileSystem() override {
    if (::syncfs(descriptor_) != 0) return SyncErrnoToStatus(errno, path_);
    return absl::OkStatus();
  }

  absl::StatusOr<Timestamp> ModifiedAt() override {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return ErrnoToStatus(errno, "stat", path_);
    return Timestamp{info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000};
  }

  absl::Status SetModifiedAt(Timestamp time) override {
    const timespec modified{.tv_sec = time.value / 1000, .tv_nsec = time.value % 1000 * 1000000};
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, modified};
    if (::futimens(descriptor_, times) != 0) return ErrnoToStatus(errno, "futimens", path_);
    return absl::OkStatus();
  }

  int descriptor() const override { return descriptor_; }
  int direct_descriptor() const override { return direct_; }
  const std::filesystem::path& path() const override { return path_; }

 private:
  // A read that ends off a multiple of `unit` has met the end of the file.
  absl::StatusOr<size_t> ReadFrom(int descriptor, std::span<std::byte> into, FilePosition at, uint32_t unit) {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          ::pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(at.value + done));
      if (got == 0) break;
      if (got < 0 && errno == EINTR) continue;
      // Some file systems let a file be opened so, and then refuse.
      if (got < 0 && errno == EINVAL && descriptor == direct_) return ReadAt(into, at);
      if (got < 0) return ErrnoToStatus(errno, "read", path_);
      done += static_cast<size_t>(got);
      if (done % unit != 0) break;
    }
    return done;
  }

  int descriptor_;
  std::filesystem::path path_;
  bool direct_asked_ = false;
  int direct_ = -1;
  std::optional<DirectAlignment> alignment_;
};

int OpenFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kDirectory: return O_RDONLY | O_DIRECTORY;
  }
  return O_RDONLY;
}

absl::Status FromErrorCode(const std::error_code& error, absl::string_view call, const std::filesystem::path& path) {
  return error ? ErrnoToStatus(error.value(), call, path) : absl::OkStatus();
}

class SystemIo final : public FileIo {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override {
    if (struct stat found; mode != OpenMode::kDirectory && ::lstat(path.c_str(), &found) == 0 &&
                           (S_ISFIFO(found.st_mode) || S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)))
      return absl::InvalidArgumentError(absl::StrCat("open ", path.string(), ": is not a plain file"));
    const int link = mode == OpenMode::kDirectory ? 0 : O_NOFOLLOW;  // a log dir may lie behind one
    const int descriptor = ::open(path.c_str(), OpenFlags(mode) | O_CLOEXEC | link, kFileMode);
    if (descriptor < 0) return ErrnoToStatus(errno, "open", path);
    return std::make_unique<SystemFile>(descriptor, path);
  }

  bool Exists(const std::filesystem::path& path) override {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override {
    std::error_code error;
    std::filesystem::directory_iterator entries(directory, error);
    std::vector<std::string> names;
    while (!error && entries != std::filesystem::directory_iterator()) {
      std::error_code ignored;  // an entry that vanished meanwhile is neither a file nor a directory
      const bool wanted = directories ? entries->is_directory(ignored) : entries->is_regular_file(ignored);
      if (wanted) names.push_back(entries->path().filename().string());
      entries.increment(error);
    }
    if (error) return ErrnoToStatus(error.value(), "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status CreateDirectories(const std::filesystem::path& path) override {
    std::error_code error;
    const bool created = std::filesystem::create_directories(path, error);
    if (error) return ErrnoToStatus(error.value(), "create directory", path);
    if (created) std::filesystem::permissions(path, kDirectoryMode, error);
    return FromErrorCode(error, "chmod", path);
  }

  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    std::error_code error;
    std::filesystem::rename(from, to, error);
    return FromErrorCode(error, "rename", from);
  }

  absl::Status Remove(const std::filesystem::path& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoToStatus(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::Status RemoveTree(const std::filesystem::path& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return FromErrorCode(error, "remove", path);
  }
};

}  // namespace

absl::Status ErrnoToStatus(int error_number, absl::string_view call, const std::filesystem::path& path) {
  const std::string message =
      absl::StrCat(call, " ", path.string(), ": ", std::generic_category().message(error_number));
  switch (error_number) {
    case ENOENT: return absl::NotFoundError(message);
    case EEXIST: return absl::AlreadyExistsError(message);
    case EACCES:
    case EPERM:
    case EROFS: return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return absl::ResourceExhaustedError(message);
    case ENAMETOOLONG: return absl::InvalidArgumentError(message);  // no fault of the disk
    default: return absl::UnavailableError(message);
  }
}

absl::Status SyncErrnoToStatus(int error_number, const std::filesystem::path& path) {
  return absl::UnavailableError(ErrnoToStatus(error_number, "fsync", path).message());
}

absl::Status FileIo::SyncDirectory(const std::filesystem::path& path) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> directory, Open(path, OpenMode::kDirectory));
  return directory->Sync();
}

asio::awaitable<absl::Status> IoQueue::Remove(FileIo& io, const std::filesystem::path& path) {
  co_return io.Remove(path);
}

absl::StatusOr<std::string> ReadWholeFile(FileIo& io, const std::filesystem::path& path, uint64_t bytes_max) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io.Open(path, OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > bytes_max)
    return absl::ResourceExhaustedError(
        absl::StrCat("read ", path.string(), ": ", size, " bytes, at most ", bytes_max));
  std::string content(size, '\0');
  SLIP_ASSIGN_OR_RETURN(const size_t got, file->ReadAt(std::as_writable_bytes(std::span(content)), FilePosition{0}));
  content.resize(got);
  return content;
}

std::filesystem::path TemporaryOf(std::filesystem::path path) {
  path += ".tmp";
  return path;
}

absl::StatusOr<std::unique_ptr<File>> WriteTemporary(FileIo& io, const std::filesystem::path& path,
                                                     absl::string_view content) {
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<File> file, io.Open(TemporaryOf(path), OpenMode::kCreate));
  SLIP_RETURN_IF_ERROR(file->Truncate(0));
  SLIP_RETURN_IF_ERROR(file->WriteAt(std::as_bytes(std::span(content.data(), content.size())), FilePosition{0}));
  return file;
}

absl::Status ReplaceFile(FileIo& io, const std::filesystem::path& path, absl::string_view content) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> directory, io.Open(path.parent_path(), OpenMode::kDirectory));
  {
    SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, WriteTemporary(io, path, content));
    SLIP_RETURN_IF_ERROR(file->Sync());
  }
  SLIP_RETURN_IF_ERROR(io.Rename(TemporaryOf(path), path));
  return directory->Sync();
}

FileIo& SystemFileIo() {
  static SystemIo io;
  return io;
}

}  // namespace slipstream
