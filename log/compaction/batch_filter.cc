#include "log/compaction/batch_filter.h"

#include "log/compression.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kPlainBytesMax = 256 << 20;  // of one batch

bool HorizonPassed(const RecordBatchView& batch, Timestamp now) {
  return batch.has_delete_horizon() && batch.base_timestamp() <= now;
}

}  // namespace

bool RecordSurvives(const Record& record, std::optional<Offset> newest, Offset map_end, bool tombstones_may_go) {
  if (record.offset >= map_end) return true;
  if (!record.key || (newest && *newest > record.offset)) return false;
  return record.value || !tombstones_may_go;
}

bool HoldsProducerState(const RecordBatchView& batch, const ActiveProducers& producers) {
  const auto found = producers.find(batch.producer_id());
  if (batch.producer_id() < 0 || found == producers.end()) return false;
  const ActiveProducer& producer = found->second;
  if (producer.last_data_offset) return batch.last_offset() == *producer.last_data_offset;
  return batch.is_control() && batch.producer_epoch() == producer.epoch;
}

absl::StatusOr<ByteSpan> PlainForCompaction(const RecordBatchView& batch, std::vector<std::byte>& storage) {
  absl::StatusOr<ByteSpan> plain = PlainRecords(batch, kPlainBytesMax, storage);
  if (absl::IsResourceExhausted(plain.status())) return absl::FailedPreconditionError(plain.status().message());
  return plain;
}

absl::StatusOr<bool> BatchFilter::CollectKept(const RecordBatchView& batch) {
  SLIP_ASSIGN_OR_RETURN(const ByteSpan plain, PlainForCompaction(batch, plain_));
  const bool tombstones_may_go = HorizonPassed(batch, rules_.now);
  bool tombstones = false;
  RecordCursor records(batch, plain);
  while (records.Next()) {
    const Record& record = records.record();
    if (!batch.is_control()) {
      const std::optional<Offset> newest = record.key ? map_.Find(*record.key) : std::nullopt;
      if (!RecordSurvives(record, newest, rules_.map_end, tombstones_may_go)) continue;
      tombstones |= !record.value;
    }
    kept_.push_back({records.bytes(), record.timestamp});
  }
  SLIP_RETURN_IF_ERROR(records.status());
  return tombstones;
}

absl::StatusOr<ByteSpan> BatchFilter::Filter(const RecordBatchView& batch) {
  marker_ = {};
  const bool holds_state = HoldsProducerState(batch, producers_);
  bool discard = false;  // all records
  if (batch.is_control()) {
    SLIP_ASSIGN_OR_RETURN(marker_, transactions_.OnControl(batch));
    // Readers may still be on the way through the transaction when its data goes: the marker waits as a tombstone does.
    discard = !marker_.needed && !holds_state && HorizonPassed(batch, rules_.now);
  } else {
    discard = transactions_.OnData(batch);
  }
  kept_.clear();
  bool tombstones = false;
  if (!discard) {
    SLIP_ASSIGN_OR_RETURN(tombstones, CollectKept(batch));
  }
  records_seen_ += static_cast<uint64_t>(batch.record_count());
  records_kept_ += kept_.size();
  const bool complete = kept_.size() == static_cast<size_t>(batch.record_count());
  if (kept_.empty()) {
    if (!holds_state) return ByteSpan();
    if (complete && batch.bytes().size() == kBatchHeaderBytes) return batch.bytes();
    EmptyBatch(batch, rewritten_);
    return ByteSpan(rewritten_);
  }
  const bool stamp = (tombstones || !marker_.needed) && !batch.has_delete_horizon();
  if (complete && !stamp) return batch.bytes();
  RewriteBatch(batch, kept_,
               stamp ? std::optional(Timestamp{rules_.now.value + rules_.delete_retention.count()}) : std::nullopt,
               rewritten_);
  return ByteSpan(rewritten_);
}

}  // namespace slipstream
