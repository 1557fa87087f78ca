#include "log/time_index.h"

#include <absl/strings/str_cat.h>

#include "log/status.h"

namespace slipstream {
namespace {

TimeIndexEntry Decode(ByteSpan entry, Offset base) {
  return {Timestamp{ReadBigEndian<int64_t>(entry, 0)}, base + ReadBigEndian<int32_t>(entry, 8)};
}

}  // namespace

TimeIndex::TimeIndex(FileIo& io, const StoredPath& directory, Offset base_offset, uint64_t bytes_max,
                     absl::string_view mark)
    : file_(io, {&directory, base_offset, kTimeIndexSuffix, mark}, kEntryBytes),
      base_offset_(base_offset),
      count_max_(bytes_max / kEntryBytes),
      last_{Timestamp{-1}, base_offset} {}

absl::Status TimeIndex::Load() {
  if (file_.loaded()) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(file_.Load());
  const absl::Status last_read = RefreshLast();
  if (!last_read.ok()) file_.Unload();
  return last_read;
}

absl::Status TimeIndex::RefreshLast() {
  last_ = {Timestamp{-1}, base_offset_};
  if (file_.count() == 0) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(last_, EntryAt(file_.count() - 1));
  return absl::OkStatus();
}

absl::Status TimeIndex::MaybeAppend(TimeIndexEntry entry, bool last) {
  if (entry.timestamp == last_.timestamp) return absl::OkStatus();
  const int64_t relative = entry.offset - base_offset_;
  if (relative < 0 || relative > kRelativeOffsetMax)
    return absl::OutOfRangeError(absl::StrCat(file_.path().string(), ": offset ", entry.offset.value,
                                              " is not within 2^31-1 of base ", base_offset_.value));
  if (entry.timestamp < last_.timestamp || entry.offset < last_.offset)
    return absl::InvalidArgumentError(absl::StrCat(file_.path().string(), ": timestamp ", entry.timestamp.value,
                                                   " at offset ", entry.offset.value, " comes before the last entry's ",
                                                   last_.timestamp.value, " at ", last_.offset.value));
  if (count() >= count_max_ || (full() && !last))
    return absl::ResourceExhaustedError(
        absl::StrCat(file_.path().string(), ": full with ", count(), " of ", count_max_, " entries"));
  std::byte bytes[kEntryBytes];
  WriteBigEndian<int64_t>(bytes, 0, entry.timestamp.value);
  WriteBigEndian<int32_t>(bytes, 8, static_cast<int32_t>(relative));
  file_.Append(bytes);
  last_ = entry;
  return absl::OkStatus();
}

absl::StatusOr<TimeIndexEntry> TimeIndex::EntryAt(uint64_t number) {
  std::byte entry[kEntryBytes];
  SLIP_RETURN_IF_ERROR(file_.Read(number, entry));
  return Decode(entry, base_offset_);
}

absl::StatusOr<TimeIndexEntry> TimeIndex::Floor(Timestamp target) {
  SLIP_RETURN_IF_ERROR(Load());
  if (target >= last_.timestamp) return last_;
  const auto low = [&](ByteSpan entry) { return Decode(entry, base_offset_).timestamp <= target; };
  SLIP_ASSIGN_OR_RETURN(const uint64_t not_above, file_.PartitionPoint(low));
  if (not_above == 0) return TimeIndexEntry{Timestamp{-1}, base_offset_};
  return EntryAt(not_above - 1);
}

absl::StatusOr<TimeIndexEntry> TimeIndex::LastEntry() {
  SLIP_RETURN_IF_ERROR(Load());
  return last_;
}

absl::Status TimeIndex::TruncateTo(Offset offset) {
  SLIP_RETURN_IF_ERROR(Load());
  const auto low = [&](ByteSpan entry) { return Decode(entry, base_offset_).offset < offset; };
  SLIP_ASSIGN_OR_RETURN(const uint64_t keep, file_.PartitionPoint(low));
  return TruncateToCount(keep);
}

absl::Status TimeIndex::TruncateToCount(uint64_t keep) {
  const absl::Status cut = file_.Truncate(keep);
  if (!file_.loaded()) return cut;
  const absl::Status last_read = RefreshLast();  // in memory the entries are gone whatever became of the file
  return cut.ok() ? last_read : cut;
}

}  // namespace slipstream
