// Segment: where a batch lies.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/batch_header_reader.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {
namespace {

BatchPlace PlaceOf(const BatchHeaderReader& reader) {
  const RecordBatchView header = reader.header();
  return {reader.position(),
          reader.size_bytes(),
          header.base_offset(),
          header.last_offset(),
          header.partition_leader_epoch(),
          header.max_timestamp()};
}

}  // namespace

absl::StatusOr<std::optional<BatchPlace>> Segment::FindFrom(const OffsetIndexEntry& entry, Offset offset) {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  const auto astray = [&] {
    return absl::DataLossError(absl::StrCat(path().native(), ": no batch up to offset ", entry.offset.value,
                                            " at byte ", entry.position.value, ", where the index says it is"));
  };
  const bool indexed = entry.position.value > 0;
  if (indexed && entry.position.value >= written_.bytes) {
    if (staged_.bytes > written_.bytes) return std::optional<BatchPlace>();  // an append that is not written yet
    return astray();
  }
  BatchHeaderReader reader(*file, entry.position, FilePosition{written_.bytes});
  bool first = true;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (indexed && first &&
        (!more || reader.header().base_offset() > entry.offset || reader.header().base_offset() < name_.base_offset))
      return astray();
    if (!more) return std::optional<BatchPlace>();
    if (reader.header().last_offset() >= offset) return std::optional(PlaceOf(reader));
    first = false;
  }
}

absl::StatusOr<std::optional<BatchPlace>> Segment::Find(Offset offset) {
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry entry, indexes().offsets.Floor(offset));
  absl::StatusOr<std::optional<BatchPlace>> found = FindFrom(entry, offset);
  if (!absl::IsDataLoss(found.status()) || entry.position.value == 0) return found;
  // An append under way counts on the indexes and lengths it began with: read from the beginning, and leave it to the
  // next look to mend the index.
  if (staged_.bytes != written_.bytes) return FindFrom({name_.base_offset, FilePosition{0}}, offset);
  SLIP_RETURN_IF_ERROR(RebuildIndexes());
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry rebuilt, indexes().offsets.Floor(offset));
  return FindFrom(rebuilt, offset);
}

absl::StatusOr<std::optional<BatchPlace>> Segment::FindTimestamp(Timestamp timestamp, Offset lowest) {
  SLIP_ASSIGN_OR_RETURN(const TimeIndexEntry before, indexes().times.Floor(timestamp));
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> from, Find(std::max(before.offset, lowest)));
  if (!from) return std::optional<BatchPlace>();
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  BatchHeaderReader reader(*file, from->position, FilePosition{written_.bytes});
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return std::optional<BatchPlace>();
    if (reader.header().max_timestamp() >= timestamp) return std::optional(PlaceOf(reader));
  }
}

absl::StatusOr<std::optional<BatchPlace>> Segment::LastBatch() {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry entry, indexes().offsets.LastEntry());
  BatchHeaderReader reader(*file, entry.position, FilePosition{written_.bytes});
  std::optional<BatchPlace> last;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return last;
    last = PlaceOf(reader);
  }
}

absl::StatusOr<Offset> Segment::BatchesEnd() {
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> last, LastBatch());
  return last ? last->last_offset + 1 : name_.base_offset;
}

absl::StatusOr<Timestamp> Segment::MaxTimestamp() {
  if (loaded_) return written_.max_timestamp.timestamp;
  SLIP_ASSIGN_OR_RETURN(const TimeIndexEntry last, indexes().times.LastEntry());
  return last.timestamp;
}

absl::StatusOr<std::optional<Offset>> Segment::UpperBoundOffset(FilePosition from, uint64_t bytes) {
  SLIP_ASSIGN_OR_RETURN(const std::optional<OffsetIndexEntry> entry, indexes().offsets.Ceiling(from + bytes));
  if (!entry) return std::optional<Offset>();
  return std::optional(entry->offset);
}

absl::Status Segment::ForEachHeader(const std::function<absl::Status(const BatchHeaderReader&)>& visit) {
  return ForEachHeaderAt(FilePosition{0}, visit);
}

absl::Status Segment::ForEachHeaderFrom(Offset from,
                                        const std::function<absl::Status(const BatchHeaderReader&)>& visit) {
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, Find(from));
  return first ? ForEachHeaderAt(first->position, visit) : absl::OkStatus();
}

absl::Status Segment::ForEachHeaderAt(FilePosition at,
                                      const std::function<absl::Status(const BatchHeaderReader&)>& visit) {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  BatchHeaderReader reader(*file, at, FilePosition{written_.bytes});
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return absl::OkStatus();
    SLIP_RETURN_IF_ERROR(visit(reader));
  }
}

absl::StatusOr<bool> Segment::EndsOnBatch() {
  const absl::StatusOr<std::optional<BatchPlace>> last = LastBatch();
  if (absl::IsDataLoss(last.status())) return false;
  SLIP_RETURN_IF_ERROR(last.status());
  const uint64_t end = last->has_value() ? (*last)->position.value + (*last)->bytes : 0;
  return end == written_.bytes;
}

}  // namespace slipstream
