// One log dir with one partition on a simulated disk, what is done to them, and what a crash may leave of it. The verbs
// do to the log what its owner in the fetcher does; once the process is dead they do nothing. An error that no crash
// explains is kept in error().
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "log/log_directory.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {

// What the log was, is, and may be again after a crash.
struct LogHistory {
  using Batch = std::vector<std::byte>;
  // The log as it was once: its batches from `first` on, also those that retention removed since.
  struct Version {
    Offset first{0}, end{0};
    std::vector<Batch> batches;
    std::vector<Batch> written;  // what they were before compaction; empty: it has seen none
  };
  std::vector<Version> versions{Version{}};  // no crash brings back any other; the last is the current one
  Offset durable{0};                         // the log told that everything below survives a power cut
  Offset log_start{0};                       // how far it was raised
  bool may_be_absent = true;                 // it is being made, or being deleted
  bool must_be_absent = false;               // its deletion is durable
};

class LogWorld {
 public:
  explicit LogWorld(WriteMode write_mode);
  ~LogWorld();

  // The machine after a power cut, or after only the process was killed: nothing is open. The killed one takes the
  // disk along: this world is over. REQUIRES: disk().crashed().
  std::unique_ptr<LogWorld> AfterPowerCut(Survives survives, uint64_t seed) const;
  std::unique_ptr<LogWorld> AfterKill() &&;

  SimulatedDisk& disk() { return *disk_; }
  LogHistory& history() { return history_; }
  PartitionLog& log() { return *log_; }
  const absl::Status& error() const { return error_; }
  bool offline() const { return directory_ != nullptr && directory_->health().offline(); }
  bool is_open() const { return directory_ != nullptr; }
  void RetryOnce() { retry_ = true; }  // whatever fails is done again before it counts

  void Open();
  void MakeLog();
  void MakeFuture();  // a future log, to which the verbs below go from now on
  void PromoteFuture();
  void Append(int batches, WriteHint hint = WriteHint::kCached);  // and flushes when that is due
  void AppendNow(int batches);                                    // the same, at once where nothing is to be waited for
  void Flush();
  void Checkpoint();
  void TruncateTo(int64_t offset);  // as every owner must, it writes the checkpoints first (LOG-103)
  void StartAnewAt(int64_t offset);
  void UseRemoteStorage();  // before Open(): remote.storage.enable
  // The leader has so many batches more, all below their end and from `log_start` on in remote storage only.
  void RebuildBehind(int batches, int64_t log_start);
  void RaiseLogStartTo(int64_t offset);
  void Maintain();             // deletes all segments but the last few, and removes the files of those deleted before
  void CleanUpByCompaction();  // before Open(): cleanup.policy=compact
  // A round, of records without keys: none but the last of each segment group and of each producer leaves a batch.
  // REQUIRES: flushed and checkpointed, all of one epoch.
  void Compact();
  void NextEpoch() { ++epoch_; }
  void Delete();
  void RemoveDeleted();
  void Close();

  // Opens the log dir and holds what is found against the history, whose only version it is from then on.
  absl::Status Recover();
  void GoOn();  // after that: the log is made when there is none, promoted when it is a future one

 private:
  LogWorld(const LogDirectoryConfig& config, std::unique_ptr<SimulatedDisk> disk, const LogHistory& history,
           int32_t epoch);

  void AppendBy(int batches, const std::function<absl::Status(ByteSpan run)>& append);
  bool Dead() const { return disk_->crashed() || !error_.ok(); }
  template <typename Operation>
  bool Do(const char* verb, Operation operation);  // false: the process died, or there is an error now
  bool CheckpointForCut(const LogOffsets& offsets);
  LogHistory::Version& current() { return history_.versions.back(); }
  void OnlyTheCurrentVersionIsLeft() {
    history_.versions.erase(history_.versions.begin(), history_.versions.end() - 1);
  }
  LogHistory::Batch NextBatch(const LogHistory::Version& version) const;
  absl::StatusOr<std::vector<LogHistory::Version>> VersionsOfCompaction() const;
  absl::Status CheckFound();
  absl::Status CheckEpochsInRemoteStorage() const;
  absl::Status Compare(const LogHistory::Version& version, const std::vector<LogHistory::Batch>& found) const;

  LogDirectoryConfig config_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<LogDirectory> directory_;
  PartitionLog* log_ = nullptr;
  LogHistory history_;
  int32_t epoch_ = 1;
  int64_t now_ = 1'000'000;  // of file.delete.delay.ms
  bool retry_ = false;
  absl::Status error_;
};

}  // namespace slipstream
