#include "fetcher/lane_questions.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace slipstream {

void LaneQuestions::StartAsking() {
  if (asking_runs_ || !work().HasQuestions()) return;
  asking_runs_ = true;
  asio::co_spawn(lane_.io, AskLeader(), [this](std::exception_ptr thrown) {
    if (thrown) run_.Fail(std::move(thrown));
    asking_runs_ = false;
    run_.progress.NotifyAll();
    run_.idle.Interrupt();
  });
}

asio::awaitable<void> LaneQuestions::AskLeader() {
  while (!run_.over() && work().BeginQuestion()) {
    absl::Status transport;
    if (work().asking().front()->work == LeaderWork::kLookUpEpoch) {
      transport = co_await LookUpEpochs();
    } else if (work().asking().front()->work == LeaderWork::kRebuild) {
      transport = co_await AskForTier();
    } else {
      transport = co_await AskForOffsets();
    }
    if (transport.ok()) {
      questions_lost_ = 0;
    } else if (!run_.stopping()) {
      OnQuestionLost(transport);
    }
    run_.idle.Interrupt();
  }
}

// Of the partitions asked about only: the others are fetched on, and their fetch tells how the leader is.
void LaneQuestions::OnQuestionLost(const absl::Status& why) {
  for (FollowedPartition* partition : work().TakeAsked()) partitions_.BackOff(*partition);
  lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), std::string(why.message()));
  // The first time the connection may only have been old.
  if (++questions_lost_ == 1 && !absl::IsDeadlineExceeded(why)) return;
  if (run_.in_flight == nullptr && partitions_.session().WantsNone()) {
    lane_.leader_reached = false;
    lane_.events.OnLeaderLost(lane_.leader.broker_id(), why);
  } else {
    lane_.events.OnNotice(
        absl::StrCat(lane_.leader.endpoint().ToString(), " answers fetches but no questions: ", why.message()));
  }
}

asio::awaitable<absl::Status> LaneQuestions::LookUpEpochs() {
  std::vector<EpochQuery> queries;
  for (FollowedPartition* partition : work().asking())
    queries.push_back({partition->name(), partition->state.current_leader_epoch, *partition->log().latest_epoch()});
  const absl::StatusOr<std::vector<EpochAnswer>> answers =
      co_await lane_.leader.OffsetsForLeaderEpoch(std::move(queries));
  if (!answers.ok()) co_return answers.status();
  // Without those that were let go of meanwhile: for them the answer no longer counts (FT-12).
  std::vector<FollowedPartition*> unanswered = work().TakeAsked();
  std::vector<FollowedPartition*> told;
  for (const EpochAnswer& answer : *answers) {
    FollowedPartition* const partition = partitions_.Find(answer.partition);
    if (std::erase(unanswered, partition) == 0) continue;  // not asked, or told twice
    if (answer.error == KafkaError::kNone) {
      partition->leader_end = answer.end;
      told.push_back(partition);
    } else {
      OnEpochRefused(*partition, answer.error);
    }
  }
  truncation_.Apply(told);
  // Left out of the answer: asked again after a pause.
  for (FollowedPartition* partition : unanswered) partitions_.Delay(*partition);
  co_return absl::OkStatus();
}

void LaneQuestions::OnEpochRefused(FollowedPartition& partition, KafkaError error) {
  const std::string what = absl::StrCat("epoch look-up: ", KafkaErrorName(error));
  lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), what);
  if (error == KafkaError::kFencedLeaderEpoch) {
    partitions_.MarkFailed(partition, absl::FailedPreconditionError(what));
  } else {
    partitions_.Delay(partition);
    partitions_.TellIfLasting(partition, "epoch look-up", error);
  }
}

asio::awaitable<absl::Status> LaneQuestions::AskForOffsets() {
  const TopicPartition name = work().asking().front()->name();
  const LeaderEpoch epoch = work().asking().front()->state.current_leader_epoch;
  const absl::StatusOr<std::optional<OffsetAnswer>> latest =
      co_await lane_.leader.ListOffset(name, epoch, kLatestTimestamp);
  if (!latest.ok()) co_return latest.status();
  if (work().asking().empty()) co_return absl::OkStatus();  // let go of meanwhile
  const absl::StatusOr<std::optional<OffsetAnswer>> earliest =
      co_await lane_.leader.ListOffset(name, epoch, kEarliestTimestamp);
  if (!earliest.ok()) co_return earliest.status();
  if (FollowedPartition* const partition = work().TakeOnlyAsked()) OnOffsets(*partition, *latest, *earliest);
  co_return absl::OkStatus();
}

void LaneQuestions::OnOffsets(FollowedPartition& partition, const std::optional<OffsetAnswer>& latest,
                              const std::optional<OffsetAnswer>& earliest) {
  const std::string name = partition.name().ToString();
  if (!latest || !earliest) {
    lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(),
                                 absl::StrCat("offset query: ", name, " is left out of the answer"));
    partitions_.BackOff(partition);
    return;
  }
  const KafkaError error = latest->error != KafkaError::kNone ? latest->error : earliest->error;
  if (error != KafkaError::kNone) {
    // Out of range must never be the end of a partition: every error is asked again (FT-41).
    if (NeedsMetadataRefresh(error))
      lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), absl::StrCat("offset query: ", KafkaErrorName(error)));
    partitions_.Delay(partition);
    partitions_.TellIfLasting(partition, "offset query", error);
    return;
  }
  // Kafka says -1 where it has no answer; nothing may be cut, and no checkpoint written, by that.
  if (std::min(latest->offset, earliest->offset) < Offset{0}) {
    lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    lane_.events.OnNotice(absl::StrCat(name, ": ", lane_.leader.endpoint().ToString(), " says that its log lies from ",
                                       earliest->offset.value, " to ", latest->offset.value));
    partitions_.BackOff(partition);
    return;
  }
  if (partition.work == LeaderWork::kLowerTarget) {
    const bool lowered = partition.initial.progress->LowerTarget(latest->offset);
    partitions_.BecomeFetching(partition);
    if (!lowered) partitions_.Delay(partition);  // it will soon have what it had not
    return;
  }
  const PartitionLog& log = partition.log();
  ApplyReset(partition,
             PlanOffsetReset(earliest->offset, latest->offset, log.local_log_start_offset(), log.log_end_offset()));
}

void LaneQuestions::ApplyReset(FollowedPartition& partition, const OffsetReset& reset) {
  PartitionLog& log = partition.log();
  const Gap gap = GapOf(reset, log.local_log_start_offset(), log.log_end_offset(), /*new_copy=*/!log.begun());
  if (!gap.empty()) {
    const bool restart = lane_.config.gap_policy == GapPolicy::kRestart;
    lane_.events.OnGap(partition.name(), gap, restart ? std::optional(reset.fetch_offset) : std::nullopt);
    if (!restart) {
      partitions_.MarkFailed(partition,
                             absl::OutOfRangeError(absl::StrCat("offsets ", gap.from.value, " to ", gap.to.value - 1,
                                                                " were deleted at the source")));
      return;
    }
  }
  if (reset.kind == OffsetReset::Kind::kTruncate && !truncation_.CutTo(partition, reset.fetch_offset)) return;
  if (reset.kind == OffsetReset::Kind::kRestart) {
    const absl::Status restarted = truncation_.StartAnewAt(partition, reset.fetch_offset);
    partitions_.Publish(partition);
    if (!restarted.ok()) {
      partitions_.MarkFailed(partition, restarted);
      return;
    }
    partitions_.ForgetLeader(partition);
  }
  partitions_.BecomeFetching(partition);
  // A leader that finds an offset out of range which lies between its own ends must not make us ask without pause.
  if (reset.kind == OffsetReset::Kind::kKeep) partitions_.Delay(partition);
  if (reset.kind == OffsetReset::Kind::kTruncate) truncation_.DelayIfCutInVain(partition);
}

}  // namespace slipstream
