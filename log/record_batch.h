// Record batches as they lie on the wire and on disk: header fields read in place, nothing decoded, nothing copied.
// Layout and rules: LOG-01..LOG-09, LOG-15, LOG-30.
#pragma once

#include <absl/status/status.h>

#include <cstdint>

#include "log/bytes.h"
#include "log/offset.h"

namespace slipstream {

inline constexpr size_t kBatchOverheadBytes =
    12;  // base offset and length: common to every magic, not counted by the length
inline constexpr size_t kBatchPrefixBytes = 17;        // up to and including the magic byte, at 16 in every magic
inline constexpr size_t kBatchHeaderBytes = 61;        // magic 2
inline constexpr int32_t kLegacyMessageBytesMin = 14;  // the smallest length field of any entry

// Where the fields of the header lie. The first five are not under the CRC (LOG-03); nothing else says these numbers,
// but tests, which are to notice a wrong one.
struct BatchField {
  static constexpr size_t kBaseOffset = 0;             // i64
  static constexpr size_t kLength = 8;                 // i32, of what follows it
  static constexpr size_t kPartitionLeaderEpoch = 12;  // i32
  static constexpr size_t kMagic = 16;                 // i8
  static constexpr size_t kCrc = 17;                   // u32
  static constexpr size_t kAttributes = 21;            // i16; the first under the CRC
  static constexpr size_t kLastOffsetDelta = 23;       // i32
  static constexpr size_t kBaseTimestamp = 27;         // i64
  static constexpr size_t kMaxTimestamp = 35;          // i64
  static constexpr size_t kProducerId = 43;            // i64
  static constexpr size_t kProducerEpoch = 51;         // i16
  static constexpr size_t kBaseSequence = 53;          // i32
  static constexpr size_t kRecordCount = 57;           // i32
};

// Bits of the attributes (LOG-07).
struct BatchAttribute {
  static constexpr int16_t kCodec = 0x07;
  static constexpr int16_t kLogAppendTime = 0x08;
  static constexpr int16_t kTransactional = 0x10;
  static constexpr int16_t kControl = 0x20;
  static constexpr int16_t kDeleteHorizon = 0x40;
};

enum class Compression : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

// `delta` (>= 0) after `first`: producers' sequences wrap from 2^31-1 to 0 (LOG-06). -1, none, stays -1.
int32_t AdvanceSequence(int32_t first, int32_t delta);

// One whole batch of magic 2; its header's fields may be read of any 61 bytes. The bytes belong to the caller and
// outlive the view.
class RecordBatchView {
 public:
  // REQUIRES: bytes.size() >= kBatchHeaderBytes.
  explicit RecordBatchView(ByteSpan bytes) : bytes_(bytes) {}

  ByteSpan bytes() const { return bytes_; }
  ByteSpan records() const { return bytes_.subspan(kBatchHeaderBytes); }  // plain, or one compressed stream

  Offset base_offset() const { return {ReadBigEndian<int64_t>(bytes_, BatchField::kBaseOffset)}; }
  LeaderEpoch partition_leader_epoch() const {
    return {ReadBigEndian<int32_t>(bytes_, BatchField::kPartitionLeaderEpoch)};
  }
  int8_t magic() const { return static_cast<int8_t>(bytes_[BatchField::kMagic]); }
  uint32_t crc() const { return ReadBigEndian<uint32_t>(bytes_, BatchField::kCrc); }
  int16_t attributes() const { return ReadBigEndian<int16_t>(bytes_, BatchField::kAttributes); }
  int32_t last_offset_delta() const { return ReadBigEndian<int32_t>(bytes_, BatchField::kLastOffsetDelta); }
  Timestamp base_timestamp() const { return {ReadBigEndian<int64_t>(bytes_, BatchField::kBaseTimestamp)}; }
  Timestamp max_timestamp() const { return {ReadBigEndian<int64_t>(bytes_, BatchField::kMaxTimestamp)}; }
  int64_t producer_id() const { return ReadBigEndian<int64_t>(bytes_, BatchField::kProducerId); }
  int16_t producer_epoch() const { return ReadBigEndian<int16_t>(bytes_, BatchField::kProducerEpoch); }
  int32_t base_sequence() const { return ReadBigEndian<int32_t>(bytes_, BatchField::kBaseSequence); }
  int32_t record_count() const { return ReadBigEndian<int32_t>(bytes_, BatchField::kRecordCount); }

  Offset last_offset() const { return base_offset() + last_offset_delta(); }
  Offset next_offset() const { return last_offset() + 1; }
  int32_t last_sequence() const { return AdvanceSequence(base_sequence(), last_offset_delta()); }  // -1: none
  int8_t compression_code() const {
    return static_cast<int8_t>(attributes() & BatchAttribute::kCodec);
  }  // 5..7 are illegal
  bool has_log_append_time() const { return (attributes() & BatchAttribute::kLogAppendTime) != 0; }
  bool is_transactional() const { return (attributes() & BatchAttribute::kTransactional) != 0; }
  bool is_control() const { return (attributes() & BatchAttribute::kControl) != 0; }
  bool has_delete_horizon() const { return (attributes() & BatchAttribute::kDeleteHorizon) != 0; }

  bool CrcValid() const;  // CRC-32C over the attributes and all behind them (LOG-02)

 private:
  ByteSpan bytes_;
};

// Leaders and mirrors only: neither field is under the CRC (LOG-03). A follower never calls them.
void StampBaseOffset(std::span<std::byte> batch, Offset base_offset);
void StampLeaderEpoch(std::span<std::byte> batch, LeaderEpoch epoch);

// Steps over whole batches in memory: one response's records, or a window of a file.
class BatchWalker {
 public:
  // `at` is where bytes[0] lies in its file (or payload), for messages only.
  explicit BatchWalker(ByteSpan bytes, FilePosition at = {}) : bytes_(bytes), start_(at) {}

  // True: batch() is the next whole batch. False: the end, a cut last batch (normal in a fetch response), or corrupt
  // bytes; status() tells the last from the others. Checks framing only: CRCs are RecordBatchView::CrcValid's.
  // Old formats (magic 0, 1) are kUnimplemented: Kafka 4 brokers no longer write or send them.
  bool Next();
  RecordBatchView batch() const { return RecordBatchView(batch_); }
  FilePosition position() const { return start_ + batch_at_; }  // of batch()
  uint64_t valid_bytes() const { return next_at_; }             // whole batches seen so far, incl. batch()
  const absl::Status& status() const { return status_; }        // kDataLoss names the byte and what is wrong there

 private:
  // False. Sets status() when `rest`, which has no whole batch at its start, begins with corrupt bytes or an old
  // message.
  [[gnu::cold]] bool Stop(ByteSpan rest);

  ByteSpan bytes_;
  FilePosition start_;
  ByteSpan batch_;
  uint64_t batch_at_ = 0;
  uint64_t next_at_ = 0;
  absl::Status status_;
};

}  // namespace slipstream
