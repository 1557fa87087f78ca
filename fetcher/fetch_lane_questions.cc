// FetchLane: questions to the leader, and what follows from the answers (FT-11..FT-13, FT-40, FT-41). One is asked at a
// time, over a connection of its own, while the other partitions are fetched on. Meanwhile partitions come and go: what
// was held of them before a question may be gone after, but for what is still in asking_.
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "fetcher/fetch_lane.h"

namespace slipstream {

void FetchLane::StartAsking() {
  if (asking_runs_ || to_ask_.empty()) return;
  asking_runs_ = true;
  asio::co_spawn(io_, AskLeader(), [this](std::exception_ptr thrown) {
    if (thrown) EndWith(std::move(thrown));
    asking_runs_ = false;
    progress_.NotifyAll();
    idle_.Interrupt();
  });
}

asio::awaitable<void> FetchLane::AskLeader() {
  while (!stopping_ && !failure_ && TakeQuestion()) {
    absl::Status transport;
    if (asking_.front()->work == LeaderWork::kLookUpEpoch) {
      transport = co_await LookUpEpochs();
    } else if (asking_.front()->work == LeaderWork::kRebuild) {
      transport = co_await AskForTier();
    } else {
      transport = co_await AskForOffsets();
    }
    if (transport.ok()) {
      questions_lost_ = 0;
    } else if (!stopping_) {
      OnQuestionLost(transport);
    }
    idle_.Interrupt();
  }
}

// All whose epochs are to be looked up, in one; else the one that has waited longest for its offsets.
bool FetchLane::TakeQuestion() {
  std::erase_if(to_ask_, [this](FollowedPartition* partition) {
    const bool look_up = partition->work == LeaderWork::kLookUpEpoch;
    if (look_up) asking_.push_back(partition);
    return look_up;
  });
  if (asking_.empty() && !to_ask_.empty()) {
    asking_.push_back(to_ask_.front());
    to_ask_.erase(to_ask_.begin());
  }
  return !asking_.empty();
}

// Of the partitions asked about only: the others are fetched on, and their fetch tells how the leader is.
void FetchLane::OnQuestionLost(const absl::Status& why) {
  for (FollowedPartition* partition : std::exchange(asking_, {})) BackOff(*partition);
  counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  events_.OnLeaderInDoubt(leader_.broker_id(), std::string(why.message()));
  // The first time the connection may only have been old.
  if (++questions_lost_ == 1 && !absl::IsDeadlineExceeded(why)) return;
  if (in_flight_ == nullptr && session_.WantsNone()) {
    leader_reached_ = false;
    events_.OnLeaderLost(leader_.broker_id(), why);
  } else {
    events_.OnNotice(absl::StrCat(leader_.endpoint().ToString(), " answers fetches but no questions: ", why.message()));
  }
}

asio::awaitable<absl::Status> FetchLane::LookUpEpochs() {
  std::vector<EpochQuery> queries;
  for (FollowedPartition* partition : asking_)
    queries.push_back({partition->name(), partition->state.current_leader_epoch, *partition->log().latest_epoch()});
  const absl::StatusOr<std::vector<EpochAnswer>> answers = co_await leader_.OffsetsForLeaderEpoch(std::move(queries));
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

asio::awaitable<absl::Status> FetchLane::AskForOffsets() {
  const TopicPartition name = asking_.front()->name();
  const LeaderEpoch epoch = asking_.front()->state.current_leader_epoch;
  const absl::StatusOr<std::optional<OffsetAnswer>> latest = co_await leader_.ListOffset(name, epoch, kLatestTimestamp);
  if (!latest.ok()) co_return latest.status();
  if (asking_.empty()) co_return absl::OkStatus();  // let go of meanwhile
  const absl::StatusOr<std::optional<OffsetAnswer>> earliest =
      co_await leader_.ListOffset(name, epoch, kEarliestTimestamp);
  if (!earliest.ok()) co_return earliest.status();
  if (asking_.empty()) co_return absl::OkStatus();
  FollowedPartition& partition = *asking_.front();
  asking_.clear();
  if (!latest->has_value() || !earliest->has_value()) {
    events_.OnLeaderInDoubt(leader_.broker_id(),
                            absl::StrCat("offset query: ", name.ToString(), " is left out of the answer"));
    BackOff(partition);
    co_return absl::OkStatus();
  }
  const KafkaError error = (*latest)->error != KafkaError::kNone ? (*latest)->error : (*earliest)->error;
  if (error != KafkaError::kNone) {
    // Out of range must never be the end of a partition: every error is asked again (FT-41).
    if (NeedsMetadataRefresh(error))
      events_.OnLeaderInDoubt(leader_.broker_id(), absl::StrCat("offset query: ", KafkaErrorName(error)));
    Delay(partition, config_.replica_fetch_backoff);
    co_return absl::OkStatus();
  }
  // Kafka says -1 where it has no answer; nothing may be cut, and no checkpoint written, by that.
  if (const Offset least = std::min((*latest)->offset, (*earliest)->offset); least < Offset{0}) {
    counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    events_.OnNotice(absl::StrCat(name.ToString(), ": ", leader_.endpoint().ToString(), " says that its log lies from ",
                                  (*earliest)->offset.value, " to ", (*latest)->offset.value));
    BackOff(partition);
    co_return absl::OkStatus();
  }
  PartitionProgress& progress = *partition.initial.progress;
  if (partition.work == LeaderWork::kLowerTarget) {
    const bool lowered = progress.LowerTarget((*latest)->offset);
    ResumeFetching(partition);
    if (!lowered) Delay(partition, config_.replica_fetch_backoff);  // it will soon have what it had not
    co_return absl::OkStatus();
  }
  const PartitionLog& log = partition.log();
  ApplyReset(partition, PlanOffsetReset((*earliest)->offset, (*latest)->offset, log.local_log_start_offset(),
                                        log.log_end_offset()));
  co_return absl::OkStatus();
}

void FetchLane::ApplyReset(FollowedPartition& partition, const OffsetReset& reset) {
  PartitionLog& log = partition.log();
  const bool holds_nothing = log.local_log_start_offset() == log.log_end_offset() && log.epochs().entries().empty();
  // Nothing was ever written to it: a new copy begins wherever the leader does.
  const bool new_copy = holds_nothing && log.log_end_offset() == Offset{0};
  const Gap gap = GapOf(reset, log.local_log_start_offset(), log.log_end_offset(), new_copy);
  if (!gap.empty()) {
    // One begun anew where its leader's log did has nothing that would be kept by stopping.
    const bool restart = config_.gap_policy == GapPolicy::kRestart || holds_nothing;
    events_.OnGap(partition.name(), gap, restart ? std::optional(reset.fetch_offset) : std::nullopt);
    if (!restart) {
      MarkFailed(partition, absl::OutOfRangeError(absl::StrCat("offsets ", gap.from.value, " to ", gap.to.value - 1,
                                                               " were deleted at the source")));
      return;
    }
  }
  if (reset.kind == OffsetReset::Kind::kTruncate && !CutTo(partition, reset.fetch_offset)) return;
  if (reset.kind == OffsetReset::Kind::kRestart) {
    const absl::Status restarted = StartAnewAt(partition, reset.fetch_offset);
    Publish(partition);
    if (!restarted.ok()) {
      MarkFailed(partition, restarted);
      return;
    }
    session_.StartOver();
    partition.initial.progress->ForgetLeader();
  }
  ResumeFetching(partition);
  // A leader that finds an offset out of range which lies between its own ends must not make us ask without pause.
  if (reset.kind == OffsetReset::Kind::kKeep) Delay(partition, config_.replica_fetch_backoff);
  if (reset.kind == OffsetReset::Kind::kTruncate) DelayIfCutInVain(partition);
}

}  // namespace slipstream
