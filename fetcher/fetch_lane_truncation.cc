// FetchLane: what comes before a partition can be fetched: its log made durable, and cut where the leader has another
// (FT-10, FT-14..FT-17, FT-35).
#include <absl/strings/str_cat.h>

#include "fetcher/fetch_lane.h"
#include "fetcher/truncation.h"
#include "log/status.h"
#include "session/backoff.h"

namespace slipstream {

// What needs no question, or comes before one.
asio::awaitable<void> FetchLane::DoLeaderWork() {
  between_rounds_ = true;  // connects when needed
  const absl::StatusOr<bool> truncation_on_fetch = co_await leader_.SupportsTruncationOnFetch();
  between_rounds_ = false;
  if (!truncation_on_fetch.ok()) {
    co_await OnTransportError(truncation_on_fetch.status());
    co_return;
  }
  truncation_on_fetch_ = *truncation_on_fetch;
  while (FollowedPartition* partition = TakeLeaderWork(LeaderWork::kTruncate)) ApplyTruncation(*partition);
  while (!stopping_) {
    FollowedPartition* const partition = TakeLeaderWork(LeaderWork::kLookUpEpoch);
    if (partition == nullptr) break;
    const absl::Status durable = co_await MakeDurable(*partition);
    if (!durable.ok()) {
      MarkFailed(*partition, durable);
    } else if (BeginFetching(*partition)) {
      to_ask_.push_back(partition);
    }
  }
}

FollowedPartition* FetchLane::TakeLeaderWork(LeaderWork work) {
  const auto found =
      std::find_if(leader_work_.rbegin(), leader_work_.rend(), [work](const auto* p) { return p->work == work; });
  if (found == leader_work_.rend()) return nullptr;
  FollowedPartition* const partition = *found;
  leader_work_.erase(std::next(found).base());
  return partition;
}

// What a process before this one left unflushed is no more on the disk than what we fetch (INV-19).
asio::awaitable<absl::Status> FetchLane::MakeDurable(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  // What a log that failed for good says of its end need not be on the disk any more: it is no proof of anything.
  if (!log.failure().ok()) co_return log.failure();
  if (config_.flush_mode == FlushMode::kCached) co_return absl::OkStatus();
  const absl::Status flushed = co_await log.FlushUpTo(queue_, log.log_end_offset());
  Publish(partition);
  co_return flushed;
}

// True when the leader must be asked where our newest epoch ends; else the partition is fetched from now on.
bool FetchLane::BeginFetching(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  const LeaderEpoch current = partition.state.current_leader_epoch;
  if (current >= LeaderEpoch{0} && log.latest_epoch() > current) {
    // Our own log has records of a later leader: old news, on whose word nothing is cut (INV-14).
    events_.OnLeaderInDoubt(leader_.broker_id(), "its leader epoch is older than the log's");
    MarkFailed(partition,
               absl::FailedPreconditionError(absl::StrCat(
                   "leader epoch ", current.value, " is older than the log's last, ", log.latest_epoch()->value)));
    return false;
  }
  const bool empty = log.log_end_offset() == log.local_log_start_offset();
  if (log.latest_epoch() && !truncation_on_fetch_) return true;
  // Records without any epoch: nothing can be compared, so only what is surely the leader's stays (FT-10).
  if (!log.latest_epoch() && !empty && !CutTo(partition, partition.truncation_fallback)) return false;
  ResumeFetching(partition);
  return false;
}

void FetchLane::ResumeFetching(FollowedPartition& partition) {
  partition.work = LeaderWork::kNone;
  partition.state.BecomeFetching(partition.log().log_end_offset(), partition.log().latest_epoch());
  partition.lag.reset();
  partition.initial.progress->health.store(PartitionHealth::kFetching);
  Declare(partition);
}

void FetchLane::ApplyTruncation(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const std::optional<LeaderEpoch> epoch_before = log.latest_epoch();
  const bool diverged = partition.work == LeaderWork::kTruncate;  // as a fetch was told
  const Truncation plan =
      PlanTruncation(partition.leader_end, log.epochs(), partition.truncation_fallback, log.log_end_offset());
  if (!CutTo(partition, plan.offset)) return;
  if (plan.complete || truncation_on_fetch_) {
    // Incomplete: the next fetch carries our new last epoch and may diverge again, one step further back.
    ResumeFetching(partition);
    // A leader that sees a divergence where nothing can be cut must not make us ask without pause (BAD-15).
    const bool unchanged = log.log_end_offset() == end_before && log.latest_epoch() == epoch_before;
    if (unchanged && (diverged || partition.leader_end.end_offset < end_before))
      Delay(partition, config_.replica_fetch_backoff);
  } else if (log.latest_epoch()) {
    RequireLeaderWork(partition, LeaderWork::kLookUpEpoch);
  } else {
    ResumeFetching(partition);
  }
  DelayIfCutInVain(partition);
}

// A leader that gives records and takes them back, again and again, costs the others of the session a full fetch each
// time.
void FetchLane::DelayIfCutInVain(FollowedPartition& partition) {
  if (partition.cuts_in_vain == 0) return;
  Delay(partition, BackoffAfter(partition.cuts_in_vain, config_.replica_fetch_backoff,
                                config_.failed_partition_backoff_max, kNoJitter));
}

// Before the log is cut (LOG-103): a crash on the way, or after the cut when the log is written anew, must
// not find a recovery point that vouches for what was cut. Should this fail, nothing is cut.
absl::Status FetchLane::PersistOffsetsForCut(FollowedPartition& partition, const LogOffsets& offsets) {
  const PartitionLog& log = partition.log();
  const LogOffsets lowered = Publishable(offsets, config_.flush_mode);
  const bool as_it_was = lowered.recovery_point == log.recovery_point() &&
                         lowered.log_start_offset == log.log_start_offset() &&
                         lowered.log_start_needs_checkpoint == log.log_start_needs_checkpoint();
  if (as_it_was) return absl::OkStatus();
  // Published first: whoever writes checkpoints meanwhile must not raise it again.
  partition.initial.progress->Publish(lowered);
  return events_.PersistOffsets(lowered);
}

absl::Status FetchLane::StartAnewAt(FollowedPartition& partition, Offset offset) {
  SLIP_RETURN_IF_ERROR(PersistOffsetsForCut(partition, OffsetsForStartAnew(partition.log(), offset)));
  return partition.log().TruncateFullyAndStartAt(offset);
}

bool FetchLane::CutTo(FollowedPartition& partition, Offset offset) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const Offset high_watermark_before = log.high_watermark();
  // Where nothing is cut, no file vouches for it.
  absl::Status cut;
  if (offset < end_before) cut = PersistOffsetsForCut(partition, OffsetsForCut(log, offset));
  if (cut.ok()) cut = log.TruncateTo(offset);
  Publish(partition);
  if (!cut.ok()) {
    MarkFailed(partition, Annotate(cut, absl::StrCat("truncating to ", offset.value)));
    return false;
  }
  if (log.log_end_offset() < end_before) {
    if (end_before > partition.cut_to)
      partition.cuts_in_vain = log.log_end_offset() <= partition.cut_to ? partition.cuts_in_vain + 1 : 0;
    partition.cut_to = log.log_end_offset();
    // Inside the session the leader would tell no high watermark that it has told before, and we would wait for it.
    session_.StartOver();
    partition.initial.progress->ForgetLeader();
    counters_.truncations.fetch_add(1, std::memory_order_relaxed);
    counters_.truncated_offsets.fetch_add(static_cast<uint64_t>(end_before - log.log_end_offset()),
                                          std::memory_order_relaxed);
    events_.OnTruncated(partition.name(), end_before, log.log_end_offset(),
                        log.log_end_offset() < high_watermark_before);
  }
  return true;
}

}  // namespace slipstream
