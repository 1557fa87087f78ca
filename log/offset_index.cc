#include "log/offset_index.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "log/status.h"

namespace slipstream {
namespace {

OffsetIndexEntry Decode(ByteSpan entry, Offset base) {
  return {base + ReadBigEndian<int32_t>(entry, 0), FilePosition{ReadBigEndian<uint32_t>(entry, 4)}};
}

}  // namespace

OffsetIndex::OffsetIndex(FileIo& io, const StoredPath& directory, Offset base_offset, uint64_t bytes_max,
                         absl::string_view mark)
    : file_(io, {&directory, base_offset, kOffsetIndexSuffix, mark}, kEntryBytes),
      base_offset_(base_offset),
      count_max_(bytes_max / kEntryBytes) {}

absl::Status OffsetIndex::Load() {
  if (file_.loaded()) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(file_.Load());
  const absl::Status last_read = RefreshLast();
  if (!last_read.ok()) file_.Unload();
  return last_read;
}

absl::Status OffsetIndex::RefreshLast() {
  last_offset_.reset();
  if (file_.count() == 0) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry last, EntryAt(file_.count() - 1));
  last_offset_ = last.offset;
  return absl::OkStatus();
}

absl::Status OffsetIndex::Append(Offset offset, FilePosition position) {
  const int64_t relative = offset - base_offset_;
  if (relative < 0 || relative > kRelativeOffsetMax)
    return absl::OutOfRangeError(absl::StrCat(file_.path().string(), ": offset ", offset.value,
                                              " is not within 2^31-1 of base ", base_offset_.value));
  if (position.value > uint64_t{std::numeric_limits<int32_t>::max()})
    return absl::OutOfRangeError(
        absl::StrCat(file_.path().string(), ": position ", position.value, " is above 2^31-1"));
  if (last_offset_ && offset <= *last_offset_)
    return absl::InvalidArgumentError(absl::StrCat(file_.path().string(), ": offset ", offset.value,
                                                   " is not above the last entry's ", last_offset_->value));
  if (full())
    return absl::ResourceExhaustedError(absl::StrCat(file_.path().string(), ": full with ", count_max_, " entries"));
  std::byte entry[kEntryBytes];
  WriteBigEndian<int32_t>(entry, 0, static_cast<int32_t>(relative));
  WriteBigEndian<int32_t>(entry, 4, static_cast<int32_t>(position.value));
  file_.Append(entry);
  last_offset_ = offset;
  return absl::OkStatus();
}

absl::StatusOr<OffsetIndexEntry> OffsetIndex::EntryAt(uint64_t number) {
  std::byte entry[kEntryBytes];
  SLIP_RETURN_IF_ERROR(file_.Read(number, entry));
  return Decode(entry, base_offset_);
}

absl::StatusOr<OffsetIndexEntry> OffsetIndex::Floor(Offset target) {
  SLIP_RETURN_IF_ERROR(Load());
  if (!last_offset_) return OffsetIndexEntry{base_offset_, FilePosition{0}};
  if (target >= *last_offset_) return EntryAt(count() - 1);
  const auto low = [&](ByteSpan entry) { return Decode(entry, base_offset_).offset <= target; };
  SLIP_ASSIGN_OR_RETURN(const uint64_t not_above, file_.PartitionPoint(low));
  if (not_above == 0) return OffsetIndexEntry{base_offset_, FilePosition{0}};
  return EntryAt(not_above - 1);
}

absl::StatusOr<OffsetIndexEntry> OffsetIndex::LastEntry() {
  SLIP_RETURN_IF_ERROR(Load());
  if (!last_offset_) return OffsetIndexEntry{base_offset_, FilePosition{0}};
  return EntryAt(count() - 1);
}

absl::StatusOr<std::optional<OffsetIndexEntry>> OffsetIndex::Ceiling(FilePosition position) {
  SLIP_RETURN_IF_ERROR(Load());
  const auto low = [&](ByteSpan entry) { return Decode(entry, base_offset_).position < position; };
  SLIP_ASSIGN_OR_RETURN(const uint64_t below, file_.PartitionPoint(low));
  if (below == count()) return std::optional<OffsetIndexEntry>();
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry entry, EntryAt(below));
  return std::optional(entry);
}

absl::Status OffsetIndex::TruncateTo(Offset offset) {
  SLIP_RETURN_IF_ERROR(Load());
  const auto low = [&](ByteSpan entry) { return Decode(entry, base_offset_).offset < offset; };
  SLIP_ASSIGN_OR_RETURN(const uint64_t keep, file_.PartitionPoint(low));
  return TruncateToCount(keep);
}

absl::Status OffsetIndex::TruncateToCount(uint64_t keep) {
  const absl::Status cut = file_.Truncate(keep);
  if (!file_.loaded()) return cut;
  const absl::Status last_read = RefreshLast();  // in memory the entries are gone whatever became of the file
  return cut.ok() ? last_read : cut;
}

}  // namespace slipstream
