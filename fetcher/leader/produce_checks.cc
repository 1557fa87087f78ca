#include "fetcher/leader/produce_checks.h"

#include <absl/strings/str_cat.h>

#include <vector>

#include "log/compression.h"
#include "log/record.h"

namespace slipstream {
namespace {

constexpr int16_t kZstdFromVersion = 7;
// Of one batch: the most that a client can make this process hold while it looks inside.
constexpr size_t kPlainBytesMax = 256 << 20;

ProduceVerdict Refuse(KafkaError error, absl::string_view why) { return {error, std::string(why.data(), why.size())}; }
ProduceVerdict Invalid(absl::string_view why) { return Refuse(KafkaError::kInvalidRecord, why); }

ProduceVerdict CheckHeader(RecordBatchView batch, int16_t version) {
  const int32_t count = batch.record_count();
  if (batch.base_offset() != Offset{0})
    return Invalid(absl::StrCat("the base offset should be 0, it is ", batch.base_offset().value));
  if (count <= 0 || int64_t{batch.last_offset_delta()} + 1 != count)
    return Invalid(
        absl::StrCat("record count ", count, " and last offset delta ", batch.last_offset_delta(), " disagree"));
  if (batch.is_control()) return Invalid("clients may not write control batches");
  if (batch.has_log_append_time()) return Invalid("producers may not set the log append time");
  if (batch.is_transactional()) return Refuse(KafkaError::kInvalidRequest, "transactions are not supported");
  if (batch.producer_id() >= 0 && (batch.base_sequence() < 0 || batch.producer_epoch() < 0))
    return Invalid("a producer id needs an epoch and a sequence");
  if (batch.compression_code() > static_cast<int8_t>(Compression::kZstd))
    return Refuse(KafkaError::kUnsupportedCompressionType, absl::StrCat("compression type ", batch.compression_code()));
  if (batch.compression_code() == static_cast<int8_t>(Compression::kZstd) && version < kZstdFromVersion)
    return Refuse(KafkaError::kUnsupportedCompressionType, "zstd needs a newer produce version");
  return {};
}

// Deltas rise by one from 0, and there are as many records as the header says.
ProduceVerdict CheckInside(RecordBatchView batch, bool keys_needed) {
  std::vector<std::byte> storage;
  const absl::StatusOr<ByteSpan> plain = PlainRecords(batch, kPlainBytesMax, storage);
  if (absl::IsResourceExhausted(plain.status())) return Refuse(KafkaError::kMessageTooLarge, plain.status().message());
  if (!plain.ok()) return Refuse(KafkaError::kCorruptMessage, plain.status().message());
  RecordCursor cursor(batch, *plain);
  for (Offset expected = batch.base_offset(); cursor.Next(); expected = expected + 1) {
    if (cursor.record().offset != expected)
      return Invalid(absl::StrCat("record ", expected.value, " has offset delta ", cursor.record().offset.value));
    if (keys_needed && !cursor.record().key)
      return Invalid(absl::StrCat("record ", expected.value, " has no key, and the topic is compacted by keys"));
  }
  return cursor.status().ok() ? ProduceVerdict{} : Invalid(cursor.status().message());
}

}  // namespace

ProduceVerdict CheckProducedRecords(ByteSpan records, int16_t version, int32_t batch_bytes_max, bool compacted) {
  BatchWalker walker(records);
  if (!walker.Next()) {
    if (absl::IsUnimplemented(walker.status())) return Invalid("only batches of magic 2 are accepted");
    return walker.status().ok() ? Invalid("there must be exactly one batch, there is none")
                                : Refuse(KafkaError::kCorruptMessage, walker.status().message());
  }
  const RecordBatchView batch = walker.batch();
  if (batch.bytes().size() != records.size()) return Invalid("there must be exactly one batch, there is more");
  if (records.size() > static_cast<size_t>(batch_bytes_max))
    return Refuse(KafkaError::kMessageTooLarge,
                  absl::StrCat("batch of ", records.size(), " bytes, ", batch_bytes_max, " is the most allowed"));
  if (!batch.CrcValid()) return Refuse(KafkaError::kCorruptMessage, "the CRC is wrong");
  ProduceVerdict verdict = CheckHeader(batch, version);
  return verdict.error == KafkaError::kNone ? CheckInside(batch, compacted) : verdict;
}

}  // namespace slipstream
