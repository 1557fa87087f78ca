#include "log/compaction/batch_rewrite.h"

#include <algorithm>

#include "log/check.h"
#include "log/compression.h"
#include "log/crc32c.h"
#include "log/varint.h"

namespace slipstream {
namespace {

void Append(std::vector<std::byte>& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// Only the timestamp's delta changes, and with it the length.
void AppendWithBase(std::vector<std::byte>& out, const KeptRecord& record, Timestamp base) {
  ByteCursor cursor(record.bytes);
  cursor.ZigzagVarint();  // length
  const size_t attributes_at = cursor.position();
  cursor.Int8();
  cursor.ZigzagVarlong();  // timestamp delta
  SLIP_CHECK(!cursor.failed());
  const ByteSpan rest = record.bytes.subspan(cursor.position());
  const uint64_t delta =
      Zigzag(static_cast<int64_t>(static_cast<uint64_t>(record.timestamp.value) - static_cast<uint64_t>(base.value)));
  AppendVarint(out, Zigzag(static_cast<int32_t>(1 + VarintBytes(delta) + rest.size())));
  out.push_back(record.bytes[attributes_at]);
  AppendVarint(out, delta);
  Append(out, rest);
}

// All that depends on the rest of the batch.
void Finish(std::vector<std::byte>& batch) {
  WriteBigEndian<int32_t>(batch, BatchField::kLength, static_cast<int32_t>(batch.size() - kBatchOverheadBytes));
  WriteBigEndian<uint32_t>(batch, BatchField::kCrc, Crc32c(ByteSpan(batch).subspan(BatchField::kAttributes)));
}

}  // namespace

void RewriteBatch(const RecordBatchView& batch, std::span<const KeptRecord> kept,
                  std::optional<Timestamp> delete_horizon, std::vector<std::byte>& out) {
  const ByteSpan header = batch.bytes().first(kBatchHeaderBytes);
  out.assign(header.begin(), header.end());
  Timestamp largest;
  for (const KeptRecord& record : kept) {
    largest = std::max(largest, record.timestamp);
    if (delete_horizon) {
      AppendWithBase(out, record, *delete_horizon);
    } else {
      Append(out, record.bytes);
    }
  }
  if (batch.compression_code() != 0 && !kept.empty()) {
    const std::vector<std::byte> stream =
        Compress(static_cast<Compression>(batch.compression_code()), ByteSpan(out).subspan(kBatchHeaderBytes));
    out.resize(kBatchHeaderBytes);
    Append(out, stream);
  }
  if (delete_horizon) {
    WriteBigEndian<int16_t>(out, BatchField::kAttributes,
                            static_cast<int16_t>(batch.attributes() | BatchAttribute::kDeleteHorizon));
    WriteBigEndian<int64_t>(out, BatchField::kBaseTimestamp, delete_horizon->value);
  }
  if (!batch.has_log_append_time()) WriteBigEndian<int64_t>(out, BatchField::kMaxTimestamp, largest.value);
  WriteBigEndian<int32_t>(out, BatchField::kRecordCount, static_cast<int32_t>(kept.size()));
  Finish(out);
}

void EmptyBatch(const RecordBatchView& batch, std::vector<std::byte>& out) {
  const ByteSpan header = batch.bytes().first(kBatchHeaderBytes);
  out.assign(header.begin(), header.end());
  WriteBigEndian<int16_t>(
      out, BatchField::kAttributes,
      static_cast<int16_t>(batch.attributes() & ~(BatchAttribute::kCodec | BatchAttribute::kDeleteHorizon)));
  WriteBigEndian<int64_t>(out, BatchField::kBaseTimestamp, Timestamp{}.value);  // none
  WriteBigEndian<int32_t>(out, BatchField::kRecordCount, 0);
  Finish(out);
}

}  // namespace slipstream
