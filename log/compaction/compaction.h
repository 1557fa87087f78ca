// One round of compaction over a log. Three parts, so that the long one need not hold up the log's thread:
//   (1) PartitionLog::PlanCompaction says what is there and what is known of it;              the log's thread
//   (2) Compaction::CleanNext reads the sealed files and writes what survives beside them;    any thread
//   (3) PartitionLog::TakeCompacted swaps that in, unless the log was cut meanwhile;          the log's thread
// (2) and (3) take turns, a group of segments at a time, from the oldest up: after each the log is whole.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "log/compaction/batch_filter.h"
#include "log/compaction/cleaned_segments.h"
#include "log/compaction/compaction_limits.h"
#include "log/compaction/offset_map.h"
#include "log/compaction/transaction_filter.h"
#include "log/io/file_io.h"
#include "log/partition_log.h"
#include "log/transaction_index.h"

namespace slipstream {

// What a round may go by: a value, so that it can be taken to another thread.
struct CompactionPlan {
  struct Source {
    Offset base_offset, end_offset;
    uint64_t bytes = 0;
  };
  FileIo* io = nullptr;  // the log's: outlives the round
  std::filesystem::path directory;
  LogConfig config;
  std::vector<Source> sources;  // sealed, durable, all transactions in them decided; from the first one on
  Offset first_dirty_offset;    // keys below were cleaned before
  Offset log_start_offset;      // maybe inside the first source
  std::vector<AbortedTransactionEntry> aborted;
  ActiveProducers producers;
  Timestamp now;
  uint64_t truncations = 0;  // of the log, when the plan was made
};

struct CompactionResult {
  uint64_t bytes_before = 0, bytes_after = 0;
  uint64_t records_before = 0, records_after = 0;
  uint64_t segments_before = 0, segments_after = 0;
  bool map_full = false;  // the round ended early, the rest waits for the next
};

class Compaction {
 public:
  // `io` outlives this.
  Compaction(CompactionPlan plan, const CompactionLimits& limits);
  ~Compaction();

  // True: cleaned() waits to be taken over or discarded before the next call. False: all is done. kDataLoss,
  // kUnimplemented and kFailedPrecondition: the log's content cannot be cleaned, now or later; kNotFound: a file is
  // gone. An error leaves no files behind, unless it is kCancelled: whoever waits for that one is not to wait for their
  // removal. Blocking, and long.
  absl::StatusOr<bool> CleanNext();
  // Makes a CleanNext() that runs, and every later one, end with kCancelled soon. Any thread.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  void Discard();  // removes what waits
  // Marks it .deleted instead, as CleanedSegments does.
  std::vector<std::filesystem::path> MarkDeleted();
  void Release() { group_.segments.reset(); }  // it was taken over

  struct Group {
    std::span<const CompactionPlan::Source> sources;  // none: the first is still to come
    std::optional<CleanedSegments> segments;          // nullopt: nothing waits
  };
  const Group& cleaned() const { return group_; }
  const CompactionPlan& plan() const { return plan_; }
  // The first dirty offset from now on. REQUIRES: CleanNext() was called.
  Offset end_offset() const { return map_end_; }
  const CompactionResult& result() const { return result_; }

 private:
  absl::Status ReadDirtyKeys();
  absl::StatusOr<bool> AddKeys(const RecordBatchView& batch);  // false: the map is full
  absl::Status PlanGroups();
  absl::StatusOr<bool> CleanGroup();  // false: nothing in it changed
  absl::Status CleanInto(const CompactionPlan::Source& source, CleanedSegments& into);
  absl::Status WriteFromNowOn(CleanedSegments& into);  // something of the group goes
  // Gives each batch to `visit` until that returns false; kDataLoss for one that is not sound. `buffer` is working
  // space.
  absl::Status ForEachBatch(const CompactionPlan::Source& source, std::vector<std::byte>& buffer,
                            const std::function<absl::StatusOr<bool>(const RecordBatchView&)>& visit);

  CompactionPlan plan_;
  CompactionLimits limits_;
  std::optional<OffsetMap> map_;  // nullopt: not read yet
  Offset map_end_;
  std::vector<size_t> group_sizes_;
  size_t next_group_ = 0, next_source_ = 0;
  std::optional<TransactionFilter> transactions_;
  std::optional<BatchFilter> filter_;
  Group group_;
  // A group of one segment is written only once something of it goes: else that segment stays.
  bool changed_ = false;
  Offset unwritten_end_;                                    // until then: all below stays as it is
  std::vector<AbortedTransactionEntry> unwritten_aborted_;  // of the markers there
  std::vector<std::byte> dropped_header_;  // of the last batch of the group so far; empty: that one stays
  std::vector<std::byte> buffer_, again_buffer_, plain_;
  CompactionResult result_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace slipstream
