// The segments that one group of a log's segments is cleaned into: written as .cleaned files, with their indexes, and
// made durable. As a rule one; a second begins where what survives outgrows segment.bytes, as delete horizons may make
// it.
#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "log/io/file_io.h"
#include "log/partition_log.h"
#include "log/record_batch.h"
#include "log/segment.h"

namespace slipstream {

class CleanedSegments {
 public:
  // So much is written before it goes to the disk. No fsync takes longer than that needs, however large the segment:
  // who stops the round waits for it.
  static constexpr uint64_t kUnsyncedBytesMax = 8 << 20;

  // `config` outlives this.
  CleanedSegments(FileIo& io, const std::filesystem::path& directory, Offset base_offset, const LogConfig& config);

  // The next batch that stays.
  absl::Status Add(const RecordBatchView& batch);
  // Of the marker that was added last.
  absl::Status AddAborted(const AbortedTransactionEntry& entry);
  // All is on the disk, under names that wait for the swap; the files are as old as `modified` says.
  absl::Status Finish(Timestamp modified);
  // Removes the files again.
  void Discard();
  // Marks them .deleted instead, and returns those names: to remove a large file takes the disk a while.
  std::vector<std::filesystem::path> MarkDeleted();

  const std::vector<Offset>& base_offsets() const { return base_offsets_; }
  uint64_t bytes() const { return bytes_; }

 private:
  absl::Status Start(Offset base_offset);
  absl::Status Write();  // what waits in buffer_
  absl::Status Complete();
  bool Fits(const RecordBatchView& batch) const;
  std::vector<std::filesystem::path> TakePaths();  // of all files there may be; none is used any more

  FileIo& io_;
  StoredPath directory_;
  const LogConfig& config_;
  std::vector<Offset> base_offsets_;
  std::vector<std::shared_ptr<File>> log_files_;  // of those that are complete
  std::unique_ptr<Segment> segment_;              // nullptr: none was begun yet
  std::vector<std::byte> buffer_;                 // staged in segment_
  uint64_t segment_bytes_ = 0;
  uint64_t unsynced_bytes_ = 0;  // of segment_
  Offset end_offset_;            // of what was added
  uint64_t bytes_ = 0;
};

}  // namespace slipstream
