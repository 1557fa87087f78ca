// A segment's .timeindex file: the largest timestamp so far and the last offset of the batch that has it.
// Entry: i64 timestamp, i32 offset - base (LOG-42). Belongs to one Segment, its thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>

#include "log/index_file.h"
#include "log/offset.h"

namespace slipstream {

struct TimeIndexEntry {
  Timestamp timestamp;
  Offset offset;
  auto operator<=>(const TimeIndexEntry&) const = default;
};

class TimeIndex {
 public:
  static constexpr size_t kEntryBytes = 12;

  // As OffsetIndex.
  TimeIndex(FileIo& io, const StoredPath& directory, Offset base_offset, uint64_t bytes_max,
            absl::string_view mark = "");
  TimeIndex(FileIo&, StoredPath&&, Offset, uint64_t,
            absl::string_view = "") = delete;  // would not outlive it

  absl::Status Load();  // as IndexFile::Load
  absl::Status Release() { return file_.Release(); }

  // Adds the entry if its timestamp is above the last one's; an equal one, and -1, are skipped (LOG-91).
  // kInvalidArgument for a lower timestamp, or a higher one at a lower offset; kOutOfRange when offset - base does not
  // fit; kResourceExhausted when full. `last` is the entry of a roll or close: it may take the slot kept for it
  // (LOG-172). REQUIRES: Load() was OK.
  absl::Status MaybeAppend(TimeIndexEntry entry, bool last = false);
  // The entry with the largest timestamp <= `target`, or (-1, base).
  absl::StatusOr<TimeIndexEntry> Floor(Timestamp target);
  absl::StatusOr<TimeIndexEntry> LastEntry();  // (-1, base) when there is none

  absl::Status TruncateTo(Offset offset);  // drops entries at or above `offset`
  absl::Status TruncateToCount(uint64_t count);

  // REQUIRES for all: Load() was OK.
  uint64_t count() const { return file_.count(); }
  bool full() const { return count() + 1 >= count_max_; }
  IndexFile& entries() { return file_; }

 private:
  absl::StatusOr<TimeIndexEntry> EntryAt(uint64_t number);
  absl::Status RefreshLast();

  IndexFile file_;
  Offset base_offset_;
  uint64_t count_max_;
  TimeIndexEntry last_;  // (-1, base): no entry (or not loaded)
};

}  // namespace slipstream
