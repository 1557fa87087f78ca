// One partition's log: segments, indexes, leader epochs, the offsets that matter. Belongs to one thread at a time (its
// fetcher thread, or the embedded leader's); opened and handed over by the LogManager. Format and recovery:
// log/README.md. An error of the disk, other than that it is full, takes the whole log dir offline: every call that
// changes one of its logs then returns the cause.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/asio.h"
#include "log/async_event.h"
#include "log/bytes.h"
#include "log/deleted_files.h"
#include "log/directory_health.h"
#include "log/io/file_io.h"
#include "log/leader_epoch_cache.h"
#include "log/log_config.h"
#include "log/offset.h"
#include "log/producer_state.h"
#include "log/remote_log_state.h"
#include "log/stored_path.h"
#include "log/topic_partition.h"
#include "log/uuid.h"

namespace slipstream {

class Compaction;
class RecordBatchView;
class Segment;
struct AbortedTransactionEntry;
struct BatchPlace;
struct CompactionLimits;
struct CompactionPlan;
struct CompactionResult;

// What the log dir's checkpoints and clean-shutdown marker say of a partition when it is opened.
struct LogOpenOptions {
  bool clean = false;        // the marker was there: nothing needs a scan
  bool begun = false;        // see there; known of one that holds records
  Offset recovery_point{0};  // everything below is durable and trusted
  Offset log_start_offset{0};
  bool start_may_be_remote = false;  // else the log start is not below the first segment, whatever a checkpoint says
  Offset high_watermark{0};          // clamped to [local log start, log end]
  Offset first_dirty_offset;         // compaction has seen everything below; -1: not known; outside the log: forgotten
  // Told of a rise of the recovery point before what it was concluded from goes; returns once a later start will know.
  // nullptr: none will.
  std::function<absl::Status(Offset)> on_recovery_point;
  Timestamp now;  // producers not heard of for long are forgotten (LOG-116); -1: none is
  std::shared_ptr<DirectoryHealth> health = std::make_shared<DirectoryHealth>();  // of the log dir
};

// Where to read a run of whole batches from: for sendfile, or for reading into memory.
struct LogSlice {
  std::shared_ptr<File> file;  // stays valid while a segment is renamed or removed; nullptr: nothing to read
  FilePosition position;
  uint64_t bytes = 0;
};

class PartitionLog {
 public:
  // Opens or creates the directory's log; recovers it when `options.clean` is false. Blocking. kDataLoss and the FileIo
  // errors name the file.
  static absl::StatusOr<std::unique_ptr<PartitionLog>> Open(FileIo& io, std::filesystem::path directory,
                                                            TopicPartition partition, const LogConfig& config,
                                                            const LogOpenOptions& options);
  ~PartitionLog();

  // Whether the batches can come next: every CRC, rising offsets and epochs, producers' sequences (kDataLoss: who sent
  // them is at fault), that the first is not below log_end_offset() (kFailedPrecondition), and that each fits a segment
  // (kInvalidArgument). REQUIRES: only whole batches, framing walked.
  absl::Status CheckBatches(ByteSpan batches);
  // The same of a log that is to start anew at `start`.
  absl::Status CheckBatchesOfLogFrom(Offset start, ByteSpan batches) const;
  // Writes batches exactly as the leader sent them (LOG-05, LOG-65..LOG-71). REQUIRES: as for CheckBatches; no other
  // Append, Truncate or Close runs. Unless `checked`, by CheckBatches on the log as it is or as our own work, its error
  // ends the call: then nothing is written. Splits at batch boundaries where a segment is full. A write error leaves
  // log_end_offset() before the first unwritten batch and cuts what was torn.
  asio::awaitable<absl::Status> AppendAsFollower(IoQueue& queue, ByteSpan batches, WriteHint hint,
                                                 bool checked = false);
  // The same through the page cache and at once. nullopt: something is to be waited for, such as a roll; no record is
  // written, and AppendAsFollower does it all. REQUIRES: CheckBatches was OK.
  std::optional<absl::Status> AppendNow(IoQueue& queue, ByteSpan batches);
  // Stamps offsets from log_end_offset() on and `epoch` into the batches, then appends; returns the first offset given.
  // Content rules of a client's batches are the caller's (LOG-76..LOG-81).
  asio::awaitable<absl::StatusOr<Offset>> AppendAsLeader(IoQueue& queue, std::span<std::byte> batches,
                                                         LeaderEpoch epoch);

  // REQUIRES for everything down to UpdateHighWatermark, and for Maintain: no Append runs.
  // Cuts so that the log ends at or before `offset`, on a batch boundary; at or after the end only trims epochs
  // (LOG-98..LOG-101). Lowers high watermark and recovery point with it. Blocking. Before this and the next one
  // OffsetsForCut must be checkpointed (LOG-103): what is cut half, or cut and written anew, must not be trusted.
  // kResourceExhausted before the first change (no descriptor) leaves the log as it was, or, when only the epochs
  // behind the end could not go, for another try to make good. Once files have gone, a full disk, or a lack of
  // descriptors, fails the log as any other error does: indexes, data and what is known of producers may then be of
  // different ends, and to bring them together again is what recovery does, when the log is opened anew.
  absl::Status TruncateTo(Offset offset);
  // The highest recovery point that is true before and after a cut at `offset`, and while it is half done.
  Offset RecoveryPointForCut(Offset offset) const;
  // Drops everything and starts anew at `offset` (LOG-102).
  absl::Status TruncateFullyAndStartAt(Offset offset);
  // Drops everything and begins anew at `state.next_offset`, above what is in remote storage only (TS-06). `checkpoint`
  // makes OffsetsOfRebuilt durable; it runs when the old log is gone and before the new one is there. Before the call
  // OffsetsForRebuild must be checkpointed. So a crash leaves the old log, or a part of it, or an empty one at a log
  // start that the leader has in remote storage only, or all of the new one (TS-09). kDataLoss, kInvalidArgument: the
  // state is none to begin with; kResourceExhausted before the first change: the log is as it was.
  // REQUIRES: next_offset > log_end_offset().
  absl::Status RebuildFrom(const RemoteLogState& state, absl::FunctionRef<absl::Status()> checkpoint);
  // Raises the log start, never above the high watermark (kOutOfRange); whole segments below it go (LOG-105, LOG-107).
  // The recovery point stays where it is, be it below.
  absl::Status MaybeIncrementLogStartOffset(Offset offset);
  // Clamps to [local log start, log end]; a follower's may fall. Returns true when it moved.
  bool UpdateHighWatermark(Offset offset);

  // To be called every log.retention.check.interval.ms: deletes the oldest segments that retention.ms and
  // retention.bytes do not keep (LOG-106..LOG-109), never above the high watermark; forgets producers not heard of for
  // producer.id.expiration.ms (LOG-116); closes the files of a log that has not grown since the last call. Blocking.
  absl::Status Maintain(Timestamp now);
  // Those of deleted segments whose time has come, file.delete.delay.ms after the first call that saw them (LOG-58).
  DeletedFiles TakeDeletedFiles(Timestamp now);
  // The other way: such as one that could not be removed. Close removes what is here.
  void RemoveLater(const std::vector<std::filesystem::path>& deleted);

  // Compaction (LOG-156..LOG-161; log/compaction/compaction.h has the parts that run elsewhere).
  // What a round would go by; nullopt when none is due, by the settings of cleanup.policy and below, or of a log that
  // cannot be changed any more. Blocking.
  absl::StatusOr<std::optional<CompactionPlan>> PlanCompaction(Timestamp now);
  // Takes over what a CleanNext() has cleaned, or notes why it could not. True: call CleanNext() again; false: the
  // round is done. kAborted: the log was cut since the plan was made, which ends the round. Content that cannot be
  // cleaned makes the log uncleanable(): no round is planned any more, all else goes on. kResourceExhausted: the log is
  // as it was, and a later round may do. REQUIRES: as for Maintain. Blocking.
  absl::StatusOr<bool> TakeCompacted(Compaction& compaction, const absl::StatusOr<bool>& cleaned);
  // Ends a round early: what it wrote goes with the other deleted files. REQUIRES: no CleanNext() runs.
  void AbandonCompaction(Compaction& compaction);
  // A whole round at once, if one is due; nullopt: none was. Blocking, and long.
  absl::StatusOr<std::optional<CompactionResult>> Compact(Timestamp now, const CompactionLimits& limits);

  // Makes everything appended before the call durable and moves the recovery point there. An append may run meanwhile.
  // A failed fsync fails the log for good (INV-20), as does half a truncation: every later append, truncation, flush
  // and Close returns that error. kResourceExhausted: there were no descriptors for it, or no room for the epoch file;
  // no fsync was tried, and the next flush makes good for this one.
  asio::awaitable<absl::Status> Flush(IoQueue& queue);
  // The same for who has no queue. REQUIRES: no Append and no other flush runs.
  absl::Status FlushBlocking();
  // Returns once everything below `offset` is durable: by its own fsync, or by one that begins after this call and
  // serves all who wait (group commit: one is in flight, the others ride the next). REQUIRES: offset <=
  // log_end_offset(). Fails as Flush does; kAborted when a truncation came between.
  asio::awaitable<absl::Status> FlushUpTo(IoQueue& queue, Offset offset);
  // True when the owner should run Flush beside the appends: a segment was closed at the tail, whose fsync must not
  // hold them up (a bulk roll has flushed it already); or flush_messages or flush_bytes_max is reached.
  bool FlushDue() const;
  // Flushes, writes the last time index entries and a producer snapshot, trims indexes. Blocking; nothing may follow
  // but destruction, or another try when it was kResourceExhausted.
  absl::Status Close();
  // The same of many, on so many threads, each with its outcome: they share two syncs of their file system, by a file
  // of it that was open before they were written to, instead of an fsync per file, and keep no file open meanwhile.
  // REQUIRES: no thread uses one of them.
  static std::vector<absl::Status> CloseTogether(const std::vector<PartitionLog*>& logs, File& file_system,
                                                 size_t threads);

  // The batches from the one that holds `offset` on, of one segment, at most `bytes_max` but at least one batch, none
  // with a last offset at or above `bound` (readers pass the high watermark or the log end). kOutOfRange below the
  // local log start or above the log end. Empty at the bound.
  absl::StatusOr<LogSlice> Read(Offset offset, Offset bound, uint64_t bytes_max);
  // The aborted transactions that a reader of committed records must leave out of `slice`, which Read gave for `offset`
  // (LOG-122, LOG-151); rising by marker. May name some that end behind it.
  absl::StatusOr<std::vector<AbortedTransactionEntry>> AbortedTransactions(Offset offset, const LogSlice& slice);
  // LOG-155: the first record at or after `timestamp`; nullopt when there is none.
  absl::StatusOr<std::optional<std::pair<Timestamp, Offset>>> OffsetForTimestamp(Timestamp timestamp);

  // Writes partition.metadata once. kFailedPrecondition when the directory belongs to another topic id (LOG-48).
  absl::Status AssignTopicId(Uuid topic_id);

  const TopicPartition& partition() const { return partition_; }
  const StoredPath& directory() const { return directory_; }
  bool compacted() const { return config_.cleanup_compact; }
  std::optional<Uuid> topic_id() const { return topic_id_; }
  // Of the partition: what lies between it and the local log start is in remote storage only (RebuildFrom).
  Offset log_start_offset() const { return log_start_offset_; }
  Offset local_log_start_offset() const;  // of what is here
  Offset log_end_offset() const { return log_end_offset_; }
  Offset high_watermark() const { return high_watermark_; }
  Offset recovery_point() const { return recovery_point_; }  // everything below survives a power cut
  // Its copying has begun: a leader had what comes next, so whatever lies between its end and where a leader begins
  // later was lost on the way. A new one, or one begun anew, begins wherever its leader does.
  bool begun() const { return begun_; }
  void MarkBegun() { begun_ = true; }
  bool unflushed() const { return recovery_point_ < log_end_offset_ || names_unsynced_; }  // Close has to sync
  // Readers of committed records go up to here: min(high watermark, first offset of the oldest transaction that is open
  // or whose marker is not below the high watermark) (LOG-112).
  Offset last_stable_offset() const;
  const ProducerStateTable& producers() const { return producers_; }
  std::optional<Offset> first_dirty_offset() const { return first_dirty_offset_; }  // nullopt: never compacted
  const absl::Status& failure() const { return failure_; }          // not OK: the log failed for good, see Flush
  const absl::Status& uncleanable() const { return uncleanable_; }  // not OK: why compaction stopped
  // What a person should know of how the log was opened: what recovery took away.
  const std::vector<std::string>& load_notices() const { return load_notices_; }
  // The files alone need not tell it: it is not the first segment's base (LOG-52), or that segment was made to start
  // anew and may not be on the disk yet.
  bool log_start_needs_checkpoint() const;
  uint64_t size_bytes() const;
  // How often it was cut since it was opened: what lies at one place of a file is the same as long as this is.
  uint64_t truncations() const { return truncations_; }
  FilePosition append_position() const;  // where the next append goes, unless the log rolls first
  size_t segment_count() const { return segments_.size(); }
  LeaderEpochCache& epochs() { return *epochs_; }
  const LeaderEpochCache& epochs() const { return *epochs_; }
  std::optional<LeaderEpoch> latest_epoch() const { return epochs_->latest_epoch(); }
  EpochEndOffset EndOffsetForEpoch(LeaderEpoch epoch) const { return epochs_->EndOffsetFor(epoch, log_end_offset_); }

 private:
  PartitionLog(FileIo& io, const std::filesystem::path& directory, TopicPartition partition, const LogConfig& config);

  Segment& active() { return *segments_.back(); }
  size_t FloorSegment(Offset offset) const;  // the last one whose base is at or below `offset`, or the first
  Offset SegmentEnd(size_t number) const;    // the next one's base, or the log end
  asio::awaitable<absl::Status> AppendChecked(IoQueue& queue, ByteSpan batches, WriteHint hint);
  asio::awaitable<absl::Status> WriteStaged(IoQueue& queue, ByteSpan run, WriteHint hint, Offset end);
  asio::awaitable<absl::Status> Roll(IoQueue& queue, Offset base_offset, WriteHint hint);
  // Returns their end. nullopt: not all fit the active segment, and none is staged.
  absl::StatusOr<std::optional<Offset>> StageAll(ByteSpan batches);
  absl::Status FinishWrite(const absl::Status& written, ByteSpan run, Offset end);
  // What is rarely to be done before one. Like a failed append, an error of the disk takes the directory offline.
  absl::Status PrepareAppend();
  absl::Status UndoFailedAppend(const absl::Status& failed);  // returns why it failed
  absl::Status UndoUnwritten();                               // after a failed append
  absl::Status CheckRun(ByteSpan batches, Offset next, LeaderEpoch epoch, const ProducerStateTable& before) const;
  std::optional<absl::Status> TryAppendNow(IoQueue& queue, ByteSpan batches);
  void ReleaseFilesIfIdle();
  void FailAsBrokenOff(absl::string_view what);  // by an exception, in the middle of it
  absl::Status TakeBackEpochs();
  absl::Status StageBatch(const RecordBatchView& batch);
  absl::Status ApplyToProducers(ByteSpan run);  // what was just written
  absl::Status TakeProducerSnapshot();          // at the log end, unless there is one
  absl::Status RewindProducers();               // to the log end, after a truncation
  size_t FirstToFlush() const;                  // the segments before it are on the disk
  absl::StatusOr<std::vector<std::shared_ptr<File>>> FilesToFlush();
  asio::awaitable<absl::Status> FlushAlone(IoQueue& queue);
  asio::awaitable<void> FlushEnded();
  void EndFlush();
  bool healthy() const { return failure_.ok() && !health_->offline(); }
  absl::Status Usable() const;  // failure_, or why the directory is offline
  absl::Status FailUnlessOk(const absl::Status& status, absl::string_view what);  // an error becomes failure_
  struct FlushRound {
    std::vector<std::shared_ptr<File>> files;  // to fsync, one after the other
    Offset end;                                // all below is durable then, unless the log was cut meanwhile
    uint64_t truncations = 0;
    uint64_t bytes = 0;  // of unflushed_bytes_
    bool names = false;  // files came or went
  };
  absl::StatusOr<FlushRound> BeginFlush();
  absl::StatusOr<FlushRound> BeginRound();  // when the epochs are saved, or about to be
  absl::Status FinishFlush(const FlushRound& round, const absl::Status& synced);
  absl::Status BeginCloseTogether(FlushRound& round);
  absl::Status WriteAllToClose();  // what only memory has; not durable yet
  absl::Status EndClose(const absl::Status& durable);
  absl::Status RemoveLastSegment();
  absl::Status StartSegment(Offset base_offset);  // the active one from now on; the last was sealed
  absl::Status RemoveBelowLogStart();             // what nobody may read any more: epochs and whole segments
  absl::Status DeleteOldSegments(Timestamp now);
  struct SegmentTimes {
    Timestamp first, largest;  // of its first batch, -1: it has none; of all its records, or else of the file
  };
  absl::StatusOr<bool> MayGo(size_t number, uint64_t bytes_left, Timestamp now);
  absl::StatusOr<Timestamp> LargestTimestamp(Segment& segment);
  absl::StatusOr<SegmentTimes> TimesOf(Segment& segment);
  absl::Status MarkDeleted(Offset base_offset);  // the files of a segment, which its reader may still have open
  absl::StatusOr<size_t> SegmentsToCompact(Offset first_dirty, Timestamp now);  // 0: no round is due
  absl::StatusOr<std::vector<AbortedTransactionEntry>> AbortedBelow(Offset end);
  bool Overtaken(const Compaction& compaction) const;
  absl::Status SwapIn(const Compaction& compaction);
  absl::Status RemoveSnapshotsBelow(Offset offset);
  void LowerLogEnd(Offset offset);
  void KeepOpen(Segment& segment);
  absl::StatusOr<std::optional<std::pair<Timestamp, Offset>>> FirstRecordAt(Segment& segment, const BatchPlace& place,
                                                                            Timestamp timestamp);

  struct DeletedFile {
    std::filesystem::path path;
    Timestamp due;  // -1: not decided yet
  };

  FileIo& io_;
  StoredPath directory_;
  TopicPartition partition_;
  LogConfig config_;
  std::optional<Uuid> topic_id_;
  std::optional<LeaderEpochCache> epochs_;
  std::vector<std::unique_ptr<Segment>> segments_;  // by base offset; the last is the active one; never empty
  Segment* open_segment_ = nullptr;  // the one closed segment whose files are kept open, for readers that come back
  ProducerStateTable producers_;     // up to the log end
  std::vector<Offset> snapshots_;    // producer snapshots in the directory, rising
  std::vector<std::shared_ptr<File>> unsynced_snapshots_;
  std::vector<DeletedFile> deleted_;  // waiting to leave the disk
  std::vector<std::string> load_notices_;
  std::optional<Offset> first_dirty_offset_;
  absl::btree_map<Offset, SegmentTimes> dirty_times_;  // by base: of the dirty segments that the last look went over
  absl::Status uncleanable_;
  // Invariant: local log start <= high watermark <= log end; recovery point <= log end.
  Offset log_start_offset_{0}, high_watermark_{0}, log_end_offset_{0}, recovery_point_{0};
  Offset end_when_maintained_;  // last
  bool begun_ = false;
  std::shared_ptr<DirectoryHealth> health_;
  absl::Status failure_;           // not OK: what is on disk is no longer known; only opening it anew helps
  bool producers_staged_ = false;  // some batch that is staged may have a producer
  bool names_unsynced_ = false;    // files came or went since the last flush
  bool start_unsynced_ = false;    // the log was started anew since
  bool epochs_staged_ = false;     // the epoch cache tells of batches that are being written
  bool epochs_ahead_ = false;      // ... that were not written
  uint64_t unflushed_bytes_ = 0;
  bool flush_running_ = false;               // of Flush: others wait for its end
  std::unique_ptr<AsyncEvent> flush_ended_;  // made when somebody waits
  uint64_t truncations_ = 0;                 // a flush that was overtaken by one proves nothing
};

}  // namespace slipstream
