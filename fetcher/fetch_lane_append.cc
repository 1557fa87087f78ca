// FetchLane: accepted records to the log, and what is published then (FT-36..FT-39).
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "fetcher/fetch_lane.h"
#include "log/record_batch.h"
#include "log/status.h"

namespace slipstream {
namespace {

// From here on an answer is bulk: the reader of the copy is far away, so its pages need not stay in the cache.
constexpr size_t kBulkBytesMin = 256 << 10;

WriteHint HintFor(ByteSpan batches) { return batches.size() >= kBulkBytesMin ? WriteHint::kBulk : WriteHint::kCached; }

}  // namespace

void FetchLane::StartAppends() {
  for (Appended& appended : accepted_) {
    if (AppendNow(appended)) {
      FinishAppend(appended);
      continue;
    }
    ++appends_running_;
    asio::co_spawn(io_, AppendOne(appended), [this](std::exception_ptr thrown) {
      if (thrown) failure_ = std::move(thrown);
      if (--appends_running_ == 0) progress_.NotifyAll();
    });
  }
}

bool FetchLane::AppendNow(Appended& appended) {
  if (appended.batches.empty()) return true;
  appended.result = PrepareAppend(appended);
  if (!appended.result.ok()) return true;
  if (HintFor(appended.batches) == WriteHint::kBulk) return false;
  const std::optional<absl::Status> written = appended.partition->log().AppendNow(queue_, appended.batches);
  if (!written) return false;
  appended.written = true;
  appended.result = *written;
  return !written->ok() || config_.flush_mode == FlushMode::kCached;
}

absl::Status FetchLane::PrepareAppend(Appended& appended) {
  FollowedPartition& partition = *appended.partition;
  PartitionLog& log = partition.log();
  if (!partition.initial.topic_id.IsZero()) SLIP_RETURN_IF_ERROR(log.AssignTopicId(partition.initial.topic_id));
  // The leader's log starts inside this batch: take the batch whole (FT-37, LOG-66). What we hold, if anything, lies
  // below that start, and goes once it is known that what comes instead is sound.
  const Offset base = RecordBatchView(appended.batches).base_offset();
  const bool anew = base < log.log_end_offset();
  // By itself, since bytes that are damaged on the way and a log that is damaged here are both kDataLoss: the ones heal
  // when they are asked for again, the other does not.
  const absl::Status sound =
      anew ? log.CheckBatchesOfLogFrom(base, appended.batches) : log.CheckBatches(appended.batches);
  appended.damaged = absl::IsDataLoss(sound);
  SLIP_RETURN_IF_ERROR(sound);
  return anew ? StartAnewAt(partition, base) : absl::OkStatus();
}

asio::awaitable<void> FetchLane::AppendOne(Appended& appended) {
  PartitionLog& log = appended.partition->log();
  if (!appended.written)
    appended.result =
        co_await log.AppendAsFollower(queue_, appended.batches, HintFor(appended.batches), /*checked=*/true);
  if (appended.result.ok() && config_.flush_mode == FlushMode::kDurable)
    appended.result = co_await log.FlushUpTo(queue_, log.log_end_offset());
  FinishAppend(appended);
}

void FetchLane::FinishAppend(Appended& appended) {
  FollowedPartition& partition = *appended.partition;
  PartitionLog& log = partition.log();
  partition.bytes_being_written = 0;
  if (!appended.result.ok()) {
    partition.state.BecomeFetching(log.log_end_offset(), log.latest_epoch());
    partition.state.failures = appended.failures_before;  // what was fetched but not written is no progress
    partition.lag = std::max<int64_t>(0, appended.leader_high_watermark - log.log_end_offset());
    if (appended.damaged) {
      DropAnswer(partition, appended.result);
    } else {
      // Written or not, it is not on the disk: before anything is asked past it, that must be so.
      if (config_.flush_mode == FlushMode::kDurable) partition.work = LeaderWork::kLookUpEpoch;
      MarkFailed(partition, appended.result);
    }
    Publish(partition);
    return;
  }
  // Such as a segment that was closed without its fsync: now, so that the recovery point follows.
  const bool wrote = !appended.batches.empty();
  if (wrote && config_.flush_mode == FlushMode::kCached && log.FlushDue()) StartFlush(partition);
  log.UpdateHighWatermark(appended.leader_high_watermark);
  if (appended.leader_log_start_offset > log.log_start_offset() &&
      appended.leader_log_start_offset <= log.high_watermark()) {
    if (const absl::Status raised = log.MaybeIncrementLogStartOffset(appended.leader_log_start_offset); !raised.ok())
      MarkFailed(partition, raised);
    DeclareLogStart(partition);
  }
  counters_.bytes.fetch_add(appended.batches.size(), std::memory_order_relaxed);
  lane_counters_.bytes.fetch_add(appended.batches.size(), std::memory_order_relaxed);
  counters_.records.fetch_add(appended.records, std::memory_order_relaxed);
  counters_.batches.fetch_add(appended.batch_count, std::memory_order_relaxed);
  Publish(partition);
  PartitionProgress& progress = *partition.initial.progress;
  progress.PublishLeader(appended.leader_high_watermark);
  // A new leader's high watermark may only lag for a moment, so the target is not lowered on its word: asked for its
  // end, it answers once it knows (KIP-207).
  if (!InTrouble(partition) && progress.TargetIsBeyond(appended.leader_high_watermark))
    RequireLeaderWork(partition, LeaderWork::kLowerTarget);
}

}  // namespace slipstream
