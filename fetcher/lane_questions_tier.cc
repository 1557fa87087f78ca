// LaneQuestions: a partition whose next records the leader has in remote storage only.
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <utility>

#include "fetcher/lane_questions.h"
#include "log/status.h"

namespace slipstream {

asio::awaitable<absl::Status> LaneQuestions::AskForTier() {
  const TopicPartition name = work().asking().front()->name();
  const LeaderEpoch epoch = work().asking().front()->state.current_leader_epoch;
  lane_.counters.remote_rebuilds.fetch_add(1, std::memory_order_relaxed);
  const absl::StatusOr<TierAnswer> answer = co_await AskTieredLeader(lane_.leader, name, epoch);
  if (!answer.ok()) co_return answer.status();
  FollowedPartition* const asked = work().TakeOnlyAsked();
  if (asked == nullptr) co_return absl::OkStatus();  // let go of meanwhile
  FollowedPartition& partition = *asked;
  if (!answer->refused.empty()) {
    OnTierRefused(partition, *answer);
  } else if (answer->leader.local_log_start_offset <= partition.log().log_end_offset()) {
    // Another leader, which has it still, or one that has got it back: asked again, but not without pause.
    partitions_.BecomeFetching(partition);
    partitions_.Delay(partition);
  } else {
    StartRemoteRead(partition, *answer);
  }
  co_return absl::OkStatus();
}

void LaneQuestions::OnTierRefused(FollowedPartition& partition, const TierAnswer& answer) {
  const bool fenced = answer.error == KafkaError::kFencedLeaderEpoch;
  if (fenced || NeedsMetadataRefresh(answer.error))
    lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(),
                                 absl::StrCat(partition.name().ToString(), ": ", answer.refused));
  if (fenced) {
    partitions_.MarkFailed(partition,
                           absl::FailedPreconditionError(answer.refused));  // asked with the epoch we have: FT-33
  } else {
    lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    partitions_.BackOff(partition);
  }
}

void LaneQuestions::StopReading() {
  if (remote_reader_) remote_reader_->Stop();
}

void LaneQuestions::StartRemoteRead(FollowedPartition& partition, const TierAnswer& answer) {
  if (!remote_reader_) remote_reader_.emplace(*lane_.config.remote_storage);
  const LeaderWorkQueue::Reading reading = work().BeginReading(partition);
  TopicIdPartition of{partition.name(), partition.initial.topic_id};
  asio::co_spawn(lane_.io, remote_reader_->Read(std::move(of), answer.leader, answer.target),
                 [this, reading](std::exception_ptr thrown, absl::StatusOr<RemoteLogState> state) {
                   FollowedPartition* const asked = work().EndReading(reading);
                   if (thrown) {
                     run_.Fail(std::move(thrown));
                   } else if (asked != nullptr && !run_.over()) {
                     OnRemoteState(*asked, std::move(state));
                   }
                   run_.progress.NotifyAll();
                   run_.idle.Interrupt();
                 });
}

// Like an answer to a question it comes anywhere in a round: nothing else of the lane works on the partition.
void LaneQuestions::OnRemoteState(FollowedPartition& partition, absl::StatusOr<RemoteLogState> state) {
  absl::Status rebuilt = state.status();
  if (rebuilt.ok()) rebuilt = RebuildFrom(partition, *state);
  if (!rebuilt.ok()) {
    lane_.counters.remote_rebuild_errors.fetch_add(1, std::memory_order_relaxed);
    partitions_.MarkFailed(partition, rebuilt);
    return;
  }
  lane_.events.OnNotice(absl::StrCat(partition.name().ToString(), ": the copy begins at offset ",
                                     state->next_offset.value, " now; the leader has offsets ",
                                     state->log_start_offset.value, " to ", state->next_offset.value - 1,
                                     " in remote storage"));
  partitions_.ForgetLeader(partition);
  partitions_.BecomeFetching(partition);
}

absl::Status LaneQuestions::RebuildFrom(FollowedPartition& partition, const RemoteLogState& state) {
  PartitionLog& log = partition.log();
  SLIP_RETURN_IF_ERROR(truncation_.PersistOffsets(partition, OffsetsForRebuild(log, state)));
  const LogOffsets after = Publishable(OffsetsOfRebuilt(log, state), lane_.config.flush_mode);
  const absl::Status rebuilt = log.RebuildFrom(state, [&] {
    partition.initial.progress->Publish(after);
    return lane_.events.PersistOffsets({after});
  });
  partitions_.Publish(partition);
  return rebuilt;
}

}  // namespace slipstream
