// PartitionLog: making what was appended durable.
#include <absl/strings/str_cat.h>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/directory_health.h"
#include "log/partition_log.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {

bool PartitionLog::FlushDue() const {
  const bool closed_unflushed = segments_.size() > 1 && recovery_point_ < segments_.back()->base_offset();
  return closed_unflushed || log_end_offset_ - recovery_point_ >= config_.flush_messages ||
         unflushed_bytes_ >= static_cast<uint64_t>(config_.flush_bytes_max);
}

size_t PartitionLog::FirstToFlush() const {
  const size_t holds_it = FloorSegment(recovery_point_);
  // The segment that ends at the recovery point may have been cut to its content since, when the log rolled.
  return holds_it > 0 && segments_[holds_it]->base_offset() == recovery_point_ ? holds_it - 1 : holds_it;
}

absl::StatusOr<std::vector<std::shared_ptr<File>>> PartitionLog::FilesToFlush() {
  // Snapshots first: the recovery point must not pass one that is not there after a crash (LOG-86).
  std::vector<std::shared_ptr<File>> files = unsynced_snapshots_;
  for (size_t i = FirstToFlush(); i < segments_.size(); ++i) {
    if (!segments_[i]->unsynced()) continue;
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> of_segment, segments_[i]->FilesToSync());
    files.insert(files.end(), of_segment.begin(), of_segment.end());
    // The list keeps its files open until they are synced, and the log keeps one closed segment open at most.
    if (segments_[i].get() != open_segment_ && i + 1 < segments_.size()) segments_[i]->Release();
  }
  return files;
}

absl::StatusOr<PartitionLog::FlushRound> PartitionLog::BeginFlush() {
  SLIP_RETURN_IF_ERROR(Usable());
  SLIP_RETURN_IF_ERROR(epochs_->Save());
  return BeginRound();
}

absl::StatusOr<PartitionLog::FlushRound> PartitionLog::BeginRound() {
  FlushRound round{
      .end = log_end_offset_, .truncations = truncations_, .bytes = unflushed_bytes_, .names = names_unsynced_};
  SLIP_ASSIGN_OR_RETURN(round.files, FilesToFlush());
  // Short of a descriptor nothing has been tried yet, and the next flush does it all. Last: names of what is there.
  if (names_unsynced_) {
    SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> directory, io_.Open(directory_, OpenMode::kDirectory));
    round.files.push_back(std::move(directory));
  }
  // Taken now: an append may write and roll while the fsyncs run, and what that changes is for the next round.
  names_unsynced_ = false;
  for (const std::unique_ptr<Segment>& segment : std::span(segments_).subspan(FirstToFlush())) segment->MarkSynced();
  return round;
}

absl::Status PartitionLog::FinishFlush(const FlushRound& round, const absl::Status& synced) {
  // Whatever its words, a failed fsync may have lost what was written.
  if (!synced.ok()) health_->TakeOffline(Annotate(synced, partition_.ToString()));
  SLIP_RETURN_IF_ERROR(FailUnlessOk(synced, "cannot flush"));
  std::erase_if(unsynced_snapshots_,
                [&](const auto& file) { return std::ranges::find(round.files, file) != round.files.end(); });
  unflushed_bytes_ -= std::min(unflushed_bytes_, round.bytes);
  if (round.truncations != truncations_) return absl::OkStatus();
  recovery_point_ = std::max(recovery_point_, round.end);
  if (round.names) start_unsynced_ = false;
  return absl::OkStatus();
}

asio::awaitable<absl::Status> PartitionLog::Flush(IoQueue& queue) {
  // One at a time: what another has taken to sync is not on the disk before that one has ended.
  while (flush_running_) co_await FlushEnded();
  flush_running_ = true;
  absl::Status flushed;
  try {
    flushed = co_await FlushAlone(queue);
  } catch (...) {
    // What it took to sync need not be synced, and nothing lists it any more.
    FailAsBrokenOff("cannot flush");
    EndFlush();
    throw;
  }
  EndFlush();
  co_return flushed;
}

void PartitionLog::EndFlush() {
  flush_running_ = false;
  // Not kept: the next one to wait may do it on another thread.
  if (const auto ended = std::exchange(flush_ended_, nullptr)) ended->NotifyAll();
}

asio::awaitable<void> PartitionLog::FlushEnded() {
  if (flush_ended_ == nullptr) flush_ended_ = std::make_unique<AsyncEvent>(co_await asio::this_coro::executor);
  co_await flush_ended_->Wait();
}

asio::awaitable<absl::Status> PartitionLog::FlushAlone(IoQueue& queue) {
  // The files are held by themselves: a truncation may remove their segments before the fsyncs are done.
  SLIP_CO_ASSIGN_OR_RETURN(const FlushRound round, BeginFlush());
  absl::Status synced;
  for (const std::shared_ptr<File>& file : round.files) {
    const absl::Status one = co_await queue.Sync(*file);
    synced.Update(one);
  }
  co_return FinishFlush(round, synced);
}

absl::Status PartitionLog::FlushBlocking() {
  SLIP_CHECK(!flush_running_);
  SLIP_ASSIGN_OR_RETURN(const FlushRound round, BeginFlush());
  absl::Status synced;
  for (const std::shared_ptr<File>& file : round.files) synced.Update(file->Sync());
  return FinishFlush(round, synced);
}

asio::awaitable<absl::Status> PartitionLog::FlushUpTo(IoQueue& queue, Offset offset) {
  SLIP_CHECK_LE(offset.value, log_end_offset_.value);
  const uint64_t truncations = truncations_;
  for (;;) {
    // First: what was cut and written anew up to `offset` may be durable, and is something else.
    if (truncations != truncations_) co_return absl::AbortedError(absl::StrCat(partition_.ToString(), ": truncated"));
    if (recovery_point_ >= offset) co_return absl::OkStatus();
    SLIP_CO_RETURN_IF_ERROR(Usable());
    if (flush_running_) {
      co_await FlushEnded();
      continue;
    }
    const absl::Status flushed = co_await Flush(queue);
    if (!flushed.ok()) co_return flushed;
  }
}

}  // namespace slipstream
