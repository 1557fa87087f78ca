// FetchLane: what needs a word with the leader before a partition can be fetched (FT-10..FT-17, FT-35, FT-40, FT-41).
#include <absl/strings/str_cat.h>

#include "fetcher/fetch_lane.h"
#include "fetcher/truncation.h"
#include "log/status.h"

namespace slipstream {
namespace {

// Waits for the leader's word. Meanwhile partitions come and go: what was held of them before may be gone after.
template <class Word>
asio::awaitable<Word> WhileCommandsTakeEffect(bool& between_rounds, asio::awaitable<Word> question) {
  between_rounds = true;
  Word word = co_await std::move(question);
  between_rounds = false;
  co_return word;
}

}  // namespace

asio::awaitable<void> FetchLane::DoLeaderWork() {
  const absl::StatusOr<bool> truncation_on_fetch =
      co_await WhileCommandsTakeEffect(between_rounds_, leader_.SupportsTruncationOnFetch());
  absl::Status transport = truncation_on_fetch.status();
  if (transport.ok()) {
    truncation_on_fetch_ = *truncation_on_fetch;
    while (FollowedPartition* partition = TakeLeaderWork(LeaderWork::kTruncate)) ApplyTruncation(*partition);
    while (FollowedPartition* partition = TakeLeaderWork(LeaderWork::kLookUpEpoch)) {
      const absl::Status durable = co_await MakeDurable(*partition);
      if (!durable.ok()) {
        MarkFailed(*partition, durable);
      } else if (BeginFetching(*partition)) {
        asking_.push_back(partition);
      }
    }
    if (!asking_.empty()) transport = co_await LookUpEpochs();
  }
  while (transport.ok() && !stopping_) {
    FollowedPartition* const partition = TakeLeaderWork(LeaderWork::kResetOffset);
    if (partition == nullptr) break;
    asking_.push_back(partition);
    transport = co_await ResetOffset();
  }
  // Whoever was being asked about is asked about again.
  leader_work_.insert(leader_work_.end(), asking_.begin(), asking_.end());
  asking_.clear();
  if (!transport.ok()) co_await OnTransportError(transport);
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
  if (config_.flush_mode == FlushMode::kCached) co_return absl::OkStatus();
  PartitionLog& log = partition.log();
  const absl::Status flushed = co_await log.FlushUpTo(queue_, log.log_end_offset());
  Publish(partition);
  co_return flushed;
}

// True when the leader must be asked where our newest epoch ends; else the partition is fetched from now on.
bool FetchLane::BeginFetching(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  const bool empty = log.log_end_offset() == log.log_start_offset();
  if (log.latest_epoch() && !truncation_on_fetch_) return true;
  // Records without any epoch: nothing can be compared, so only what is surely the leader's stays (FT-10).
  if (!log.latest_epoch() && !empty && !CutTo(partition, partition.truncation_fallback)) return false;
  ResumeFetching(partition);
  return false;
}

void FetchLane::ResumeFetching(FollowedPartition& partition) {
  partition.work = LeaderWork::kNone;
  partition.state.BecomeFetching(partition.log().log_end_offset(), partition.log().latest_epoch());
  partition.initial.progress->health.store(PartitionHealth::kFetching);
  Declare(partition);
}

asio::awaitable<absl::Status> FetchLane::LookUpEpochs() {
  std::vector<EpochQuery> queries;
  for (FollowedPartition* partition : asking_)
    queries.push_back({partition->name(), partition->state.current_leader_epoch, *partition->log().latest_epoch()});
  const absl::StatusOr<std::vector<EpochAnswer>> answers =
      co_await WhileCommandsTakeEffect(between_rounds_, leader_.OffsetsForLeaderEpoch(std::move(queries)));
  if (!answers.ok()) co_return answers.status();
  // Without those that were let go of meanwhile: for them the answer no longer counts (FT-12).
  std::vector<FollowedPartition*> unanswered = std::exchange(asking_, {});
  for (const EpochAnswer& answer : *answers) {
    FollowedPartition* partition = Find(answer.partition);
    if (std::erase(unanswered, partition) == 0) continue;  // not asked for, or answered twice
    if (answer.error == KafkaError::kNone) {
      partition->leader_end = answer.end;
      ApplyTruncation(*partition);
    } else if (answer.error == KafkaError::kFencedLeaderEpoch) {
      events_.OnLeaderInDoubt(leader_.broker_id(), "fenced leader epoch");
      MarkFailed(*partition,
                 absl::FailedPreconditionError(absl::StrCat("epoch look-up: ", KafkaErrorName(answer.error))));
    } else {
      events_.OnLeaderInDoubt(leader_.broker_id(), absl::StrCat("epoch look-up: ", KafkaErrorName(answer.error)));
      Delay(*partition, config_.replica_fetch_backoff);
    }
  }
  // Left out of the answer: asked again after a pause.
  for (FollowedPartition* partition : unanswered) Delay(*partition, config_.replica_fetch_backoff);
  co_return absl::OkStatus();
}

void FetchLane::ApplyTruncation(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const Truncation plan =
      PlanTruncation(partition.leader_end, log.epochs(), partition.truncation_fallback, log.log_end_offset());
  if (!CutTo(partition, plan.offset)) return;
  if (plan.complete || truncation_on_fetch_) {
    // Incomplete: the next fetch carries our new last epoch and may diverge again, one step further back.
    ResumeFetching(partition);
    // A leader that sees a divergence where nothing can be cut must not make us ask without pause (BAD-15).
    if (log.log_end_offset() == end_before && partition.leader_end.end_offset < end_before)
      Delay(partition, config_.replica_fetch_backoff);
  } else if (log.latest_epoch()) {
    RequireLeaderWork(partition, LeaderWork::kLookUpEpoch);
  } else {
    ResumeFetching(partition);
  }
}

// Before the log is cut at `offset` (LOG-103): a crash on the way, or after the cut when the log is written anew, must
// not find a recovery point that vouches for what was cut. Should this fail, nothing is cut.
absl::Status FetchLane::PersistOffsetsForCut(FollowedPartition& partition, Offset offset) {
  const PartitionLog& log = partition.log();
  const LogOffsets lowered = Publishable(OffsetsForCut(log, offset), config_.flush_mode);
  if (lowered.recovery_point == log.recovery_point()) return absl::OkStatus();
  // Published first: whoever writes checkpoints meanwhile must not raise it again.
  partition.initial.progress->Publish(lowered);
  return events_.PersistOffsets(lowered);
}

bool FetchLane::CutTo(FollowedPartition& partition, Offset offset) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const Offset high_watermark_before = log.high_watermark();
  absl::Status cut = PersistOffsetsForCut(partition, offset);
  if (cut.ok()) cut = log.TruncateTo(offset);
  Publish(partition);
  if (!cut.ok()) {
    MarkFailed(partition, Annotate(cut, absl::StrCat("truncating to ", offset.value)));
    return false;
  }
  if (log.log_end_offset() < end_before) {
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

asio::awaitable<absl::Status> FetchLane::ResetOffset() {
  const TopicPartition name = asking_.front()->name();
  const LeaderEpoch epoch = asking_.front()->state.current_leader_epoch;
  const absl::StatusOr<OffsetAnswer> latest =
      co_await WhileCommandsTakeEffect(between_rounds_, leader_.ListOffset(name, epoch, kLatestTimestamp));
  if (!latest.ok()) co_return latest.status();
  if (asking_.empty()) co_return absl::OkStatus();  // let go of meanwhile
  const absl::StatusOr<OffsetAnswer> earliest =
      co_await WhileCommandsTakeEffect(between_rounds_, leader_.ListOffset(name, epoch, kEarliestTimestamp));
  if (!earliest.ok()) co_return earliest.status();
  if (asking_.empty()) co_return absl::OkStatus();
  FollowedPartition& partition = *asking_.front();
  asking_.clear();
  const KafkaError error = latest->error != KafkaError::kNone ? latest->error : earliest->error;
  if (error != KafkaError::kNone) {
    // Out of range must never be the end of a partition: every error is asked again (FT-41).
    if (NeedsMetadataRefresh(error))
      events_.OnLeaderInDoubt(leader_.broker_id(), absl::StrCat("offset query: ", KafkaErrorName(error)));
    Delay(partition, config_.replica_fetch_backoff);
    co_return absl::OkStatus();
  }
  ApplyReset(partition, PlanOffsetReset(earliest->offset, latest->offset, partition.log().log_end_offset()));
  co_return absl::OkStatus();
}

void FetchLane::ApplyReset(FollowedPartition& partition, const OffsetReset& reset) {
  PartitionLog& log = partition.log();
  // Nothing was ever written to it: a new copy begins wherever the leader does.
  const bool new_copy = log.log_end_offset() == Offset{0} && log.epochs().entries().empty();
  const Gap gap = GapOf(reset, log.log_end_offset(), new_copy);
  if (!gap.empty()) {
    const bool restart = config_.gap_policy == GapPolicy::kRestart;
    events_.OnGap(partition.name(), gap, restart);
    if (!restart) {
      MarkFailed(partition, absl::OutOfRangeError(absl::StrCat("offsets ", gap.from.value, " to ", gap.to.value - 1,
                                                               " were deleted at the source")));
      return;
    }
  }
  if (reset.kind == OffsetReset::Kind::kTruncate && !CutTo(partition, reset.fetch_offset)) return;
  if (reset.kind == OffsetReset::Kind::kRestart) {
    absl::Status restarted = PersistOffsetsForCut(partition, reset.fetch_offset);
    if (restarted.ok()) restarted = log.TruncateFullyAndStartAt(reset.fetch_offset);
    if (!restarted.ok()) {
      MarkFailed(partition, restarted);
      return;
    }
    Publish(partition);
    session_.StartOver();
    partition.initial.progress->ForgetLeader();
  }
  ResumeFetching(partition);
}

}  // namespace slipstream
