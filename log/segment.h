// One segment of a partition's log: a .log file of whole record batches in offset order and its two indexes. Added to
// at the end or cut there; all but the last segment of a log are sealed. Belongs to one PartitionLog, its thread.
//
// Appending takes two steps, so that a run of many batches costs one write: Stage each batch (bookkeeping and index
// entries, in memory), then WriteStaged the bytes of all of them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/asio.h"
#include "log/io/direct_appender.h"
#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/offset_index.h"
#include "log/record_batch.h"
#include "log/segment_name.h"
#include "log/time_index.h"
#include "log/transaction_index.h"

namespace slipstream {

struct LogConfig;
class BatchHeaderReader;

// Where a batch lies in a segment, and what its header says.
struct BatchPlace {
  FilePosition position;
  uint64_t bytes = 0;
  Offset base_offset, last_offset;
  LeaderEpoch leader_epoch;
  Timestamp max_timestamp;
};

class Segment {
 public:
  // Makes the files of an empty segment. What an earlier, broken attempt left under these names goes first (LOG-87); a
  // producer snapshot of that offset stays, since it tells of what is before the segment.
  // `directory` and `config` outlive the segment.
  static absl::StatusOr<std::unique_ptr<Segment>> Create(FileIo& io, const StoredPath& directory, Offset base_offset,
                                                         const LogConfig& config);
  // The same under names that end in .cleaned: compaction writes it, and it becomes one of the log's by a swap.
  static absl::StatusOr<std::unique_ptr<Segment>> CreateCleaned(FileIo& io, const StoredPath& directory,
                                                                Offset base_offset, const LogConfig& config);
  // Takes over existing files and closes them again until they are used. kDataLoss for a .log above 2^31-1 bytes.
  static absl::StatusOr<std::unique_ptr<Segment>> Open(FileIo& io, const StoredPath& directory, Offset base_offset,
                                                       const LogConfig& config);
  // The same under names that end in .cleaned, until SwappedIn().
  static absl::StatusOr<std::unique_ptr<Segment>> OpenCleaned(FileIo& io, const StoredPath& directory,
                                                              Offset base_offset, const LogConfig& config);
  void SwappedIn();  // its files have lost that mark. REQUIRES: not used since OpenCleaned
  // Removes all files of a segment, the .log first: what a crash then leaves is thrown away at the next start. Open
  // files stay readable.
  static absl::Status RemoveFiles(FileIo& io, const std::filesystem::path& directory, Offset base_offset);

  // Renames all files of a segment to .deleted, the .log first, and returns the new names (LOG-58): whoever reads them
  // goes on, and removing them, which takes the disk a while, waits for a better time. A producer snapshot of that
  // offset goes with them.
  static absl::StatusOr<std::vector<std::filesystem::path>> MarkDeleted(FileIo& io,
                                                                        const std::filesystem::path& directory,
                                                                        Offset base_offset);

  Offset base_offset() const { return name_.base_offset; }
  std::filesystem::path path() const { return name_.path(); }  // of the .log
  uint64_t size_bytes() const { return written_.bytes; }       // staged batches do not count

  // Opens the files and reads what the indexes hold. Before Fits and Stage. The indexes are made anew when they speak
  // of offsets at or behind `end`, where the log ends.
  absl::Status LoadForAppend(Offset end = Offset{std::numeric_limits<int64_t>::max()});
  bool ready_for_append() const { return loaded_ && !torn_; }  // LoadForAppend has nothing to do
  // LOG-82: false when the batch belongs in a new segment. Anything within 2^31-1 of the base fits an empty one.
  // REQUIRES: LoadForAppend() was OK.
  bool Fits(const RecordBatchView& batch) const;
  // REQUIRES: Fits(batch). An error leaves the batch out.
  absl::Status Stage(const RecordBatchView& batch) { return Account(batch, batch.bytes().size(), staged_); }
  void Unstage();  // forgets what is staged
  // Writes the staged batches, whose bytes are `run`. On error none of them counts, and what was torn is cut before the
  // next write.
  asio::awaitable<absl::Status> WriteStaged(IoQueue& queue, ByteSpan run, WriteHint hint);
  // The same at once, through the page cache. REQUIRES: as IoQueue::WriteNow; the last write was not a direct one.
  absl::Status WriteStagedNow(IoQueue& queue, ByteSpan run);
  // True when a write of `bytes` would go through the page cache and need not be queued.
  bool WritesNow(const IoQueue& queue, size_t bytes) const;

  // Notes a transaction whose abort marker was just written to this segment (LOG-121).
  absl::Status AppendAborted(const AbortedTransactionEntry& entry) {
    indexes_unsynced_ = true;
    return indexes().transactions.Append(entry);
  }

  // Adds the last time index entry and writes both indexes out (LOG-86).
  absl::Status Seal();
  // Files that changed since the last MarkSynced, with all index entries handed to them; of one that was opened or
  // created nothing is known, so all.
  absl::StatusOr<std::vector<std::shared_ptr<File>>> FilesToSync();
  bool loaded() const { return loaded_; }
  bool unsynced() const { return log_unsynced_ || indexes_unsynced_; }
  // Whoever has FilesToSync syncs them, or the log is not used any more.
  void MarkSynced() { log_unsynced_ = indexes_unsynced_ = false; }
  bool appending() const { return staged_.bytes != written_.bytes; }
  // Closes the files until the next use. REQUIRES: not appending.
  void Release();

  // Cuts at the start of the first batch whose last offset is >= `offset` (LOG-99). Returns where the segment ends now:
  // `offset`, or lower when it lies inside that batch (LOG-100).
  absl::StatusOr<Offset> TruncateTo(Offset offset);

  // The first batch whose last offset is >= `offset` (LOG-146). An index that leads astray is rebuilt.
  absl::StatusOr<std::optional<BatchPlace>> Find(Offset offset);
  // The first batch that has a timestamp >= `timestamp`, of those whose last offset is >= `lowest` (LOG-155).
  absl::StatusOr<std::optional<BatchPlace>> FindTimestamp(Timestamp timestamp, Offset lowest);
  absl::StatusOr<std::optional<BatchPlace>> LastBatch();
  absl::StatusOr<Offset> BatchesEnd();       // behind the last batch; the base when there is none
  absl::StatusOr<Timestamp> MaxTimestamp();  // -1: no record has one
  absl::StatusOr<std::shared_ptr<File>> LogFile();
  absl::StatusOr<std::vector<AbortedTransactionEntry>> AbortedTransactions() {
    return indexes().transactions.Entries();
  }
  // An offset at or above the last one of what lies in the `bytes` from `from` on; nullopt: the segment's end
  // (LOG-151).
  absl::StatusOr<std::optional<Offset>> UpperBoundOffset(FilePosition from, uint64_t bytes);

  // Walks all headers from the start, or from the batch that holds `from`.
  absl::Status ForEachHeader(const std::function<absl::Status(const BatchHeaderReader&)>& visit);
  absl::Status ForEachHeaderFrom(Offset from, const std::function<absl::Status(const BatchHeaderReader&)>& visit);
  // True when the last index entry leads to batches that end exactly where the file does (LOG-136).
  absl::StatusOr<bool> EndsOnBatch();
  // kDataLoss when the transaction index does not fit the segment (LOG-123).
  absl::Status CheckTransactionIndex() { return indexes().transactions.Check(); }
  // Makes both indexes anew from the headers. kDataLoss when a header is bad.
  absl::Status RebuildIndexes();
  // Reads and checks everything, makes the indexes anew (the transaction index empty), gives each good batch to `visit`
  // (LOG-138). Returns the length of the good part; the file is left as it is, so that later segments can go before it
  // is cut.
  absl::StatusOr<uint64_t> Recover(std::vector<std::byte>& buffer,
                                   const std::function<absl::Status(const RecordBatchView&)>& visit);
  absl::Status CutTo(uint64_t bytes);  // after Recover

 private:
  // What appending needs to know of the batches so far.
  struct Progress {
    uint64_t bytes = 0;
    uint64_t bytes_since_entry = 0;  // LOG-88
    uint64_t offset_entries = 0;
    uint64_t time_entries = 0;
    TimeIndexEntry max_timestamp;              // and the last offset of the first batch that has it (LOG-92)
    std::optional<Timestamp> first_timestamp;  // of the first batch; nullopt: empty
  };

  struct Indexes {
    OffsetIndex offsets;
    TimeIndex times;
    TransactionIndex transactions;
  };

  Segment(FileIo& io, const StoredPath& directory, Offset base_offset, const LogConfig& config,
          absl::string_view mark = "");

  static absl::StatusOr<std::unique_ptr<Segment>> CreateMarked(FileIo& io, const StoredPath& directory,
                                                               Offset base_offset, const LogConfig& config,
                                                               absl::string_view mark);
  static absl::StatusOr<std::unique_ptr<Segment>> OpenMarked(FileIo& io, const StoredPath& directory,
                                                             Offset base_offset, const LogConfig& config,
                                                             absl::string_view mark);

  Indexes& indexes() {
    if (indexes_ == nullptr) MakeIndexes();
    return *indexes_;
  }
  void MakeIndexes();
  absl::StatusOr<bool> IndexesEndWithin(Offset end);
  absl::Status Account(const RecordBatchView& header, uint64_t size, Progress& progress);
  absl::Status ResetIndexes(Progress& progress);
  absl::Status CutLogFile();
  absl::StatusOr<bool> UseDirect(WriteHint hint);  // true: direct_ is there for the next write
  absl::Status FinishWrite(const absl::Status& written);
  absl::Status ReloadMaxTimestamp();
  absl::Status ForEachHeaderAt(FilePosition at, const std::function<absl::Status(const BatchHeaderReader&)>& visit);
  absl::StatusOr<std::optional<BatchPlace>> FindFrom(const OffsetIndexEntry& entry, Offset offset);

  FileIo& io_;
  const LogConfig& config_;
  SegmentFile name_;                        // of the .log
  std::unique_ptr<Indexes> indexes_;        // nullptr until used: a log has many segments at rest
  std::shared_ptr<File> file_;              // nullptr until used; slices handed out share it
  std::unique_ptr<DirectAppender> direct_;  // while it is written past the page cache: the file is longer than written_
  int small_writes_ = 0;                    // in a row, since direct_ is there
  bool loaded_ = false;                     // written_ holds more than the size
  bool torn_ = false;                       // the file may be longer than written_.bytes
  bool log_unsynced_ = true, indexes_unsynced_ = true;  // differ from what was last taken to be synced
  Progress written_, staged_;                           // staged_ is ahead of written_ only during an append
};

}  // namespace slipstream
