#include "fetcher/lane_appends.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "log/record_batch.h"
#include "log/status.h"

namespace slipstream {
namespace {

// From here on an answer is bulk: the reader of the copy is far away, so its pages need not stay in the cache.
constexpr size_t kBulkBytesMin = 256 << 10;

WriteHint HintFor(ByteSpan batches) { return batches.size() >= kBulkBytesMin ? WriteHint::kBulk : WriteHint::kCached; }

}  // namespace

void LaneAppends::Start() {
  for (Append& append : accepted_) {
    if (AppendNow(append)) {
      Finish(append);
      continue;
    }
    ++running_;
    asio::co_spawn(lane_.io, AppendOne(append), [this](std::exception_ptr thrown) {
      if (thrown) run_.Fail(std::move(thrown));
      if (--running_ == 0) run_.progress.NotifyAll();
    });
  }
}

bool LaneAppends::AppendNow(Append& append) {
  if (append.part.batches.empty()) return true;
  append.result = Prepare(append);
  if (!append.result.ok()) return true;
  if (HintFor(append.part.batches) == WriteHint::kBulk) return false;
  const std::optional<absl::Status> written = append.part.partition->log().AppendNow(lane_.queue, append.part.batches);
  if (!written) return false;
  append.written = true;
  append.result = *written;
  return !written->ok() || lane_.config.flush_mode == FlushMode::kCached;
}

absl::Status LaneAppends::Prepare(Append& append) {
  FollowedPartition& partition = *append.part.partition;
  PartitionLog& log = partition.log();
  if (!partition.initial.topic_id.IsZero()) SLIP_RETURN_IF_ERROR(log.AssignTopicId(partition.initial.topic_id));
  // The leader's log starts inside this batch: take the batch whole (FT-37, LOG-66). What we hold, if anything, lies
  // below that start, and goes once it is known that what comes instead is sound.
  const Offset base = RecordBatchView(append.part.batches).base_offset();
  const bool anew = base < log.log_end_offset();
  // By itself, since bytes that are damaged on the way and a log that is damaged here are both kDataLoss: the ones heal
  // when they are asked for again, the other does not.
  const absl::Status sound =
      anew ? log.CheckBatchesOfLogFrom(base, append.part.batches) : log.CheckBatches(append.part.batches);
  append.damaged = absl::IsDataLoss(sound);
  SLIP_RETURN_IF_ERROR(sound);
  return anew ? truncation_.StartAnewAt(partition, base) : absl::OkStatus();
}

asio::awaitable<void> LaneAppends::AppendOne(Append& append) {
  PartitionLog& log = append.part.partition->log();
  if (!append.written)
    append.result =
        co_await log.AppendAsFollower(lane_.queue, append.part.batches, HintFor(append.part.batches), /*checked=*/true);
  if (append.result.ok() && lane_.config.flush_mode == FlushMode::kDurable)
    append.result = co_await log.FlushUpTo(lane_.queue, log.log_end_offset());
  Finish(append);
}

void LaneAppends::Finish(Append& append) {
  append.part.partition->bytes_being_written = 0;
  if (append.result.ok()) {
    OnWritten(append.part);
  } else {
    OnFailed(append);
  }
}

void LaneAppends::OnFailed(const Append& append) {
  FollowedPartition& partition = *append.part.partition;
  const PartitionLog& log = partition.log();
  partition.state.BecomeFetching(log.log_end_offset(), log.latest_epoch());
  partition.state.failures = append.part.failures_before;  // what was fetched but not written is no progress
  partition.lag = std::max<int64_t>(0, append.part.leader_high_watermark - log.log_end_offset());
  if (append.damaged) {
    partitions_.DropAnswer(partition, append.result);
  } else {
    // Written or not, it is not on the disk: before anything is asked past it, that must be so.
    if (lane_.config.flush_mode == FlushMode::kDurable) partition.work = LeaderWork::kLookUpEpoch;
    partitions_.MarkFailed(partition, append.result);
  }
  partitions_.Publish(partition);
}

void LaneAppends::OnWritten(const AcceptedPart& part) {
  FollowedPartition& partition = *part.partition;
  PartitionLog& log = partition.log();
  // Such as a segment that was closed without its fsync: now, so that the recovery point follows.
  const bool wrote = !part.batches.empty();
  if (wrote && lane_.config.flush_mode == FlushMode::kCached && log.FlushDue()) flushes_.Start(partition);
  log.UpdateHighWatermark(part.leader_high_watermark);
  if (part.leader_log_start_offset > log.log_start_offset() && part.leader_log_start_offset <= log.high_watermark()) {
    if (const absl::Status raised = log.MaybeIncrementLogStartOffset(part.leader_log_start_offset); !raised.ok())
      partitions_.MarkFailed(partition, raised);
    partitions_.DeclareLogStart(partition);
  }
  lane_.counters.bytes.fetch_add(part.batches.size(), std::memory_order_relaxed);
  lane_.lane_counters.bytes.fetch_add(part.batches.size(), std::memory_order_relaxed);
  lane_.counters.records.fetch_add(part.records, std::memory_order_relaxed);
  lane_.counters.batches.fetch_add(part.batch_count, std::memory_order_relaxed);
  // Nothing that is committed is left to fetch: else what has failed may only have had no room in this answer.
  if (!wrote && partition.lag == 0 && !partitions_.InTrouble(partition)) partition.state.Recover();
  partitions_.Publish(partition);
  PartitionProgress& progress = *partition.initial.progress;
  progress.PublishLeader(part.leader_high_watermark);
  // A new leader's high watermark may only lag for a moment, so the target is not lowered on its word: asked for its
  // end, it answers once it knows (KIP-207).
  if (!partitions_.InTrouble(partition) && progress.TargetIsBeyond(part.leader_high_watermark))
    partitions_.RequireLeaderWork(partition, LeaderWork::kLowerTarget);
}

}  // namespace slipstream
