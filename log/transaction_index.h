// A segment's .txnindex file: the aborted transactions whose marker lies in the segment, so that readers of committed
// records can leave them out. Entry: LOG-43. There is no file until the first abort. Belongs to one Segment, its
// thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/producer_state.h"
#include "log/segment_name.h"

namespace slipstream {

inline constexpr size_t kTransactionIndexEntryBytes = 34;

struct AbortedTransactionEntry {
  int64_t producer_id = -1;
  Offset first_offset, last_offset;  // the last is the marker's
  Offset last_stable_offset;         // of the log when the marker was written
  bool operator==(const AbortedTransactionEntry&) const = default;
};

// REQUIRES: `producers` has just closed the transaction.
AbortedTransactionEntry IndexEntryOf(const CompletedTransaction& completed, const ProducerStateTable& producers);

// kDataLoss for a version we do not know. A cut last entry is left out.
absl::StatusOr<std::vector<AbortedTransactionEntry>> DecodeTransactionIndex(ByteSpan content);

class TransactionIndex {
 public:
  // `directory` outlives the index.
  TransactionIndex(FileIo& io, const StoredPath& directory, Offset base_offset, absl::string_view mark = "")
      : io_(&io), name_{&directory, base_offset, kTransactionIndexSuffix, mark} {}
  TransactionIndex(FileIo&, StoredPath&&, Offset, absl::string_view = "") = delete;  // would not outlive it

  // Adds an entry at the end of the file, making it when absent. kInvalidArgument unless last_offset is above the last
  // entry's.
  absl::Status Append(const AbortedTransactionEntry& entry);
  absl::StatusOr<std::vector<AbortedTransactionEntry>> Entries();
  // Drops entries whose marker is at or above `offset`; leaves no empty file behind.
  absl::Status TruncateTo(Offset offset);
  absl::Status Clear();
  // LOG-123. kDataLoss names the entry that does not fit the segment.
  absl::Status Check();

  absl::StatusOr<std::shared_ptr<File>> FileToSync();  // nullptr: there is none

 private:
  struct Tail {
    uint64_t count = 0;
    Offset last_offset;  // of the last entry
  };
  absl::StatusOr<Tail> LoadTail();

  FileIo* io_;
  SegmentFile name_;
  std::optional<Tail> tail_;  // nullopt: not read yet
};

}  // namespace slipstream
