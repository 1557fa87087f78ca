#include "log/directory_lock.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include "log/status.h"

namespace slipstream {
namespace {

// A record lock does not exclude its own process; worse, closing any descriptor of the file drops it. So the
// directories held here are known before a file is opened.
std::mutex& HeldMutex() {
  static std::mutex mutex;
  return mutex;
}
std::set<std::pair<const FileIo*, std::string>>& Held() {
  static std::set<std::pair<const FileIo*, std::string>> held;
  return held;
}

std::string KeyOf(const std::filesystem::path& directory) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(directory, error);
  return (error ? directory.lexically_normal() : canonical).string();
}

absl::Status LockRecord(const File& file) {
  if (file.descriptor() < 0) return absl::OkStatus();  // a simulated disk has no other processes
  struct flock whole_file {};
  whole_file.l_type = F_WRLCK;
  whole_file.l_whence = SEEK_SET;
  if (::fcntl(file.descriptor(), F_SETLK, &whole_file) == 0) return absl::OkStatus();
  if (errno == EACCES || errno == EAGAIN)
    return absl::FailedPreconditionError(
        absl::StrCat(file.path().string(), ": the log directory is in use by another process"));
  return ErrnoToStatus(errno, "lock", file.path());
}

// False when whoever held it before has removed it between our opening and our locking it: the next one would make a
// new file, and lock that.
absl::StatusOr<bool> IsStillThere(const File& file) {
  if (file.descriptor() < 0) return true;
  struct stat locked {
  }, named{};
  if (::fstat(file.descriptor(), &locked) != 0) return ErrnoToStatus(errno, "stat", file.path());
  if (::stat(file.path().c_str(), &named) != 0) {
    if (errno == ENOENT) return false;
    return ErrnoToStatus(errno, "stat", file.path());
  }
  return locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

}  // namespace

DirectoryLock::DirectoryLock(FileIo& io, std::filesystem::path path, std::string key)
    : io_(io), path_(std::move(path)), key_(std::move(key)) {}

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(FileIo& io,
                                                                      const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / ".lock";
  std::string key = KeyOf(directory);
  {
    const std::lock_guard guard(HeldMutex());
    if (!Held().emplace(&io, key).second)
      return absl::FailedPreconditionError(
          absl::StrCat(path.string(), ": the log directory is already in use by this process"));
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(io, path, std::move(key)));
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<File> file, io.Open(path, OpenMode::kCreate));
    SLIP_RETURN_IF_ERROR(LockRecord(*file));
    SLIP_ASSIGN_OR_RETURN(const bool there, IsStillThere(*file));
    if (!there) continue;
    lock->file_ = std::move(file);
    return lock;
  }
}

DirectoryLock::~DirectoryLock() {
  if (file_ != nullptr) {
    (void)io_.Remove(path_);  // a stale empty file does no harm
    file_.reset();
  }
  const std::lock_guard guard(HeldMutex());
  Held().erase({&io_, key_});
}

}  // namespace slipstream
