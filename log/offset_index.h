// A segment's .index file: for some offsets the place of their batch, so that a read need not scan from the start.
// Entry: i32 offset - base, i32 file position (LOG-41); the offset is the last one of the batch at that position
// (LOG-88). Belongs to one Segment, its thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>

#include "log/index_file.h"
#include "log/offset.h"

namespace slipstream {

struct OffsetIndexEntry {
  Offset offset;
  FilePosition position;
  auto operator<=>(const OffsetIndexEntry&) const = default;
};

class OffsetIndex {
 public:
  static constexpr size_t kEntryBytes = 8;

  // `directory` outlives the index. `bytes_max` is segment.index.bytes: it bounds the number of entries (LOG-93).
  OffsetIndex(FileIo& io, const StoredPath& directory, Offset base_offset, uint64_t bytes_max,
              absl::string_view mark = "");
  OffsetIndex(FileIo&, StoredPath&&, Offset, uint64_t,
              absl::string_view = "") = delete;  // would not outlive it

  absl::Status Load();  // as IndexFile::Load
  absl::Status Release() { return file_.Release(); }

  // kInvalidArgument unless `offset` is above the last entry's; kOutOfRange when offset - base or `position` does not
  // fit 0..2^31-1; kResourceExhausted when full. Nothing is added then. REQUIRES: Load() was OK.
  absl::Status Append(Offset offset, FilePosition position);
  // The entry with the largest offset <= `target`, or (base, 0) (LOG-90).
  absl::StatusOr<OffsetIndexEntry> Floor(Offset target);
  absl::StatusOr<OffsetIndexEntry> LastEntry();  // (base, 0) when there is none
  // The first entry at or after `position`; nullopt: none (LOG-151).
  absl::StatusOr<std::optional<OffsetIndexEntry>> Ceiling(FilePosition position);

  absl::Status TruncateTo(Offset offset);  // drops entries at or above `offset`
  absl::Status TruncateToCount(uint64_t count);

  // REQUIRES for all: Load() was OK.
  uint64_t count() const { return file_.count(); }
  bool full() const { return count() >= count_max_; }
  IndexFile& entries() { return file_; }

 private:
  absl::StatusOr<OffsetIndexEntry> EntryAt(uint64_t number);
  absl::Status RefreshLast();

  IndexFile file_;
  Offset base_offset_;
  uint64_t count_max_;
  std::optional<Offset> last_offset_;  // of the last entry; nullopt: no entry (or not loaded)
};

}  // namespace slipstream
