#include "log/partition_log.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/compression.h"
#include "log/log_recovery.h"
#include "log/partition_metadata.h"
#include "log/record.h"
#include "log/record_batch.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kLeaderEpochFile[] = "leader-epoch-checkpoint";
constexpr size_t kDecompressedBytesMax = 256 << 20;  // of one batch, when a timestamp is looked up inside it

}  // namespace

PartitionLog::PartitionLog(FileIo& io, std::filesystem::path directory, TopicPartition partition,
                           const LogConfig& config)
    : io_(io), directory_(std::move(directory)), partition_(std::move(partition)), config_(config) {}

PartitionLog::~PartitionLog() = default;

absl::StatusOr<std::unique_ptr<PartitionLog>> PartitionLog::Open(FileIo& io, std::filesystem::path directory,
                                                                 TopicPartition partition, const LogConfig& config,
                                                                 const LogOpenOptions& options) {
  SLIP_RETURN_IF_ERROR(config.Validate());
  if (!io.Exists(directory)) {
    SLIP_RETURN_IF_ERROR(io.CreateDirectories(directory));
    SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory.parent_path()));
  }
  std::unique_ptr<PartitionLog> log(new PartitionLog(io, std::move(directory), std::move(partition), config));
  SLIP_ASSIGN_OR_RETURN(log->topic_id_, ReadPartitionMetadata(io, log->directory_));
  SLIP_ASSIGN_OR_RETURN(log->epochs_, LeaderEpochCache::Load(io, log->directory_ / kLeaderEpochFile));
  SLIP_ASSIGN_OR_RETURN(LoadedLog loaded, LoadSegments(io, log->directory_, log->config_, options, *log->epochs_));
  log->segments_ = std::move(loaded.segments);
  log->log_end_offset_ = loaded.log_end_offset;
  log->log_start_offset_ = std::max(options.log_start_offset, log->segments_.front()->base_offset());
  log->high_watermark_ = std::clamp(options.high_watermark, log->log_start_offset_, log->log_end_offset_);
  // Recovery proves that batches are whole, not that they are on the disk: it never advances the point (LOG-131).
  log->recovery_point_ = options.clean ? log->log_end_offset_ : std::min(options.recovery_point, log->log_end_offset_);
  return log;
}

absl::Status PartitionLog::AssignTopicId(Uuid topic_id) {
  if (topic_id_ == topic_id) return absl::OkStatus();
  if (topic_id.IsZero())
    return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": the topic id is zero"));
  if (topic_id_)
    return absl::FailedPreconditionError(absl::StrCat(directory_.string(), " belongs to topic id ",
                                                      topic_id_->ToString(), ", not ", topic_id.ToString(),
                                                      ": the topic was made anew"));
  SLIP_RETURN_IF_ERROR(WritePartitionMetadata(io_, directory_, topic_id));
  topic_id_ = topic_id;
  return absl::OkStatus();
}

uint64_t PartitionLog::size_bytes() const {
  uint64_t sum = 0;
  for (const std::unique_ptr<Segment>& segment : segments_) sum += segment->size_bytes();
  return sum;
}

bool PartitionLog::log_start_in_segment() const { return log_start_offset_ > segments_.front()->base_offset(); }

size_t PartitionLog::FloorSegment(Offset offset) const {
  const auto above =
      std::ranges::upper_bound(segments_, offset, {}, [](const auto& segment) { return segment->base_offset(); });
  return above == segments_.begin() ? 0 : static_cast<size_t>(above - segments_.begin()) - 1;
}

Offset PartitionLog::SegmentEnd(size_t number) const {
  return number + 1 < segments_.size() ? segments_[number + 1]->base_offset() : log_end_offset_;
}

absl::Status PartitionLog::FailUnlessOk(const absl::Status& status, absl::string_view what) {
  if (!status.ok()) failure_ = Annotate(status, absl::StrCat(partition_.ToString(), ": ", what));
  return failure_;
}

// Appending.

absl::Status PartitionLog::CheckRun(ByteSpan batches, bool crc_checked) const {
  BatchWalker walker(batches);
  Offset next = log_end_offset_;
  LeaderEpoch epoch = epochs_->latest_epoch().value_or(LeaderEpoch{0});
  bool first = true;
  while (walker.Next()) {
    const RecordBatchView batch = walker.batch();
    const auto refuse = [&](const auto&... what) {
      return absl::DataLossError(
          absl::StrCat(partition_.ToString(), ": batch with base offset ", batch.base_offset().value, ": ", what...));
    };
    if (batch.base_offset() < next) {
      if (!first) return refuse("comes after offset ", next.value - 1);
      return absl::FailedPreconditionError(absl::StrCat(partition_.ToString(), ": batch with base offset ",
                                                        batch.base_offset().value, " is below the log end offset ",
                                                        next.value));
    }
    // A negative epoch would only fail later, in the epoch cache (LOG-174).
    if (batch.partition_leader_epoch() < epoch)
      return refuse("leader epoch ", batch.partition_leader_epoch().value, " after ", epoch.value);
    if (!crc_checked && !batch.CrcValid()) return refuse("its CRC is wrong");
    if (batch.bytes().size() > static_cast<size_t>(config_.segment_bytes))
      return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": batch of ", batch.bytes().size(),
                                                     " bytes is above segment.bytes, ", config_.segment_bytes));
    next = batch.next_offset();
    epoch = batch.partition_leader_epoch();
    first = false;
  }
  SLIP_RETURN_IF_ERROR(Annotate(walker.status(), partition_.ToString()));
  SLIP_CHECK_EQ(walker.valid_bytes(), batches.size());
  return absl::OkStatus();
}

asio::awaitable<absl::Status> PartitionLog::AppendAsFollower(IoQueue& queue, ByteSpan batches, WriteHint hint,
                                                             bool crc_checked) {
  SLIP_CO_RETURN_IF_ERROR(failure_);
  SLIP_CO_RETURN_IF_ERROR(CheckRun(batches, crc_checked));
  const std::optional<LeaderEpoch> epoch_before = latest_epoch();
  const absl::Status appended = co_await AppendChecked(queue, batches, hint);
  if (!appended.ok()) UndoUnwritten(epoch_before);
  co_return appended;
}

void PartitionLog::UndoUnwritten(std::optional<LeaderEpoch> epoch_before) {
  // A segment rolled past a hole is empty now and begins above the log end.
  if (active().base_offset() > log_end_offset_) (void)FailUnlessOk(RemoveLastSegment(), "cannot undo a roll");
  // An epoch that was announced for the unwritten batches may begin elsewhere when they come again. Should this fail,
  // the next load does it.
  if (latest_epoch() != epoch_before) (void)epochs_->TruncateFromEnd(log_end_offset_);
}

asio::awaitable<absl::StatusOr<Offset>> PartitionLog::AppendAsLeader(IoQueue& queue, std::span<std::byte> batches,
                                                                     LeaderEpoch epoch) {
  const Offset first = log_end_offset_;
  Offset next = first;
  BatchWalker walker(batches);
  while (walker.Next()) {
    const std::span<std::byte> batch = batches.subspan(walker.position().value, walker.batch().bytes().size());
    StampBaseOffset(batch, next);
    StampLeaderEpoch(batch, epoch);
    next = RecordBatchView(batch).next_offset();
  }
  const absl::Status appended = co_await AppendAsFollower(queue, batches, WriteHint::kCached);
  if (!appended.ok()) co_return appended;
  co_return first;
}

absl::Status PartitionLog::StageBatch(const RecordBatchView& batch) {
  // Before the data: the epoch file may run ahead of it, never behind (LOG-63).
  if (!epochs_->Covers(batch.partition_leader_epoch(), batch.base_offset()))
    SLIP_RETURN_IF_ERROR(epochs_->Assign(batch.partition_leader_epoch(), batch.base_offset()));
  return active().Stage(batch);
}

asio::awaitable<absl::Status> PartitionLog::AppendChecked(IoQueue& queue, ByteSpan batches, WriteHint hint) {
  SLIP_CO_RETURN_IF_ERROR(active().LoadForAppend());
  size_t run_begin = 0;  // what is staged but not written begins here
  Offset end = log_end_offset_;
  BatchWalker walker(batches);
  while (walker.Next()) {
    const RecordBatchView batch = walker.batch();
    if (!active().Fits(batch)) {
      const absl::Status written =
          co_await WriteStaged(queue, batches.subspan(run_begin, walker.position().value - run_begin), hint, end);
      if (!written.ok()) co_return written;
      run_begin = walker.position().value;
      // A hole before the batch moves the base past it, or no relative offset might fit (LOG-85, LOG-170).
      const absl::Status rolled = co_await Roll(queue, std::max(log_end_offset_, batch.base_offset()), hint);
      if (!rolled.ok()) co_return rolled;
    }
    if (const absl::Status staged = StageBatch(batch); !staged.ok()) {
      active().Unstage();
      co_return staged;
    }
    end = batch.next_offset();
  }
  const absl::Status written = co_await WriteStaged(queue, batches.subspan(run_begin), hint, end);
  co_return written;
}

asio::awaitable<absl::Status> PartitionLog::WriteStaged(IoQueue& queue, ByteSpan run, WriteHint hint, Offset end) {
  if (run.empty()) co_return absl::OkStatus();
  const absl::Status written = co_await active().WriteStaged(queue, run, hint);
  if (written.ok()) log_end_offset_ = end;
  co_return written;
}

asio::awaitable<absl::Status> PartitionLog::Roll(IoQueue& queue, Offset base_offset, WriteHint hint) {
  SLIP_CHECK_GT(base_offset, active().base_offset());
  SLIP_CO_RETURN_IF_ERROR(active().Seal());
  // Catching up, the data is already on its way to the disk and this wait is short. At the tail it may not be, and the
  // partition's producers wait for this append: the owner flushes beside it, and the recovery point stays until then.
  if (hint == WriteHint::kBulk) {
    const absl::Status flushed = co_await Flush(queue);
    if (!flushed.ok()) co_return flushed;
  }
  SLIP_CO_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment, Segment::Create(io_, directory_, base_offset, config_));
  names_unsynced_ = true;
  segments_.push_back(std::move(segment));
  KeepOpen(*segments_[segments_.size() - 2]);
  co_return absl::OkStatus();
}

// Flushing.

bool PartitionLog::HasUnflushedClosedSegment() const {
  return segments_.size() > 1 && recovery_point_ < segments_.back()->base_offset();
}

absl::StatusOr<std::vector<std::shared_ptr<File>>> PartitionLog::FilesToFlush() {
  std::vector<std::shared_ptr<File>> files;
  for (size_t i = FloorSegment(recovery_point_); i < segments_.size(); ++i) {
    if (SegmentEnd(i) <= recovery_point_ && !names_unsynced_) continue;
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> of_segment, segments_[i]->FilesToSync());
    files.insert(files.end(), of_segment.begin(), of_segment.end());
  }
  return files;
}

absl::Status PartitionLog::FinishFlush(const absl::Status& synced, Offset end, uint64_t truncations) {
  SLIP_RETURN_IF_ERROR(FailUnlessOk(synced, "cannot flush"));
  if (truncations == truncations_) recovery_point_ = std::max(recovery_point_, end);
  return absl::OkStatus();
}

asio::awaitable<absl::Status> PartitionLog::Flush(IoQueue& queue) {
  SLIP_CO_RETURN_IF_ERROR(failure_);
  const Offset end = log_end_offset_;
  const uint64_t truncations = truncations_;
  SLIP_CO_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> files, FilesToFlush());
  // The files are held by themselves: a truncation may remove their segments before the fsyncs are done.
  absl::Status synced;
  for (const std::shared_ptr<File>& file : files) {
    const absl::Status one = co_await queue.Sync(*file);
    synced.Update(one);
  }
  if (synced.ok() && names_unsynced_) {
    names_unsynced_ = false;
    synced = io_.SyncDirectory(directory_);
  }
  co_return FinishFlush(synced, end, truncations);
}

absl::Status PartitionLog::Close() {
  SLIP_RETURN_IF_ERROR(failure_);
  SLIP_RETURN_IF_ERROR(active().Seal());
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> files, FilesToFlush());
  absl::Status synced;
  for (const std::shared_ptr<File>& file : files) synced.Update(file->Sync());
  if (synced.ok()) synced = io_.SyncDirectory(directory_);
  SLIP_RETURN_IF_ERROR(FinishFlush(synced, log_end_offset_, truncations_));
  for (const std::unique_ptr<Segment>& segment : segments_) segment->Release();
  return absl::OkStatus();
}

// Truncating.

void PartitionLog::LowerLogEnd(Offset offset) {
  log_end_offset_ = std::min(log_end_offset_, offset);
  high_watermark_ = std::min(high_watermark_, log_end_offset_);
  recovery_point_ = std::min(recovery_point_, log_end_offset_);
  log_start_offset_ = std::min(log_start_offset_, log_end_offset_);
}

absl::Status PartitionLog::RemoveLastSegment() {
  const Offset base = active().base_offset();
  if (open_segment_ == &active()) open_segment_ = nullptr;
  LowerLogEnd(base);
  SLIP_RETURN_IF_ERROR(Segment::RemoveFiles(io_, directory_, base));
  segments_.pop_back();
  if (!segments_.empty() && open_segment_ == &active()) open_segment_ = nullptr;  // active again: stays open by itself
  return absl::OkStatus();
}

absl::Status PartitionLog::TruncateTo(Offset offset) {
  SLIP_RETURN_IF_ERROR(failure_);
  if (offset < Offset{0})
    return absl::InvalidArgumentError(
        absl::StrCat(partition_.ToString(), ": cannot truncate to offset ", offset.value));
  // At the end there may still be epochs that no data follows (LOG-175).
  if (offset >= log_end_offset_) return epochs_->TruncateFromEnd(log_end_offset_);
  if (offset < segments_.front()->base_offset()) return TruncateFullyAndStartAt(offset);
  ++truncations_;
  names_unsynced_ = true;
  const auto cut = [&]() -> absl::Status {
    const size_t keep = FloorSegment(offset) + 1;
    while (segments_.size() > keep) SLIP_RETURN_IF_ERROR(RemoveLastSegment());
    if (open_segment_ == &active()) open_segment_ = nullptr;  // active again, so it stays open by itself
    SLIP_ASSIGN_OR_RETURN(const Offset end, active().TruncateTo(offset));
    LowerLogEnd(end);
    return absl::OkStatus();
  };
  // Half a cut leaves the log end unknown: appending there could tear a hole.
  SLIP_RETURN_IF_ERROR(FailUnlessOk(cut(), absl::StrCat("cannot truncate to offset ", offset.value)));
  return epochs_->TruncateFromEnd(log_end_offset_);
}

absl::Status PartitionLog::TruncateFullyAndStartAt(Offset offset) {
  SLIP_RETURN_IF_ERROR(failure_);
  if (offset < Offset{0})
    return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": cannot start at offset ", offset.value));
  ++truncations_;
  names_unsynced_ = true;
  // The newest go first, the epochs after the data, the new segment last: what a crash leaves is a prefix or nothing.
  // An error on the way leaves no log to go on with.
  const auto replace = [&]() -> absl::Status {
    for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment)
      SLIP_RETURN_IF_ERROR(Segment::RemoveFiles(io_, directory_, (*segment)->base_offset()));
    SLIP_RETURN_IF_ERROR(epochs_->Clear());
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> fresh, Segment::Create(io_, directory_, offset, config_));
    open_segment_ = nullptr;
    segments_.clear();
    segments_.push_back(std::move(fresh));
    return absl::OkStatus();
  };
  SLIP_RETURN_IF_ERROR(FailUnlessOk(replace(), absl::StrCat("cannot start anew at offset ", offset.value)));
  log_start_offset_ = high_watermark_ = log_end_offset_ = offset;
  recovery_point_ = std::min(recovery_point_, offset);
  return absl::OkStatus();
}

absl::Status PartitionLog::MaybeIncrementLogStartOffset(Offset offset) {
  SLIP_RETURN_IF_ERROR(failure_);
  if (offset <= log_start_offset_) return absl::OkStatus();
  if (offset > high_watermark_)
    return absl::OutOfRangeError(absl::StrCat(partition_.ToString(), ": log start offset ", offset.value,
                                              " would be above the high watermark ", high_watermark_.value));
  log_start_offset_ = offset;
  recovery_point_ = std::max(recovery_point_, offset);
  SLIP_RETURN_IF_ERROR(epochs_->TruncateFromStart(offset));
  while (segments_.size() > 1 && segments_[1]->base_offset() <= offset) {
    if (open_segment_ == segments_.front().get()) open_segment_ = nullptr;
    SLIP_RETURN_IF_ERROR(Segment::RemoveFiles(io_, directory_, segments_.front()->base_offset()));
    segments_.erase(segments_.begin());
    names_unsynced_ = true;
  }
  return absl::OkStatus();
}

bool PartitionLog::UpdateHighWatermark(Offset offset) {
  const Offset clamped = std::clamp(offset, log_start_offset_, log_end_offset_);
  const bool moved = clamped != high_watermark_;
  high_watermark_ = clamped;
  return moved;
}

// Reading.

void PartitionLog::KeepOpen(Segment& segment) {
  if (&segment == &active() || &segment == open_segment_) return;
  if (open_segment_ != nullptr) open_segment_->Release();
  open_segment_ = &segment;
}

absl::StatusOr<LogSlice> PartitionLog::Read(Offset offset, Offset bound, uint64_t bytes_max) {
  if (offset < log_start_offset_ || offset > log_end_offset_)
    return absl::OutOfRangeError(absl::StrCat(partition_.ToString(), ": offset ", offset.value, " is not within ",
                                              log_start_offset_.value, " and ", log_end_offset_.value));
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
