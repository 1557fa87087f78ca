// Steps over the headers of batches in a .log file without reading their records: for searches and index rebuilds.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>

#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/record_batch.h"

namespace slipstream {

class BatchHeaderReader {
 public:
  // `from` is the start of a batch, `end` where the written part of the file ends. The file outlives this.
  BatchHeaderReader(File& file, FilePosition from, FilePosition end) : file_(file), next_(from), end_(end) {}

  // True: header() is the next batch's. False: no whole batch is left before the end; next_position() is then where the
  // whole ones end. kDataLoss names file and byte of a bad header; kUnimplemented a format before magic 2 (LOG-31).
  absl::StatusOr<bool> Next();

  // The header alone: no records, no CRC check.
  RecordBatchView header() const { return RecordBatchView(header_); }
  FilePosition position() const { return position_; }
  uint64_t size_bytes() const { return next_.value - position_.value; }
  FilePosition next_position() const { return next_; }

 private:
  // The bytes of the next header, from the window or read anew; shorter than a header at the end.
  absl::StatusOr<ByteSpan> PeekHeader();

  File& file_;
  FilePosition position_, next_, end_;
  ByteSpan header_;
  FilePosition window_at_;
  size_t window_bytes_ = 0;
  std::array<std::byte, 4096> window_;  // one read serves many small batches
};

}  // namespace slipstream
