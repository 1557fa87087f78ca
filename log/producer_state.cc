#include "log/producer_state.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/control_record.h"
#include "log/status.h"

namespace slipstream {

std::optional<ProducerBatch> ProducerState::last_batch() const {
  if (batch_count == 0) return std::nullopt;
  return batches[batch_count - 1];
}

void ProducerState::BecomeEpoch(int16_t new_epoch) {
  if (std::exchange(epoch, new_epoch) != new_epoch) batch_count = 0;
}

void ProducerState::AddBatch(const ProducerBatch& batch) {
  if (batch_count < kBatchesMax)
    ++batch_count;
  else
    for (size_t i = 1; i < kBatchesMax; ++i) batches[i - 1] = batches[i];
  batches[batch_count - 1] = batch;
}

bool ProducerState::operator==(const ProducerState& other) const {
  return epoch == other.epoch && coordinator_epoch == other.coordinator_epoch &&
         last_timestamp == other.last_timestamp && transaction_first_offset == other.transaction_first_offset &&
         std::equal(batches.begin(), batches.begin() + batch_count, other.batches.begin(),
                    other.batches.begin() + other.batch_count);
}

std::optional<CompletedTransaction> ProducerStateTable::Apply(const RecordBatchView& batch) {
  AdvanceEndTo(batch.next_offset());
  const int64_t producer_id = batch.producer_id();
  if (producer_id < 0) return std::nullopt;
  if (batch.is_control()) return ApplyMarker(batch);
  ProducerState& state = producers_[producer_id];
  state.BecomeEpoch(batch.producer_epoch());
  state.AddBatch({batch.last_sequence(), batch.last_offset(), batch.last_offset_delta(), batch.max_timestamp()});
  state.last_timestamp = batch.max_timestamp();
  if (batch.is_transactional() && !state.transaction_first_offset) {
    state.transaction_first_offset = batch.base_offset();
    open_[batch.base_offset()] = producer_id;
  }
  return std::nullopt;
}

std::optional<CompletedTransaction> ProducerStateTable::ApplyMarker(const RecordBatchView& batch) {
  // None: compaction has emptied the batch, or it is of a kind that ends no transaction (LOG-187).
  const absl::StatusOr<std::optional<TransactionMarker>> marker = ReadTransactionMarker(batch);
  if (!marker.ok() || !*marker) return std::nullopt;
  const int64_t producer_id = batch.producer_id();
  ProducerState& state = producers_[producer_id];
  state.BecomeEpoch(batch.producer_epoch());
  state.coordinator_epoch = (*marker)->coordinator_epoch;
  state.last_timestamp = batch.max_timestamp();
  if (!state.transaction_first_offset) return std::nullopt;
  const CompletedTransaction completed{producer_id, *state.transaction_first_offset, batch.last_offset(),
                                       (*marker)->type == ControlType::kAbort};
  state.transaction_first_offset.reset();
  open_.erase(completed.first_offset);
  unreplicated_[completed.first_offset] = completed.last_offset;
  return completed;
}

Offset ProducerStateTable::LastStableOffsetAt(const CompletedTransaction& completed) const {
  return open_.empty() ? completed.last_offset + 1 : open_.begin()->first;
}

void ProducerStateTable::OnHighWatermark(Offset high_watermark) {
  absl::erase_if(unreplicated_, [&](const auto& transaction) { return transaction.second < high_watermark; });
}

std::optional<Offset> ProducerStateTable::FirstUnstableOffset() const {
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.begin()->first;
  if (!unreplicated_.empty())
    first = std::min(first.value_or(unreplicated_.begin()->first), unreplicated_.begin()->first);
  return first;
}

void ProducerStateTable::ExpireBefore(Timestamp now, std::chrono::milliseconds expiration) {
  absl::erase_if(producers_, [&](const auto& producer) {
    const ProducerState& state = producer.second;
    // Producers choose their timestamps: any number, from which nothing may be taken away.
    return !state.transaction_first_offset && state.last_timestamp.value <= now.value - expiration.count();
  });
}

void ProducerStateTable::Restore(int64_t producer_id, const ProducerState& state) {
  producers_[producer_id] = state;
  if (state.transaction_first_offset) open_[*state.transaction_first_offset] = producer_id;
}

const ProducerState* ProducerStateTable::Find(int64_t producer_id) const {
  const auto found = producers_.find(producer_id);
  return found == producers_.end() ? nullptr : &found->second;
}

bool ProducerRunCheck::InTransaction(int64_t producer_id) const {
  if (const auto changed = in_transaction_.find(producer_id); changed != in_transaction_.end()) return changed->second;
  const ProducerState* state = table_.Find(producer_id);
  return state != nullptr && state->transaction_first_offset.has_value();
}

absl::Status ProducerRunCheck::Check(const RecordBatchView& batch) {
  if (batch.producer_id() < 0) return absl::OkStatus();
  if (batch.is_control()) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<TransactionMarker> marker, ReadTransactionMarker(batch));
    if (marker) in_transaction_[batch.producer_id()] = false;
  } else if (batch.is_transactional()) {
    in_transaction_[batch.producer_id()] = true;
  } else if (InTransaction(batch.producer_id())) {
    return absl::DataLossError(absl::StrCat("producer ", batch.producer_id(), " writes outside its open transaction"));
  }
  return absl::OkStatus();
}

}  // namespace slipstream
