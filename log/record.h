// The records inside one batch of magic 2, decoded in place: keys, values and headers are views into the batch (or into
// its decompressed records). Layout and rules: LOG-08, LOG-10..LOG-14.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>

#include "log/bytes.h"
#include "log/offset.h"
#include "log/record_batch.h"

namespace slipstream {

struct RecordHeader {
  absl::string_view key;
  std::optional<ByteSpan> value;  // nullopt: null
};

// The headers of one record, whose bounds RecordCursor has checked.
class RecordHeaders {
 public:
  RecordHeaders() = default;
  RecordHeaders(ByteSpan bytes, int32_t count) : bytes_(bytes), remaining_(count) {}

  int32_t remaining() const { return remaining_; }
  // The next header; nullopt after the last one.
  std::optional<RecordHeader> Next();

 private:
  ByteSpan bytes_;
  int32_t remaining_ = 0;
};

struct Record {
  Offset offset;
  Timestamp timestamp;            // the append time when the batch has LogAppendTime, whatever the record says
  int32_t sequence = -1;          // -1: no producer
  std::optional<ByteSpan> key;    // nullopt: null
  std::optional<ByteSpan> value;  // nullopt: null, a tombstone in a compacted topic
  RecordHeaders headers;
};

// Steps over the records of a batch without allocating.
class RecordCursor {
 public:
  // `plain` is batch.records(), or what they decompress to. Both outlive the cursor and what it hands out.
  RecordCursor(RecordBatchView batch, ByteSpan plain);
  // For a batch that is not compressed.
  explicit RecordCursor(RecordBatchView batch) : RecordCursor(batch, batch.records()) {}

  // True: record() is the next one. False: all were seen, or the bytes are corrupt; status() tells which. The claimed
  // count is believed only as far as bytes follow, and no byte may be left behind the last record.
  bool Next();
  const Record& record() const { return record_; }
  ByteSpan bytes() const { return bytes_; }  // of record(), its length included
  const absl::Status& status() const { return status_; }

 private:
  bool Corrupt(absl::string_view what);

  RecordBatchView batch_;
  ByteSpan rest_, bytes_;
  int32_t seen_ = 0;
  int32_t last_delta_ = -1;
  Record record_;
  absl::Status status_;
};

}  // namespace slipstream
