// Which leader epoch began at which offset of one partition: the table that truncation after an election goes by.
// Rules: EC-01..EC-09, LOG-124..LOG-129. File: leader-epoch-checkpoint. Belongs to one PartitionLog, its thread.
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "log/io/file_io.h"
#include "log/offset.h"

namespace slipstream {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start_offset;  // of the first record written in this epoch
  auto operator<=>(const EpochStart&) const = default;
};

class LeaderEpochCache {
 public:
  // Reads the checkpoint file, if there is one. kDataLoss names file and line.
  static absl::StatusOr<LeaderEpochCache> Load(FileIo& io, const std::filesystem::path& path);

  // Notes that `epoch` began at `start_offset`, in memory until Save. No effect when the newest entry has that epoch
  // and starts no later; else entries with an epoch >= or start >= are replaced. kInvalidArgument when either is
  // negative.
  absl::Status Note(LeaderEpoch epoch, Offset start_offset);
  // The same for who saves it before a record is appended: costs no write, whatever the file has that the cache forgot.
  absl::Status NoteToBeSaved(LeaderEpoch epoch, Offset start_offset);
  // Writes what was noted; no effect when that was done. Returns once the file is durable.
  absl::Status Save();
  // Save in two steps, for many caches at once: the first writes a file beside it, which takes its place in the second.
  // REQUIRES: what the first wrote was made durable in between, and nothing noted. Durable once the directory is synced
  // after it.
  absl::Status BeginSave();
  absl::Status FinishSave();
  // Notes and saves at once.
  absl::Status Assign(LeaderEpoch epoch, Offset start_offset);
  // True when Note would change nothing, also of what there is to save: the hot path asks this per batch.
  bool Covers(LeaderEpoch epoch, Offset start_offset) const;

  // Removes entries that start at or after `offset`; negative: no effect.
  absl::Status TruncateFromEnd(Offset offset);
  // The same in memory. REQUIRES: `offset` is where the log ends. There the file may keep them as long as no record
  // lies behind, since whoever reads it does the same: the next Note takes them away first.
  void ForgetFromEnd(Offset offset);
  // Removes entries that start at or before `offset` and puts the last of them back at `offset`.
  absl::Status TruncateFromStart(Offset offset);
  absl::Status Clear();
  // All at once: a crash leaves the old entries or these. REQUIRES: rising in both columns. On error the cache is as it
  // was, and the file may hold entries that the cache does not.
  absl::Status Replace(std::vector<EpochStart> entries);

  std::optional<LeaderEpoch> latest_epoch() const;
  const std::vector<EpochStart>& entries() const { return entries_; }  // rising in epoch and start
  std::optional<LeaderEpoch> EpochForOffset(Offset offset) const;      // nullopt below the first entry

  // EC-05: the largest epoch <= `epoch` and where it ends; both -1 when unknown.
  EpochEndOffset EndOffsetFor(LeaderEpoch epoch, Offset log_end_offset) const;

 private:
  LeaderEpochCache(FileIo& io, const std::filesystem::path& path) : io_(&io), path_(path.native()) {}
  bool Holds(LeaderEpoch epoch, Offset start_offset) const;
  FileIo* io_;
  std::string path_;                 // a tenth of a parsed path, and there are very many of these
  std::vector<EpochStart> entries_;  // invariant: rising in both columns
  bool unsaved_ = false;             // the file lacks the newest of them
  bool trimmed_ = false;             // the file has some behind them, which start where the log ended
};

}  // namespace slipstream
