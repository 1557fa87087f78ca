// The disk as the log sees it: one of the four seams behind which the simulator runs the product's own code. Nothing
// else in the project opens, reads, writes, renames or lists a file.
//   FileIo   opens and arranges files, any thread, blocking (short calls: open, rename, list, directory fsync)
//   File     one open file; blocking reads and small writes
//   IoQueue  bulk writes, fsyncs and removals of one thread, asynchronous (io_uring, or a fallback where that is
//   refused)
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/asio.h"
#include "log/bytes.h"
#include "log/offset.h"

namespace slipstream {

// Errors of every call below: kNotFound (ENOENT), kAlreadyExists (EEXIST), kInvalidArgument (ENAMETOOLONG),
// kPermissionDenied (EACCES, EPERM, EROFS), kResourceExhausted (ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE, ENOMEM),
// kUnavailable (EIO and all else). The message names the path, the call and the system's own words.
absl::Status ErrnoToStatus(int error_number, absl::string_view call, const std::filesystem::path& path);
// Of an fsync that failed: kUnavailable whatever the number, for a full disk too. What it had to write may be gone, so
// this is never taken for a lack that passes.
absl::Status SyncErrnoToStatus(int error_number, const std::filesystem::path& path);

// What reading and writing past the page cache asks of places in the file and of addresses in memory: both are
// multiples of these. Powers of two, at most kDirectAlignmentMax.
struct DirectAlignment {
  uint32_t file = 0, memory = 0;
};
inline constexpr uint32_t kDirectAlignmentMax = 4096;

// Pieces of memory that lie side by side in the file; empty ones are skipped.
using DirectParts = std::array<ByteSpan, 3>;

class File {
 public:
  virtual ~File() = default;  // closes

  // Reads until `into` is full or the file ends; returns the bytes read.
  virtual absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) = 0;
  // Writes all of `bytes` through the page cache. On error any prefix may have been written.
  virtual absl::Status WriteAt(ByteSpan bytes, FilePosition at) = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Cuts or grows (with zeros) to exactly `size` bytes.
  virtual absl::Status Truncate(uint64_t size) = 0;
  // Makes the file at least `size` bytes long (with zeros), with room on the disk for all of them, so that writing
  // there finds no full disk. kResourceExhausted when there is no room; the file may then be longer than before.
  virtual absl::Status Allocate(uint64_t size) = 0;
  // nullopt: the file system has no direct reads and writes. Asking opens a second descriptor.
  virtual std::optional<DirectAlignment> PrepareDirect() = 0;
  // As ReadAt, past the page cache: what is read once and never again leaves no pages behind. REQUIRES:
  // PrepareDirect() gave the alignment that `at` and the address and size of `into` keep.
  virtual absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte> into, FilePosition at) = 0;
  // Writes `parts` one after the other, past the page cache. REQUIRES: PrepareDirect() gave the alignment that `at` and
  // every part's address and size keep.
  virtual absl::Status WriteDirectAt(DirectParts parts, FilePosition at) = 0;
  // fsync. An error, always kUnavailable, means the data may be gone for good: never retry it (INV-20).
  virtual absl::Status Sync() = 0;
  // syncfs: makes durable all that was written and named on the file system that the file lies on, by whomever; of many
  // small changes it costs a fraction of their fsyncs. Errors as Sync's, of anybody's file there; those of writes from
  // before this one was opened may go unheard.
  virtual absl::Status SyncFileSystem() = 0;
  // Last modification, milliseconds since 1970.
  virtual absl::StatusOr<Timestamp> ModifiedAt() = 0;
  // For a file that takes the place of others: retention of records without a time goes by it (LOG-108).
  virtual absl::Status SetModifiedAt(Timestamp time) = 0;
  // For sendfile and io_uring; -1 on a simulated disk.
  virtual int descriptor() const = 0;
  virtual int direct_descriptor() const = 0;  // after PrepareDirect
  virtual const std::filesystem::path& path() const = 0;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // created when absent, kept as it is when present
  kCreateNew,  // must not exist (kAlreadyExists)
  kDirectory,  // a directory, which must exist: only for its syncs
};

class FileIo {
 public:
  virtual ~FileIo() = default;

  // kInvalidArgument for a pipe or a device, which would block or have no size.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) = 0;
  virtual bool Exists(const std::filesystem::path& path) = 0;
  // Names (not paths) in the directory, sorted; with `directories` true only directories, else only plain files.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) = 0;
  virtual absl::Status CreateDirectories(const std::filesystem::path& path) = 0;
  virtual absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual absl::Status Remove(const std::filesystem::path& path) = 0;  // OK when it is not there
  virtual absl::Status RemoveTree(const std::filesystem::path& path) = 0;
  // Makes creations, renames and removals in the directory durable. kResourceExhausted: there was no descriptor for it,
  // so nothing was tried, and a later call may do it. Where that would come too late, the directory is opened (with
  // kDirectory) before the first change, and its Sync() follows the last.
  absl::Status SyncDirectory(const std::filesystem::path& path);
};

// The bound of files that grow with producers and transactions: what Kafka can read of them.
inline constexpr uint64_t kLargeFileBytesMax = std::numeric_limits<int32_t>::max();
// The whole content of a small file. kResourceExhausted above `bytes_max`.
absl::StatusOr<std::string> ReadWholeFile(FileIo& io, const std::filesystem::path& path, uint64_t bytes_max = 64 << 20);
// Write <path>.tmp, fsync, rename over the target, fsync the directory: readers see the old content or the new
// (LOG-53). Short of descriptors, or on a full disk, it is the old.
absl::Status ReplaceFile(FileIo& io, const std::filesystem::path& path, absl::string_view content);
// Its first step, for who replaces many at once: writes <path>.tmp, which is not durable yet.
absl::StatusOr<std::unique_ptr<File>> WriteTemporary(FileIo& io, const std::filesystem::path& path,
                                                     absl::string_view content);
std::filesystem::path TemporaryOf(std::filesystem::path path);

// The machine's own file system. Thread-safe; lives for the whole process.
FileIo& SystemFileIo();

enum class WriteHint {
  kCached,  // the tail: readers will want it soon, leave it in the page cache
  kBulk,    // catching up: write through and do not keep the pages, where the file system can (RWF_DONTCACHE)
};

// Queues I/O of one thread and resumes the awaiting coroutine on that thread. Operations finish in any order.
class IoQueue {
 public:
  // `write_now_bytes_max`: so few are in the page cache before a queue would have begun. 0: all writes are to be
  // queued.
  explicit IoQueue(size_t write_now_bytes_max) : write_now_bytes_max_(write_now_bytes_max) {}
  virtual ~IoQueue() = default;

  // Writes all of `bytes`, or fails with any part written. `bytes` and `file` stay untouched until this returns
  // (INV-21).
  virtual asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint hint) = 0;
  // The same at once, through the page cache. REQUIRES: bytes.size() <= write_now_bytes_max().
  virtual absl::Status WriteNow(File& file, ByteSpan bytes, FilePosition at) { return file.WriteAt(bytes, at); }
  size_t write_now_bytes_max() const { return write_now_bytes_max_; }
  // As File::WriteDirectAt, without blocking the thread; the same duties as Write's.
  virtual asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) = 0;
  // As File::Sync, without blocking the thread.
  virtual asio::awaitable<absl::Status> Sync(File& file) = 0;
  // As FileIo::Remove, without blocking the thread where that can be: a disk takes 0.2 s and more to free a GB. `io` is
  // the one that the queue's files are of.
  virtual asio::awaitable<absl::Status> Remove(FileIo& io, const std::filesystem::path& path);

 protected:
  void set_write_now_bytes_max(size_t bytes) { write_now_bytes_max_ = bytes; }

 private:
  size_t write_now_bytes_max_;  // not a virtual call: each small append asks
};

}  // namespace slipstream
