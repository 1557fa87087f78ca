#include "fetcher/leader/producer_table.h"

#include <algorithm>

#include "log/check.h"

namespace slipstream {

ProducerTable::Verdict ProducerTable::Check(RecordBatchView batch) const {
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return {};
  const Producer& producer = found->second;
  if (batch.producer_epoch() < producer.epoch) return {.error = KafkaError::kInvalidProducerEpoch, .duplicate_of = {}};
  if (batch.producer_epoch() > producer.epoch) {
    const bool starts_over = batch.base_sequence() == 0;
    return {.error = starts_over ? KafkaError::kNone : KafkaError::kOutOfOrderSequenceNumber, .duplicate_of = {}};
  }
  for (const StoredBatch& stored : producer.batches) {
    if (stored.first_sequence == batch.base_sequence() && stored.last_sequence == batch.last_sequence())
      return {.error = KafkaError::kNone, .duplicate_of = stored.base_offset};
  }
  const int32_t expected = AdvanceSequence(producer.batches[producer.newest].last_sequence, 1);
  if (batch.base_sequence() != expected) return {.error = KafkaError::kOutOfOrderSequenceNumber, .duplicate_of = {}};
  return {};
}

void ProducerTable::Remember(RecordBatchView batch, Offset base_offset) {
  SLIP_CHECK_GE(batch.producer_id(), 0);
  const auto [entry, is_new] = producers_.try_emplace(batch.producer_id());
  Producer& producer = entry->second;
  if (is_new || producer.epoch != batch.producer_epoch()) {
    producer = {};
    producer.epoch = batch.producer_epoch();
  }
  producer.newest = (producer.newest + 1) % kBatchesKept;
  producer.batches[producer.newest] = {batch.base_sequence(), batch.last_sequence(), base_offset};
  producer.last_use = ++uses_;
  if (producers_.size() > kProducersMax) ForgetOldest();
}

void ProducerTable::ForgetOldest() {
  producers_.erase(std::ranges::min_element(producers_, {}, [](const auto& entry) { return entry.second.last_use; }));
}

}  // namespace slipstream
