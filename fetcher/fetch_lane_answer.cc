// FetchLane: what an answer to a fetch means for each partition (FT-30..FT-36); its records are accepted here and
// written later.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "fetcher/fetch_error.h"
#include "fetcher/fetch_lane.h"
#include "log/record_batch.h"

namespace slipstream {

std::optional<FilePosition> FetchLane::LandingOf(const FetchableTopicResponse& topic, int32_t partition_index) {
  answer_size_.OnFirstBytes(config_.clock->Now());
  const FetchSession::Asked* asked = session_.Resolve(topic, partition_index);
  const FollowedPartition* partition = asked == nullptr ? nullptr : Find(asked->partition);
  if (partition == nullptr) return std::nullopt;
  return partition->log().append_position() + partition->bytes_being_written;
}

bool FetchLane::Judge(FetchExchange& exchange) {
  accepted_.clear();
  const FetchSession::Verdict verdict = session_.OnResponse(exchange.response);
  if (verdict != FetchSession::Verdict::kUse) {
    counters_.stale_answers.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const TimePoint now = config_.clock->Now();
  // What of it counts against a rate: not the part of a batch at the end of an answer, which comes again.
  size_t record_bytes = 0, counted_bytes = 0;
  for (const FetchableTopicResponse& topic : exchange.response.responses) {
    for (const PartitionData& answer : topic.partitions) {
      record_bytes += answer.records.bytes.size();
      const size_t accepted_before = accepted_.size();
      const FetchSession::Asked* asked = session_.Resolve(topic, answer.partition_index);
      FollowedPartition* partition = asked == nullptr ? nullptr : Find(asked->partition);
      const bool expected = partition != nullptr && partition->state.ReadyToFetch(now) &&
                            partition->work == LeaderWork::kNone &&
                            asked->data.fetch_offset == partition->state.fetch_offset &&
                            asked->data.current_leader_epoch == partition->state.current_leader_epoch;
      if (expected) {
        JudgePartition(*partition, asked->data, answer);
      } else {
        counters_.stale_answers.fetch_add(1, std::memory_order_relaxed);
      }
      const bool accepted = accepted_.size() > accepted_before;
      counted_bytes += accepted ? accepted_.back().batches.size() : answer.records.bytes.size();
    }
  }
  LetQuietOnesLeave(now);
  if (kind_ == LaneKind::kIdle && neighbours_ != nullptr && neighbours_->CallQuietOnes())
    arrivals_until_ = now + kArrivalsWithin;
  answer_size_.OnAnswer(static_cast<int64_t>(record_bytes), now);
  if (config_.rate_limit != nullptr) config_.rate_limit->Take(static_cast<int64_t>(counted_bytes), now);
  return true;
}

void FetchLane::JudgePartition(FollowedPartition& partition, const FetchPartitionData& asked,
                               const PartitionData& answer) {
  const FetchErrorRule rule =
      RuleForFetchError(answer.error_code, asked.current_leader_epoch, partition.state.current_leader_epoch);
  const auto describe = [&] {
    return absl::StrCat(partition.name().ToString(), ": ", KafkaErrorName(answer.error_code));
  };
  if (rule.leader_in_doubt) events_.OnLeaderInDoubt(leader_.broker_id(), describe());
  switch (rule.action) {
    case FetchAction::kAppend:
      if (answer.diverging_epoch.end_offset >= Offset{0}) {
        // Nothing else of this answer counts, lest the high watermark pass the point of divergence (FT-35).
        partition.leader_end = {answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset};
        RequireLeaderWork(partition, LeaderWork::kTruncate);
      } else {
        Accept(partition, asked, answer);
      }
      return;
    case FetchAction::kResetOffset: RequireLeaderWork(partition, LeaderWork::kResetOffset); return;
    case FetchAction::kDelay:
      counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
      Delay(partition, config_.replica_fetch_backoff);
      return;
    case FetchAction::kMarkFailed:
      MarkFailed(partition, absl::FailedPreconditionError(KafkaErrorName(answer.error_code)));
      return;
    case FetchAction::kTiered:
      if (config_.remote_storage != nullptr) {
        RequireLeaderWork(partition, LeaderWork::kRebuild);
      } else {
        MarkFailed(partition,
                   absl::FailedPreconditionError(absl::StrCat(
                       KafkaErrorName(answer.error_code), ": the leader has offset ", asked.fetch_offset.value,
                       " in remote storage only, and remote.log.storage.dir is not set")));
      }
      return;
  }
}

// Nothing of it is taken: what came damaged heals when it is asked for again (FT-32).
void FetchLane::DropAnswer(FollowedPartition& partition, const absl::Status& why) {
  counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  events_.OnNotice(absl::StrCat(partition.name().ToString(), ": answer of ", leader_.endpoint().ToString(),
                                " dropped: ", why.message()));
  Delay(partition, config_.replica_fetch_backoff);
}

void FetchLane::Accept(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer) {
  PartitionFetchState& state = partition.state;
  Appended appended;
  appended.partition = &partition;
  appended.leader_high_watermark = std::max(answer.high_watermark, Offset{-1});  // any number may stand there
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
    // Where the leader's log starts inside it, and we hold nothing that the leader still has.
    const bool nothing_shared = partition.log().local_log_start_offset() == next || answer.log_start_offset >= next;
    const bool straddles_start = taken == 0 && nothing_shared && batch.last_offset() >= next;
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
    DropAnswer(partition, wrong);
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
  const int32_t asked_bytes = asked.partition_max_bytes;  // `asked` goes when the partition leaves the session
  partition.lag = std::max<int64_t>(0, appended.leader_high_watermark - next);
  if (taken > 0) {
    state.Advance(next, epoch);
    CountForQuota(partition, taken);
    Declare(partition);
  } else {
    WatchForQuota(partition);
  }
  // No evidence in what a newer leader wrote.
  if (!newer_leader) Place(partition, {*partition.lag, taken, asked_bytes});
  accepted_.push_back(appended);
}

}  // namespace slipstream
