// PartitionLog: what makes the log longer.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/record_batch.h"
#include "log/segment.h"
#include "log/status.h"
#include "log/transaction_index.h"

namespace slipstream {

absl::Status PartitionLog::CheckBatches(ByteSpan batches) {
  SLIP_RETURN_IF_ERROR(TakeBackEpochs());
  return CheckRun(batches, log_end_offset_, epochs_->latest_epoch().value_or(LeaderEpoch{0}), producers_);
}

absl::Status PartitionLog::CheckBatchesOfLogFrom(Offset start, ByteSpan batches) const {
  return CheckRun(batches, start, LeaderEpoch{0}, ProducerStateTable());
}

absl::Status PartitionLog::CheckRun(ByteSpan batches, Offset next, LeaderEpoch epoch,
                                    const ProducerStateTable& before) const {
  BatchWalker walker(batches);
  bool first = true;
  ProducerRunCheck producers(before);
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
    if (!batch.CrcValid()) return refuse("its CRC is wrong");
    if (batch.bytes().size() > static_cast<size_t>(config_.segment_bytes))
      return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": batch of ", batch.bytes().size(),
                                                     " bytes is above segment.bytes, ", config_.segment_bytes));
    if (const absl::Status allowed = producers.Check(batch); !allowed.ok()) return refuse(allowed.message());
    next = batch.next_offset();
    epoch = batch.partition_leader_epoch();
    first = false;
  }
  SLIP_RETURN_IF_ERROR(Annotate(walker.status(), partition_.ToString()));
  SLIP_CHECK_EQ(walker.valid_bytes(), batches.size());
  return absl::OkStatus();
}

asio::awaitable<absl::Status> PartitionLog::AppendAsFollower(IoQueue& queue, ByteSpan batches, WriteHint hint,
                                                             bool checked) {
  SLIP_CO_RETURN_IF_ERROR(Usable());
  if (!checked) SLIP_CO_RETURN_IF_ERROR(CheckBatches(batches));
  SLIP_CO_RETURN_IF_ERROR(PrepareAppend());
  absl::Status appended;
  try {
    appended = co_await AppendChecked(queue, batches, hint);
  } catch (...) {
    // What was staged of it may be written or not: nothing can be added behind it before the log is opened anew.
    FailAsBrokenOff("cannot append");
    throw;
  }
  co_return appended.ok() ? appended : UndoFailedAppend(appended);
}

std::optional<absl::Status> PartitionLog::AppendNow(IoQueue& queue, ByteSpan batches) {
  try {
    return TryAppendNow(queue, batches);
  } catch (...) {
    FailAsBrokenOff("cannot append");
    throw;
  }
}

std::optional<absl::Status> PartitionLog::TryAppendNow(IoQueue& queue, ByteSpan batches) {
  const bool prepared = healthy() && !epochs_ahead_ && active().ready_for_append();
  if (!prepared) SLIP_RETURN_IF_ERROR(PrepareAppend());
  if (!active().WritesNow(queue, batches.size())) return std::nullopt;
  const absl::StatusOr<std::optional<Offset>> end = StageAll(batches);
  if (!end.ok()) return UndoFailedAppend(end.status());
  if (*end) {
    absl::Status appended = FinishWrite(active().WriteStagedNow(queue, batches), batches, **end);
    return appended.ok() ? std::move(appended) : UndoFailedAppend(appended);
  }
  epochs_ahead_ = std::exchange(epochs_staged_, false);
  return std::nullopt;
}

absl::Status PartitionLog::PrepareAppend() {
  SLIP_RETURN_IF_ERROR(Usable());
  absl::Status prepared = TakeBackEpochs();
  if (prepared.ok()) prepared = active().LoadForAppend(log_end_offset_);
  if (IsDiskFailure(prepared)) health_->TakeOffline(Annotate(prepared, partition_.ToString()));
  return prepared;
}

absl::Status PartitionLog::UndoFailedAppend(const absl::Status& failed) {
  if (IsDiskFailure(failed)) health_->TakeOffline(Annotate(failed, partition_.ToString()));
  const absl::Status undone = UndoUnwritten();
  if (undone.ok()) return failed;
  return absl::Status(failed.code(), absl::StrCat(failed.message(), "; then: ", undone.message()));
}

absl::Status PartitionLog::UndoUnwritten() {
  // A segment rolled past a hole is empty now and begins above the log end.
  if (active().base_offset() > log_end_offset_) {
    absl::Status undone = RemoveLastSegment();
    if (undone.ok()) undone = RewindProducers();  // they were told of the hole
    SLIP_RETURN_IF_ERROR(FailUnlessOk(undone, "cannot undo a roll"));
  }
  epochs_ahead_ = std::exchange(epochs_staged_, false);
  return TakeBackEpochs();
}

// An epoch that was announced for batches that were not written may begin elsewhere when they come again. On a full
// disk it may have to wait for the next append; a crash before that is the next load's to mend.
absl::Status PartitionLog::TakeBackEpochs() {
  if (!epochs_ahead_) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(epochs_->TruncateFromEnd(log_end_offset_));
  epochs_ahead_ = false;
  return absl::OkStatus();
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
  // In memory before the data; on the disk before the recovery point passes them, as all above it is read again
  // (LOG-63).
  if (!epochs_->Covers(batch.partition_leader_epoch(), batch.base_offset())) {
    const std::optional<LeaderEpoch> before = latest_epoch();
    const absl::Status noted = epochs_->Note(batch.partition_leader_epoch(), batch.base_offset());
    epochs_staged_ = epochs_staged_ || latest_epoch() != before;
    SLIP_RETURN_IF_ERROR(noted);
  }
  producers_staged_ = producers_staged_ || batch.producer_id() >= 0;
  return active().Stage(batch);
}

asio::awaitable<absl::Status> PartitionLog::AppendChecked(IoQueue& queue, ByteSpan batches, WriteHint hint) {
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
      // Where the last batch ends, also when the next one comes after a hole: were there a hole between two segments,
      // recovery could not tell it from a lost tail. Past the hole only where no relative offset would fit (LOG-170).
      SLIP_CO_ASSIGN_OR_RETURN(const Offset batches_end, active().BatchesEnd());
      const bool fits = batch.last_offset() - batches_end <= kRelativeOffsetMax;
      const absl::Status rolled = co_await Roll(queue, fits ? batches_end : batch.base_offset(), hint);
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
  co_return FinishWrite(written, run, end);
}

absl::StatusOr<std::optional<Offset>> PartitionLog::StageAll(ByteSpan batches) {
  Offset end = log_end_offset_;
  BatchWalker walker(batches);
  while (walker.Next()) {
    const RecordBatchView batch = walker.batch();
    const bool fits = active().Fits(batch);
    const absl::Status staged = fits ? StageBatch(batch) : absl::OkStatus();
    if (!fits || !staged.ok()) active().Unstage();
    if (!fits) return std::optional<Offset>();
    SLIP_RETURN_IF_ERROR(staged);
    end = batch.next_offset();
  }
  return std::optional(end);
}

absl::Status PartitionLog::FinishWrite(const absl::Status& written, ByteSpan run, Offset end) {
  if (!written.ok()) return written;
  log_end_offset_ = end;
  epochs_staged_ = false;
  begun_ = true;
  unflushed_bytes_ += run.size();
  producers_.AdvanceEndTo(end);
  // No second walk without producers. A flush may have failed the log meanwhile.
  if (!std::exchange(producers_staged_, false)) return failure_;
  // The data is there, and its offsets are taken: what fails now fails the log (LOG-62).
  return FailUnlessOk(ApplyToProducers(run), "cannot note an aborted transaction");
}

absl::Status PartitionLog::ApplyToProducers(ByteSpan run) {
  BatchWalker walker(run);
  while (walker.Next()) {
    const std::optional<CompletedTransaction> completed = producers_.Apply(walker.batch());
    if (!completed || !completed->aborted) continue;
    SLIP_RETURN_IF_ERROR(active().AppendAborted(IndexEntryOf(*completed, producers_)));
    names_unsynced_ = true;  // it may have made the file
  }
  return absl::OkStatus();
}

absl::Status PartitionLog::TakeProducerSnapshot() {
  producers_.AdvanceEndTo(active().base_offset());  // past a hole
  const Offset end = producers_.end_offset();
  // Nothing new since the last one (LOG-117); an empty log has nothing to tell.
  if (end <= (snapshots_.empty() ? local_log_start_offset() : snapshots_.back())) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> file, WriteProducerSnapshot(io_, directory_, producers_));
  snapshots_.push_back(end);
  unsynced_snapshots_.push_back(std::move(file));
  names_unsynced_ = true;
  return absl::OkStatus();
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
  co_return StartSegment(base_offset);
}

absl::Status PartitionLog::StartSegment(Offset base_offset) {
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment, Segment::Create(io_, directory_, base_offset, config_));
  names_unsynced_ = true;
  segments_.push_back(std::move(segment));
  KeepOpen(*segments_[segments_.size() - 2]);
  return TakeProducerSnapshot();
}

}  // namespace slipstream
