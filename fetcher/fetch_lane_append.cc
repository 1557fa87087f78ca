// FetchLane: from an answer's records to the log (FT-36..FT-39).
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include "fetcher/fetch_lane.h"
#include "log/check.h"
#include "log/record_batch.h"

namespace slipstream {
namespace {

// From here on an answer is bulk: the reader of the copy is far away, so its pages need not stay in the cache.
constexpr size_t kBulkBytesMin = 256 << 10;

}  // namespace

void FetchLane::Accept(FollowedPartition& partition, const PartitionData& answer) {
  PartitionFetchState& state = partition.state;
  Appended appended;
  appended.partition = &partition;
  appended.leader_high_watermark = answer.high_watermark;
  appended.leader_log_start_offset = answer.log_start_offset;
  BatchWalker walker(answer.records.bytes);
  Offset next = state.fetch_offset;
  LeaderEpoch epoch = state.last_fetched_epoch.value_or(LeaderEpoch{});
  uint64_t taken = 0;
  const bool epoch_known = state.current_leader_epoch >= LeaderEpoch{0};  // old brokers do not tell
  bool newer_leader = false;
  absl::Status wrong;
  while (walker.Next()) {
    const RecordBatchView batch = walker.batch();
    // Written by a leader we have not heard of yet: what comes before it is still good (KAFKA-18723).
    newer_leader = epoch_known && batch.partition_leader_epoch() > state.current_leader_epoch;
    if (newer_leader) break;
    const bool straddles_start =
        taken == 0 && partition.log().log_start_offset() == next && batch.last_offset() >= next;
    if (batch.base_offset() < next && !straddles_start) {
      wrong = absl::DataLossError(
          absl::StrCat("batch at offset ", batch.base_offset().value, " where ", next.value, " was expected"));
      break;
    }
    next = batch.next_offset();
    epoch = batch.partition_leader_epoch();
    taken = walker.valid_bytes();
    appended.records += static_cast<uint64_t>(std::max(0, batch.record_count()));
    ++appended.batch_count;
  }
  wrong.Update(walker.status());
  if (!wrong.ok()) {
    // Nothing of it is taken: a damaged answer heals when it is asked for again (FT-32).
    counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    events_.OnNotice(absl::StrCat(partition.name().ToString(), ": answer of ", leader_.endpoint().ToString(),
                                  " dropped: ", wrong.message()));
    Delay(partition, config_.replica_fetch_backoff);
    return;
  }
  if (newer_leader && taken == 0) {
    // The same batch would come again at once: time for the news of the election to arrive.
    counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    events_.OnLeaderInDoubt(leader_.broker_id(),
                            absl::StrCat(partition.name().ToString(), ": a batch of a leader epoch above ",
                                         state.current_leader_epoch.value));
    Delay(partition, config_.replica_fetch_backoff);
    return;
  }
  appended.batches = answer.records.bytes.first(taken);
  partition.bytes_being_written = taken;
  appended.failures_before = state.failures;
  if (taken > 0) {
    state.Advance(next, epoch);
    Declare(partition);
  }
  accepted_.push_back(appended);
}

asio::awaitable<void> FetchLane::AppendAccepted() {
  for (Appended& appended : accepted_) {
    if (appended.batches.empty()) {
      FinishAppend(appended);
      continue;
    }
    ++appends_running_;
    asio::co_spawn(io_, AppendOne(appended), [this](std::exception_ptr thrown) {
      if (thrown) failure_ = std::move(thrown);
      if (--appends_running_ == 0) progress_.NotifyAll();
    });
  }
  while (appends_running_ > 0) co_await progress_.Wait();
}

asio::awaitable<void> FetchLane::AppendOne(Appended& appended) {
  appended.result = co_await WriteBatches(appended);
  FinishAppend(appended);
}

asio::awaitable<absl::Status> FetchLane::WriteBatches(Appended& appended) {
  FollowedPartition& partition = *appended.partition;
  const ByteSpan batches = appended.batches;
  PartitionLog& log = partition.log();
  if (!partition.initial.topic_id.IsZero()) {
    const absl::Status assigned = log.AssignTopicId(partition.initial.topic_id);
    if (!assigned.ok()) co_return assigned;
  }
  const Offset base = RecordBatchView(batches).base_offset();
  if (base < log.log_end_offset()) {
    // The leader's log starts inside this batch: take the batch whole (FT-37, LOG-66). We hold nothing yet.
    SLIP_CHECK_EQ(log.log_start_offset().value, log.log_end_offset().value);
    absl::Status restarted = PersistOffsetsForCut(partition, base);
    if (restarted.ok()) restarted = log.TruncateFullyAndStartAt(base);
    if (!restarted.ok()) co_return restarted;
  }
  // By itself, since bytes that are damaged on the way and a log that is damaged here are both kDataLoss: the ones heal
  // when they are asked for again, the other does not.
  const absl::Status sound = log.CheckBatches(batches);
  appended.damaged = absl::IsDataLoss(sound);
  if (!sound.ok()) co_return sound;
  const WriteHint hint = batches.size() >= kBulkBytesMin ? WriteHint::kBulk : WriteHint::kCached;
  const absl::Status written = co_await log.AppendAsFollower(queue_, batches, hint, /*checked=*/true);
  if (!written.ok()) co_return written;
  if (config_.flush_mode == FlushMode::kDurable) co_return co_await log.FlushUpTo(queue_, log.log_end_offset());
  // Such as a segment that was closed without its fsync: now, so that the recovery point follows.
  if (log.FlushDue()) co_return co_await log.Flush(queue_);
  co_return absl::OkStatus();
}

void FetchLane::FinishAppend(Appended& appended) {
  FollowedPartition& partition = *appended.partition;
  PartitionLog& log = partition.log();
  partition.bytes_being_written = 0;
  if (!appended.result.ok()) {
    partition.state.BecomeFetching(log.log_end_offset(), log.latest_epoch());
    partition.state.failures = appended.failures_before;  // what was fetched but not written is no progress
    if (appended.damaged) {
      counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
      events_.OnNotice(absl::StrCat(partition.name().ToString(), ": answer of ", leader_.endpoint().ToString(),
                                    " dropped: ", appended.result.message()));
      Delay(partition, config_.replica_fetch_backoff);
    } else {
      // Written or not, it is not on the disk: before anything is asked past it, that must be so.
      if (config_.flush_mode == FlushMode::kDurable) partition.work = LeaderWork::kLookUpEpoch;
      MarkFailed(partition, appended.result);
    }
    Publish(partition);
    return;
  }
  log.UpdateHighWatermark(appended.leader_high_watermark);
  if (appended.leader_log_start_offset > log.log_start_offset() &&
      appended.leader_log_start_offset <= log.high_watermark()) {
    if (const absl::Status raised = log.MaybeIncrementLogStartOffset(appended.leader_log_start_offset); !raised.ok())
      MarkFailed(partition, raised);
  }
  counters_.bytes.fetch_add(appended.batches.size(), std::memory_order_relaxed);
  counters_.records.fetch_add(appended.records, std::memory_order_relaxed);
  counters_.batches.fetch_add(appended.batch_count, std::memory_order_relaxed);
  Publish(partition);
  partition.initial.progress->PublishLeader(appended.leader_high_watermark);
}

}  // namespace slipstream
