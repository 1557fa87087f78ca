// FetchLane: a partition whose next records the leader has in remote storage only (TS-01..TS-09). The leader is asked
// where its local log begins, in turn with other questions; the remote storage is read on other threads, beside rounds
// and questions; then the log is dropped and begun behind what is there.
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <utility>

#include "fetcher/fetch_lane.h"
#include "log/status.h"

namespace slipstream {

asio::awaitable<absl::Status> FetchLane::AskForTier() {
  const TopicPartition name = asking_.front()->name();
  const LeaderEpoch epoch = asking_.front()->state.current_leader_epoch;
  counters_.remote_rebuilds.fetch_add(1, std::memory_order_relaxed);
  const absl::StatusOr<TierAnswer> answer = co_await AskTieredLeader(leader_, name, epoch);
  if (!answer.ok()) co_return answer.status();
  if (asking_.empty()) co_return absl::OkStatus();  // let go of meanwhile
  FollowedPartition& partition = *asking_.front();
  asking_.clear();
  if (!answer->refused.empty()) {
    OnTierRefused(partition, *answer);
  } else if (answer->leader.local_log_start_offset <= partition.log().log_end_offset()) {
    // Another leader, which has it still, or one that has got it back: asked again, but not without pause.
    ResumeFetching(partition);
    Delay(partition, config_.replica_fetch_backoff);
  } else {
    StartRemoteRead(partition, *answer);
  }
  co_return absl::OkStatus();
}

void FetchLane::OnTierRefused(FollowedPartition& partition, const TierAnswer& answer) {
  const bool fenced = answer.error == KafkaError::kFencedLeaderEpoch;
  if (fenced || NeedsMetadataRefresh(answer.error))
    events_.OnLeaderInDoubt(leader_.broker_id(), absl::StrCat(partition.name().ToString(), ": ", answer.refused));
  if (fenced) {
    MarkFailed(partition, absl::FailedPreconditionError(answer.refused));  // asked with the epoch we have: FT-33
  } else {
    counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    BackOff(partition);
  }
}

void FetchLane::StartRemoteRead(FollowedPartition& partition, const TierAnswer& answer) {
  if (!remote_reader_) remote_reader_.emplace(*config_.remote_storage);
  const auto read = remote_reads_.insert(remote_reads_.end(), {&partition});
  TopicIdPartition of{partition.name(), partition.initial.topic_id};
  asio::co_spawn(io_, remote_reader_->Read(std::move(of), answer.leader, answer.target),
                 [this, read](std::exception_ptr thrown, absl::StatusOr<RemoteLogState> state) {
                   FollowedPartition* const asked = read->partition;
                   remote_reads_.erase(read);
                   if (thrown) {
                     EndWith(std::move(thrown));
                   } else if (asked != nullptr && !stopping_ && !failure_) {
                     OnRemoteState(*asked, std::move(state));
                   }
                   progress_.NotifyAll();
                   idle_.Interrupt();
                 });
}

// Like an answer to a question it comes anywhere in a round: nothing else of the lane works on the partition.
void FetchLane::OnRemoteState(FollowedPartition& partition, absl::StatusOr<RemoteLogState> state) {
  absl::Status rebuilt = state.status();
  if (rebuilt.ok()) rebuilt = RebuildFrom(partition, *state);
  if (!rebuilt.ok()) {
    counters_.remote_rebuild_errors.fetch_add(1, std::memory_order_relaxed);
    MarkFailed(partition, rebuilt);
    return;
  }
  events_.OnNotice(absl::StrCat(partition.name().ToString(), ": the copy begins at offset ", state->next_offset.value,
                                " now; the leader has offsets ", state->log_start_offset.value, " to ",
                                state->next_offset.value - 1, " in remote storage"));
  partition.initial.progress->ForgetLeader();
  session_.StartOver();
  ResumeFetching(partition);
}

absl::Status FetchLane::RebuildFrom(FollowedPartition& partition, const RemoteLogState& state) {
  PartitionLog& log = partition.log();
  SLIP_RETURN_IF_ERROR(PersistOffsetsForCut(partition, OffsetsForRebuild(log, state)));
  const LogOffsets after = Publishable(OffsetsOfRebuilt(log, state), config_.flush_mode);
  const absl::Status rebuilt = log.RebuildFrom(state, [&] {
    partition.initial.progress->Publish(after);
    return events_.PersistOffsets(after);
  });
  Publish(partition);
  return rebuilt;
}

}  // namespace slipstream
