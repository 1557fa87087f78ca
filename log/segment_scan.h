// Reads a .log file from start to end through one big buffer, whole batches at a time: for recovery, which must see
// every byte.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "log/io/file_io.h"
#include "log/record_batch.h"

namespace slipstream {

class SegmentScan {
 public:
  // `buffer` is working space that the caller keeps from file to file; it grows for a batch larger than it.
  SegmentScan(File& file, uint64_t file_bytes, std::vector<std::byte>& buffer);

  // True: batch() is the next one with sound framing. False: the file ended, or what follows is torn or corrupt.
  // kUnimplemented: a format before magic 2, which must not be taken for corruption.
  absl::StatusOr<bool> Next();

  RecordBatchView batch() const { return walker_.batch(); }
  FilePosition position() const { return walker_.position(); }                       // of batch()
  FilePosition next_position() const { return buffer_at_ + walker_.valid_bytes(); }  // whole batches end here

 private:
  absl::StatusOr<bool> Refill();  // false: nothing more to read for the batch at next_position()

  File& file_;
  uint64_t file_bytes_;
  std::vector<std::byte>& buffer_;
  FilePosition buffer_at_;
  size_t buffer_filled_ = 0;
  BatchWalker walker_;
};

}  // namespace slipstream
