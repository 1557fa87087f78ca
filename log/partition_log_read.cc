// PartitionLog: finding and handing out what is in it.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/compression.h"
#include "log/partition_log.h"
#include "log/record.h"
#include "log/record_batch.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kDecompressedBytesMax = 256 << 20;  // of one batch, when a timestamp is looked up inside it

}  // namespace

void PartitionLog::KeepOpen(Segment& segment) {
  if (&segment == &active() || &segment == open_segment_) return;
  if (open_segment_ != nullptr) open_segment_->Release();
  open_segment_ = &segment;
}

absl::StatusOr<LogSlice> PartitionLog::Read(Offset offset, Offset bound, uint64_t bytes_max) {
  const Offset start = local_log_start_offset();
  if (offset < start || offset > log_end_offset_)
    return absl::OutOfRangeError(absl::StrCat(partition_.ToString(), ": offset ", offset.value, " is not within ",
                                              start.value, " and ", log_end_offset_.value));
  bound = std::min(bound, log_end_offset_);
  if (offset >= bound) return LogSlice{};
  for (size_t i = FloorSegment(offset); i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    KeepOpen(segment);
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, segment.Find(offset));
    if (!first) continue;  // a hole up to the next segment
    if (first->last_offset >= bound) return LogSlice{};
    uint64_t end = segment.size_bytes();
    if (bound < SegmentEnd(i)) {
      SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> beyond, segment.Find(bound));
      if (beyond) end = beyond->position.value;
    }
    SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.LogFile());
    return LogSlice{file, first->position, std::min(end - first->position.value, std::max(bytes_max, first->bytes))};
  }
  return LogSlice{};
}

Offset PartitionLog::last_stable_offset() const {
  const Offset unstable = producers_.FirstUnstableOffset().value_or(high_watermark_);
  // Below the log start there is nothing to hold back any more (LOG-177).
  return std::min(high_watermark_, std::max(unstable, local_log_start_offset()));
}

absl::StatusOr<std::vector<AbortedTransactionEntry>> PartitionLog::AbortedTransactions(Offset offset,
                                                                                       const LogSlice& slice) {
  std::vector<AbortedTransactionEntry> aborted;
  if (slice.file == nullptr) return aborted;
  size_t number = FloorSegment(offset);
  while (number + 1 < segments_.size() && segments_[number]->path() != slice.file->path()) ++number;
  SLIP_ASSIGN_OR_RETURN(const std::optional<Offset> upper,
                        segments_[number]->UpperBoundOffset(slice.position, slice.bytes));
  const Offset end = upper.value_or(SegmentEnd(number));
  // Its marker may lie in any later segment; past one that knew of no open transaction below `end` none follows.
  for (; number < segments_.size(); ++number) {
    SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> entries, segments_[number]->AbortedTransactions());
    for (const AbortedTransactionEntry& entry : entries) {
      if (entry.last_offset >= offset && entry.first_offset < end) aborted.push_back(entry);
      if (entry.last_stable_offset >= end) return aborted;
    }
  }
  return aborted;
}

absl::StatusOr<std::optional<std::pair<Timestamp, Offset>>> PartitionLog::OffsetForTimestamp(Timestamp timestamp) {
  for (size_t i = FloorSegment(log_start_offset_); i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    KeepOpen(segment);
    SLIP_ASSIGN_OR_RETURN(const Timestamp max, segment.MaxTimestamp());
    Offset lowest = log_start_offset_;
    while (max >= timestamp) {
      SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> place, segment.FindTimestamp(timestamp, lowest));
      if (!place) break;
      SLIP_ASSIGN_OR_RETURN(const auto found, FirstRecordAt(segment, *place, timestamp));
      if (found) return found;
      // Its latest record is gone by compaction, or lies below the log start.
      lowest = place->last_offset + 1;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<std::pair<Timestamp, Offset>>> PartitionLog::FirstRecordAt(Segment& segment,
                                                                                        const BatchPlace& place,
                                                                                        Timestamp timestamp) {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.LogFile());
  std::vector<std::byte> bytes(place.bytes), storage;
  SLIP_ASSIGN_OR_RETURN(const size_t got, file->ReadAt(bytes, place.position));
  if (got < bytes.size())
    return absl::DataLossError(
        absl::StrCat(file->path().string(), ": ended inside the batch at byte ", place.position.value));
  const RecordBatchView batch(bytes);
  SLIP_ASSIGN_OR_RETURN(const ByteSpan plain, PlainRecords(batch, kDecompressedBytesMax, storage));
  RecordCursor records(batch, plain);
  while (records.Next()) {
    const Record& record = records.record();
    if (record.timestamp >= timestamp && record.offset >= log_start_offset_)
      return std::pair(record.timestamp, record.offset);
  }
  SLIP_RETURN_IF_ERROR(Annotate(records.status(), file->path().string()));
  return std::nullopt;
}

}  // namespace slipstream
