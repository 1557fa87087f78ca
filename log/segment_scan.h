// Reads a .log file from start to end through one big buffer, whole batches at a time: for recovery and compaction,
// which must see every byte.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "log/io/file_io.h"
#include "log/record_batch.h"

namespace slipstream {

enum class ScanMode {
  kCached,  // through the page cache
  kDirect,  // past it where the file system can: of a file that is not in memory, and need not be
};

class SegmentScan {
 public:
  // `buffer` is working space that the caller keeps from file to file; it grows for a batch larger than it.
  SegmentScan(File& file, uint64_t file_bytes, std::vector<std::byte>& buffer, ScanMode mode = ScanMode::kCached);

  // True: batch() is the next one with sound framing. False: the file ended, or what follows is torn or corrupt.
  // kUnimplemented: a format before magic 2, which must not be taken for corruption. kDataLoss: the file is shorter
  // than it was said to be.
  absl::StatusOr<bool> Next();

  RecordBatchView batch() const { return walker_.batch(); }
  FilePosition position() const { return walker_.position(); }                       // of batch()
  FilePosition next_position() const { return walk_from_ + walker_.valid_bytes(); }  // whole batches end here

 private:
  absl::StatusOr<bool> Refill();  // false: nothing more to read for the batch at next_position()
  absl::Status ReadOn(FilePosition keep_from, uint64_t bytes_min);
  FilePosition window_end() const { return window_at_ + window_filled_; }

  File& file_;
  uint64_t file_bytes_;
  std::vector<std::byte>& buffer_;
  bool direct_ = false;
  uint64_t block_bytes_ = 1;     // the window begins at a multiple of it in the file, and ends so but at its end
  std::span<std::byte> window_;  // the aligned part of buffer_
  FilePosition window_at_;       // of window_[0] in the file
  uint64_t window_filled_ = 0;
  FilePosition walk_from_;  // where walker_ began
  BatchWalker walker_;
};

}  // namespace slipstream
