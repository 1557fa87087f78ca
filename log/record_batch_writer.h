// Builds one record batch of magic 2: for generators, the embedded leader's own batches, and tests.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/control_record.h"
#include "log/record.h"
#include "log/record_batch.h"

namespace slipstream {

struct BatchOptions {
  Offset base_offset{0};
  LeaderEpoch partition_leader_epoch{0};
  Compression compression = Compression::kNone;
  std::optional<Timestamp> log_append_time = std::nullopt;  // set: it is every record's timestamp
  std::optional<Timestamp> delete_horizon = std::nullopt;   // set: stands in the base timestamp's place
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  bool is_transactional = false;
  bool is_control = false;
};

struct NewRecord {
  Timestamp timestamp;
  std::optional<ByteSpan> key = std::nullopt;    // null
  std::optional<ByteSpan> value = std::nullopt;  // null
  std::span<const RecordHeader> headers = {};
};

class RecordBatchWriter {
 public:
  explicit RecordBatchWriter(const BatchOptions& options);

  // Adds a record at the next offset.
  void Append(const NewRecord& record) { AppendAt(next_delta_, record); }
  // Leaves a gap before the record, as compaction does. REQUIRES: offset_delta is not below the next one.
  void AppendAt(int32_t offset_delta, const NewRecord& record);
  // Moves the batch's last offset past its last record: compaction keeps it when it drops records. Same REQUIRES.
  void SkipTo(int32_t next_offset_delta);

  int32_t record_count() const { return record_count_; }
  size_t size_bytes() const { return batch_.size(); }  // before compression

  // The whole batch, CRC included; the writer is spent. kInvalidArgument when the options contradict each other
  // (LOG-09). REQUIRES: a record, or an offset skipped.
  absl::StatusOr<std::vector<std::byte>> Finish() &&;

 private:
  absl::Status CheckOptions() const;
  int16_t Attributes() const;

  BatchOptions options_;
  std::vector<std::byte> batch_;  // room for the header, then the records so far in plain
  int32_t record_count_ = 0;
  int32_t next_delta_ = 0;
  Timestamp base_timestamp_, max_timestamp_;
};

// The marker that ends a transaction, byte for byte as brokers write it (LOG-17). `options` names producer, epoch and
// place. REQUIRES: kAbort or kCommit.
std::vector<std::byte> BuildEndTransactionMarker(const BatchOptions& options, ControlType type,
                                                 int32_t coordinator_epoch, Timestamp timestamp);

}  // namespace slipstream
