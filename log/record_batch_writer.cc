#include "log/record_batch_writer.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "log/compression.h"
#include "log/crc32c.h"
#include "log/status.h"
#include "log/varint.h"

namespace slipstream {
namespace {

// Writes into memory that was sized for it, so that a record costs one growth of the batch.
class RecordEncoder {
 public:
  explicit RecordEncoder(std::span<std::byte> out) : out_(out) {}

  void Byte(uint8_t value) { out_[at_++] = std::byte{value}; }
  void Varint(uint64_t raw) {
    for (; raw >= 0x80; raw >>= 7) Byte(static_cast<uint8_t>(raw | 0x80));
    Byte(static_cast<uint8_t>(raw));
  }
  void Length(size_t length) { Varint(Zigzag(static_cast<int32_t>(length))); }
  void Bytes(ByteSpan bytes) {
    Length(bytes.size());
    std::ranges::copy(bytes, out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += bytes.size();
  }
  void NullableBytes(std::optional<ByteSpan> bytes) {
    if (bytes) {
      Bytes(*bytes);
    } else {
      Varint(Zigzag(int32_t{-1}));
    }
  }
  bool full() const { return at_ == out_.size(); }

 private:
  std::span<std::byte> out_;
  size_t at_ = 0;
};

size_t LengthBytes(size_t length) { return VarintBytes(Zigzag(static_cast<int32_t>(length))); }
size_t EncodedBytes(ByteSpan bytes) { return LengthBytes(bytes.size()) + bytes.size(); }
size_t EncodedBytes(std::optional<ByteSpan> bytes) { return bytes ? EncodedBytes(*bytes) : 1; }

size_t BodyBytes(const NewRecord& record, uint64_t timestamp_raw, uint32_t delta_raw) {
  size_t bytes = 1 + VarintBytes(timestamp_raw) + VarintBytes(delta_raw) + EncodedBytes(record.key) +
                 EncodedBytes(record.value) + LengthBytes(record.headers.size());
  for (const RecordHeader& header : record.headers)
    bytes += EncodedBytes(AsBytes(header.key)) + EncodedBytes(header.value);
  return bytes;
}

}  // namespace

RecordBatchWriter::RecordBatchWriter(const BatchOptions& options) : options_(options), batch_(kBatchHeaderBytes) {
  if (options_.delete_horizon) base_timestamp_ = *options_.delete_horizon;
}

void RecordBatchWriter::AppendAt(int32_t offset_delta, const NewRecord& record) {
  SLIP_CHECK_GE(offset_delta, next_delta_);
  if (record_count_ == 0 && !options_.delete_horizon) base_timestamp_ = record.timestamp;
  max_timestamp_ = std::max(max_timestamp_, record.timestamp);
  const uint64_t timestamp_raw = Zigzag(record.timestamp.value - base_timestamp_.value);
  const uint32_t delta_raw = Zigzag(offset_delta);
  const size_t body_bytes = BodyBytes(record, timestamp_raw, delta_raw);
  const size_t record_at = batch_.size();
  batch_.resize(record_at + LengthBytes(body_bytes) + body_bytes);

  RecordEncoder out(std::span<std::byte>(batch_).subspan(record_at));
  out.Length(body_bytes);
  out.Byte(0);  // attributes
  out.Varint(timestamp_raw);
  out.Varint(delta_raw);
  out.NullableBytes(record.key);
  out.NullableBytes(record.value);
  out.Length(record.headers.size());
  for (const RecordHeader& header : record.headers) {
    out.Bytes(AsBytes(header.key));
    out.NullableBytes(header.value);
  }
  SLIP_CHECK(out.full());
  ++record_count_;
  SkipTo(offset_delta);
  ++next_delta_;
}

void RecordBatchWriter::SkipTo(int32_t next_offset_delta) {
  SLIP_CHECK_GE(next_offset_delta, next_delta_);
  SLIP_CHECK_LT(next_offset_delta, std::numeric_limits<int32_t>::max());
  next_delta_ = next_offset_delta;
}

absl::Status RecordBatchWriter::CheckOptions() const {
  const auto refuse = [](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("record batch: ", what));
  };
  if (options_.producer_id < 0) {
    if (options_.is_transactional) return refuse("transactional without a producer id");
    return absl::OkStatus();
  }
  if (options_.producer_epoch < 0) return refuse("a producer id without a producer epoch");
  if (options_.base_sequence < 0 && !options_.is_control) return refuse("a producer id without a base sequence");
  return absl::OkStatus();
}

int16_t RecordBatchWriter::Attributes() const {
  int attributes = static_cast<int>(options_.compression);
  if (options_.log_append_time) attributes |= BatchAttribute::kLogAppendTime;
  if (options_.is_transactional) attributes |= BatchAttribute::kTransactional;
  if (options_.is_control) attributes |= BatchAttribute::kControl;
  if (options_.delete_horizon) attributes |= BatchAttribute::kDeleteHorizon;
  return static_cast<int16_t>(attributes);
}

absl::StatusOr<std::vector<std::byte>> RecordBatchWriter::Finish() && {
  SLIP_CHECK_GT(next_delta_, 0);
  SLIP_RETURN_IF_ERROR(CheckOptions());
  if (options_.compression != Compression::kNone && record_count_ > 0) {
    const std::vector<std::byte> compressed =
        Compress(options_.compression, ByteSpan(batch_).subspan(kBatchHeaderBytes));
    batch_.resize(kBatchHeaderBytes + compressed.size());
    std::ranges::copy(compressed, batch_.begin() + kBatchHeaderBytes);
  }
  WriteBigEndian<int32_t>(batch_, BatchField::kLength, static_cast<int32_t>(batch_.size() - kBatchOverheadBytes));
  batch_[BatchField::kMagic] = std::byte{2};
  WriteBigEndian(batch_, BatchField::kAttributes, Attributes());
  WriteBigEndian(batch_, BatchField::kLastOffsetDelta, next_delta_ - 1);
  WriteBigEndian(batch_, BatchField::kBaseTimestamp, base_timestamp_.value);
  WriteBigEndian(batch_, BatchField::kMaxTimestamp, options_.log_append_time.value_or(max_timestamp_).value);
  WriteBigEndian(batch_, BatchField::kProducerId, options_.producer_id);
  WriteBigEndian(batch_, BatchField::kProducerEpoch, options_.producer_epoch);
  WriteBigEndian(batch_, BatchField::kBaseSequence, options_.base_sequence);
  WriteBigEndian(batch_, BatchField::kRecordCount, record_count_);
  StampBaseOffset(batch_, options_.base_offset);
  StampLeaderEpoch(batch_, options_.partition_leader_epoch);
  WriteBigEndian(batch_, BatchField::kCrc, Crc32c(ByteSpan(batch_).subspan(BatchField::kAttributes)));
  return std::move(batch_);
}

std::vector<std::byte> BuildEndTransactionMarker(const BatchOptions& options, ControlType type,
                                                 int32_t coordinator_epoch, Timestamp timestamp) {
  SLIP_CHECK(type == ControlType::kAbort || type == ControlType::kCommit);
  std::vector<std::byte> key, value;
  AppendBigEndian<int16_t>(key, 0);  // version
  AppendBigEndian(key, static_cast<int16_t>(type));
  AppendBigEndian<int16_t>(value, 0);  // version
  AppendBigEndian(value, coordinator_epoch);
  BatchOptions marker = options;
  marker.compression = Compression::kNone;
  marker.is_transactional = true;
  marker.is_control = true;
  RecordBatchWriter writer(marker);
  writer.Append({.timestamp = timestamp, .key = key, .value = value});
  absl::StatusOr<std::vector<std::byte>> batch = std::move(writer).Finish();
  SLIP_CHECK(batch.ok());
  return *std::move(batch);
}

}  // namespace slipstream
