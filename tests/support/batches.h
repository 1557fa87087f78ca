// Builds valid record batches of magic 2 (LOG-01, LOG-10, LOG-17) for tests and benchmarks.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "log/bytes.h"
#include "log/crc32c.h"
#include "log/record_batch.h"

namespace slipstream {

struct BatchSpec {
  int64_t base_offset = 0;
  int32_t record_count = 1;
  int32_t leader_epoch = 0;
  int64_t base_timestamp = 1000;
  int64_t timestamp_step = 1;  // from one record to the next
  size_t value_bytes = 10;     // of each record
  uint8_t fill = 'v';          // what the values are made of
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  bool transactional = false;
  std::optional<int16_t> control_type = {};       // 0 ABORT, 1 COMMIT: a marker, which has one record
  int16_t extra_attributes = 0;                   // bits to set besides those that follow from the above
  std::optional<int32_t> last_offset_delta = {};  // above record_count - 1: compaction removed the last records
};

// Makes the CRC right again after a deliberate change under it.
inline void SealBatch(std::span<std::byte> batch) {
  WriteBigEndian<uint32_t>(batch, 17, Crc32c(ByteSpan(batch).subspan(21)));
}

namespace batches_internal {

inline void AppendVarint(std::vector<std::byte>& out, int64_t value) {
  uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; zigzag >= 0x80; zigzag >>= 7) out.push_back(static_cast<std::byte>(zigzag | 0x80));
  out.push_back(static_cast<std::byte>(zigzag));
}

inline void AppendRecord(std::vector<std::byte>& out, const BatchSpec& spec, int32_t index) {
  std::vector<std::byte> body(1);  // record attributes: always 0
  AppendVarint(body, index * spec.timestamp_step);
  AppendVarint(body, index);
  if (spec.control_type) {
    AppendVarint(body, 4);
    AppendBigEndian<int16_t>(body, 0);  // version
    AppendBigEndian<int16_t>(body, *spec.control_type);
    AppendVarint(body, 6);
    AppendBigEndian<int16_t>(body, 0);
    AppendBigEndian<int32_t>(body, 0);  // coordinator epoch
  } else {
    AppendVarint(body, -1);  // no key
    AppendVarint(body, static_cast<int64_t>(spec.value_bytes));
    body.insert(body.end(), spec.value_bytes, static_cast<std::byte>(spec.fill));
  }
  AppendVarint(body, 0);  // headers
  AppendVarint(out, static_cast<int64_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
}

}  // namespace batches_internal

inline void AppendBatch(std::vector<std::byte>& out, const BatchSpec& spec) {
  std::vector<std::byte> batch(kBatchHeaderBytes);
  for (int32_t i = 0; i < spec.record_count; ++i) batches_internal::AppendRecord(batch, spec, i);
  const int32_t last_delta = spec.last_offset_delta.value_or(spec.record_count > 0 ? spec.record_count - 1 : 0);
  const int64_t last_step =
      spec.record_count > 0 && spec.timestamp_step > 0 ? (spec.record_count - 1) * spec.timestamp_step : 0;
  int attributes = spec.extra_attributes;
  if (spec.transactional || spec.control_type) attributes |= 0x10;
  if (spec.control_type) attributes |= 0x20;
  WriteBigEndian<int64_t>(batch, 0, spec.base_offset);
  WriteBigEndian<int32_t>(batch, 8, static_cast<int32_t>(batch.size() - kBatchOverheadBytes));
  WriteBigEndian<int32_t>(batch, 12, spec.leader_epoch);
  batch[16] = std::byte{2};
  WriteBigEndian<int16_t>(batch, 21, static_cast<int16_t>(attributes));
  WriteBigEndian<int32_t>(batch, 23, last_delta);
  WriteBigEndian<int64_t>(batch, 27, spec.base_timestamp);
  WriteBigEndian<int64_t>(batch, 35, spec.base_timestamp + last_step);
  WriteBigEndian<int64_t>(batch, 43, spec.producer_id);
  WriteBigEndian<int16_t>(batch, 51, spec.producer_epoch);
  WriteBigEndian<int32_t>(batch, 53, spec.base_sequence);
  WriteBigEndian<int32_t>(batch, 57, spec.record_count);
  SealBatch(batch);
  out.insert(out.end(), batch.begin(), batch.end());
}

inline std::vector<std::byte> MakeBatch(const BatchSpec& spec) {
  std::vector<std::byte> out;
  AppendBatch(out, spec);
  return out;
}

inline std::vector<std::byte> MakeBatches(std::initializer_list<BatchSpec> specs) {
  std::vector<std::byte> out;
  for (const BatchSpec& spec : specs) AppendBatch(out, spec);
  return out;
}

// Of magic 1, at offset 1, without key and value.
inline std::vector<std::byte> MakeOldMessage() {
  std::vector<std::byte> message;
  AppendBigEndian<int64_t>(message, 1);
  AppendBigEndian<int32_t>(message, 22);
  AppendBigEndian<uint32_t>(message, 0xA6F6E129);
  AppendBigEndian<int16_t>(message, 0x0100);
  AppendBigEndian<int64_t>(message, 1000);
  AppendBigEndian<int32_t>(message, -1);
  AppendBigEndian<int32_t>(message, -1);
  return message;
}

// `count` batches like `first`, each beginning where the one before it ends, in offsets and in timestamps.
inline std::vector<std::byte> MakeRun(BatchSpec first, int count) {
  std::vector<std::byte> out;
  for (int i = 0; i < count; ++i) {
    AppendBatch(out, first);
    first.base_offset += first.last_offset_delta.value_or(first.record_count - 1) + 1;
    first.base_timestamp += first.record_count * first.timestamp_step;
    if (first.base_sequence >= 0) first.base_sequence += first.record_count;
  }
  return out;
}

}  // namespace slipstream
