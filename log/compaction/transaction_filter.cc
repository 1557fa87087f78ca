#include "log/compaction/transaction_filter.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/control_record.h"
#include "log/status.h"

namespace slipstream {

TransactionFilter::TransactionFilter(std::span<const AbortedTransactionEntry> aborted, Offset log_start)
    : log_start_(log_start) {
  for (const AbortedTransactionEntry& entry : aborted) aborted_[entry.producer_id].push_back(entry);
}

const AbortedTransactionEntry* TransactionFilter::FirstNotBefore(int64_t producer_id, Offset offset) const {
  const auto of_producer = aborted_.find(producer_id);
  if (of_producer == aborted_.end()) return nullptr;
  const auto& entries = of_producer->second;
  const auto found = std::ranges::lower_bound(entries, offset, {}, &AbortedTransactionEntry::last_offset);
  return found == entries.end() ? nullptr : &*found;
}

bool TransactionFilter::OnData(const RecordBatchView& batch) {
  SLIP_CHECK(!batch.is_control());
  if (!batch.is_transactional()) return false;
  last_data_[batch.producer_id()] = batch.last_offset();
  const AbortedTransactionEntry* const ended_by = FirstNotBefore(batch.producer_id(), batch.last_offset());
  return ended_by != nullptr && ended_by->first_offset <= batch.base_offset();
}

absl::StatusOr<TransactionFilter::Marker> TransactionFilter::OnControl(const RecordBatchView& batch) {
  SLIP_CHECK(batch.is_control());
  // Emptied before, when nothing needed it any more (LOG-187).
  if (batch.record_count() == 0) return Marker{.needed = false};
  SLIP_ASSIGN_OR_RETURN(const std::optional<TransactionMarker> marker, ReadTransactionMarker(batch));
  if (!marker) return Marker{};
  const auto data = last_data_.extract(batch.producer_id());
  if (data.empty() || marker->type != ControlType::kAbort) return Marker{.needed = !data.empty()};
  const AbortedTransactionEntry* const entry = FirstNotBefore(batch.producer_id(), batch.base_offset());
  if (entry != nullptr && entry->last_offset == batch.last_offset()) return Marker{.needed = true, .aborted = *entry};
  // No reader needs to be told of data below the log start. The marker stays as long as that data does: a crash may put
  // the log start back to where it was checkpointed, and the transaction must not be open then.
  if (data.mapped() < log_start_) return Marker{};
  return absl::DataLossError(absl::StrCat("no transaction index names the one that producer ", batch.producer_id(),
                                          " aborted at offset ", batch.last_offset().value));
}

}  // namespace slipstream
