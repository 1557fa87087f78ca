// A disk in memory that forgets what a real one may forget: per file the content that was fsynced and the changes
// since, per directory the names that were fsynced and the changes since. The process may be killed after any call, the
// power cut, any call made to fail. Thread-safe.
//
// What is promised is what POSIX promises and no more: fsync of a file keeps its content and size but not its name,
// fsync of a directory keeps the names in it. Changes to the names of one directory survive in the order in which they
// were made, up to some point, as on every file system with a journal, unless a test asks for less. Nothing orders data
// against names, or one file against another.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "log/io/file_io.h"
#include "tests/support/disk_node.h"

namespace slipstream {

class SimulatedDisk final : public FileIo {
 public:
  struct Options {
    std::optional<DirectAlignment> direct = DirectAlignment{.file = 512, .memory = 512};  // nullopt: no direct writes
  };
  struct Call {
    const char* what;  // "write", "fsync", ...
    std::string path;
    bool changes;  // what is on the disk, or what of it is durable
    bool syncs;
  };

  SimulatedDisk() : SimulatedDisk(Options()) {}
  explicit SimulatedDisk(const Options& options);
  ~SimulatedDisk() override;

  // Calls that can fail on a real disk, from the first on: how many there were, and which while they were recorded.
  uint64_t call_count() const { return call_count_; }
  void RecordCalls() { recording_ = true; }
  const std::vector<Call>& recorded_calls() const { return calls_; }
  // `calls` more take place; all later ones fail and change nothing: the process is dead.
  void CrashAfter(uint64_t calls);
  bool crashed() const { return crashed_; }
  // The process was killed, the machine runs on: all that it saw is still there, durable or not (F15).
  void Restart();
  // The `number`th call from now on (0: the next) fails with `error`. A write leaves half of its bytes. What a failed
  // fsync should have made durable never will be, though it can still be read, and the next fsync succeeds (F32).
  void FailCall(uint64_t number, absl::Status error);
  bool failed_one() const { return failed_one_; }
  const std::string& failed_call() const { return failed_call_; }  // what it was

  // The disk as the next process finds it when the power fails now. The same seed gives the same disk.
  std::unique_ptr<SimulatedDisk> AfterPowerCut(Survives survives, uint64_t seed) const;
  // Every file as it can be read now.
  std::map<std::filesystem::path, std::string> Files() const;

  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override;
  bool Exists(const std::filesystem::path& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override;
  absl::Status CreateDirectories(const std::filesystem::path& path) override;
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override;  // in one directory
  absl::Status Remove(const std::filesystem::path& path) override;
  absl::Status RemoveTree(const std::filesystem::path& path) override;

 private:
  class OpenFile;
  enum class Effect { kNone, kChanges, kSyncs };

  DiskNode* FindNode(const std::filesystem::path& path) const;
  std::shared_ptr<DiskNode> FindShared(const std::filesystem::path& path) const;
  absl::Status Begin(const char* what, const std::filesystem::path& path, Effect effect);
  static void RemoveAll(DiskNode& directory);
  static void Change(DiskNode& directory, std::string removed, std::string added, std::shared_ptr<DiskNode> node);

  mutable std::mutex mutex_;
  Options options_;
  std::shared_ptr<DiskNode> root_;
  uint64_t call_count_ = 0;
  bool recording_ = false;
  std::vector<Call> calls_;
  uint64_t writes_ = 0;  // numbers them, to know the last one
  uint64_t crash_at_ = std::numeric_limits<uint64_t>::max(), fail_at_ = std::numeric_limits<uint64_t>::max();
  absl::Status fail_with_;
  bool crashed_ = false, failed_one_ = false;
  std::string failed_call_;
};

}  // namespace slipstream
