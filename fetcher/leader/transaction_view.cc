#include "fetcher/leader/transaction_view.h"

#include <algorithm>
#include <limits>

#include "log/batch_header_reader.h"
#include "log/control_record.h"
#include "log/record.h"
#include "log/status.h"

namespace slipstream {

absl::Status TransactionView::CatchUp(PartitionLog& log) {
  const Offset end = log.high_watermark();
  seen_to_ = std::max(seen_to_, log.log_start_offset());
  while (seen_to_ < end) {
    // A slice is of one segment: all of it, since nothing is read but headers.
    SLIP_ASSIGN_OR_RETURN(const LogSlice slice, log.Read(seen_to_, end, std::numeric_limits<int64_t>::max()));
    if (slice.file == nullptr) break;
    const Offset seen_before = seen_to_;
    BatchHeaderReader reader(*slice.file, slice.position, slice.position + slice.bytes);
    for (;;) {
      SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
      if (!more) break;
      SLIP_RETURN_IF_ERROR(See(*slice.file, reader.position(), reader.header(), reader.size_bytes()));
      seen_to_ = reader.header().next_offset();
    }
    if (seen_to_ == seen_before)
      return absl::DataLossError(
          absl::StrCat(slice.file->path().native(), ": no batch at byte ", slice.position.value));
  }
  return absl::OkStatus();
}

absl::Status TransactionView::See(File& file, FilePosition at, RecordBatchView header, uint64_t size_bytes) {
  if (!header.is_transactional()) return absl::OkStatus();
  if (header.is_control()) return CloseTransaction(file, at, header, size_bytes);
  open_.try_emplace(header.producer_id(), header.base_offset());
  return absl::OkStatus();
}

absl::Status TransactionView::CloseTransaction(File& file, FilePosition at, RecordBatchView header,
                                               uint64_t size_bytes) {
  const int64_t producer_id = header.producer_id();
  const Offset marker = header.last_offset();
  const auto open = open_.find(producer_id);
  if (open == open_.end()) return absl::OkStatus();  // nothing was written in it
  const Offset first = open->second;
  std::vector<std::byte> batch(size_bytes);
  SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(batch, at));
  if (got < batch.size()) return absl::DataLossError(absl::StrCat(file.path().native(), ": cut at ", at.value + got));
  RecordCursor records{RecordBatchView(batch)};
  // Compaction may have emptied the marker's batch: then nothing of an aborted transaction is left either.
  const bool has_marker = records.Next();
  SLIP_RETURN_IF_ERROR(records.status());
  ControlType type = ControlType::kCommit;
  if (has_marker) {
    SLIP_ASSIGN_OR_RETURN(type, ParseControlType(records.record().key.value_or(ByteSpan())));
  }
  open_.erase(open);  // only now: after an error it is looked at again
  if (type == ControlType::kAbort) aborted_.push_back({producer_id, first, marker});
  return absl::OkStatus();
}

Offset TransactionView::LastStableOffset(Offset high_watermark) const {
  Offset stable = high_watermark;
  for (const auto& [producer_id, first_offset] : open_) stable = std::min(stable, first_offset);
  return stable;
}

std::vector<AbortedTransaction> TransactionView::AbortedIn(Offset from, Offset to) const {
  std::vector<AbortedTransaction> found;
  const auto begin =
      std::lower_bound(aborted_.begin(), aborted_.end(), from,
                       [](const Aborted& aborted, Offset offset) { return aborted.marker_offset < offset; });
  for (auto aborted = begin; aborted != aborted_.end(); ++aborted) {
    if (aborted->first_offset < to) found.push_back({aborted->producer_id, aborted->first_offset});
  }
  return found;
}

}  // namespace slipstream
