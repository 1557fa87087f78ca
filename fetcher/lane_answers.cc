#include "fetcher/lane_answers.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "fetcher/fetch_error.h"
#include "log/old_message.h"
#include "log/record_batch.h"

namespace slipstream {

std::optional<FilePosition> LaneAnswers::LandingOf(const FetchableTopicResponse& topic, int32_t partition_index) {
  answer_size_.OnFirstBytes(lane_.Now());
  const FetchSession::Asked* asked = partitions_.session().Resolve(topic, partition_index);
  const FollowedPartition* partition = asked == nullptr ? nullptr : partitions_.Find(asked->partition);
  if (partition == nullptr) return std::nullopt;
  return partition->log().append_position() + partition->bytes_being_written;
}

bool LaneAnswers::Judge(const FetchResponse& response) {
  appends_.Clear();
  FetchSession& session = partitions_.session();
  const FetchSession::Verdict verdict = session.OnResponse(response);
  if (verdict != FetchSession::Verdict::kUse) {
    lane_.counters.stale_answers.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const Clock::TimePoint now = lane_.Now();
  // What of it counts against a rate: not the part of a batch at the end of an answer, which comes again.
  size_t record_bytes = 0, counted_bytes = 0;
  for (const FetchableTopicResponse& topic : response.responses) {
    for (const PartitionData& answer : topic.partitions) {
      record_bytes += answer.records.bytes.size();
      const FetchSession::Asked* asked = session.Resolve(topic, answer.partition_index);
      FollowedPartition* partition = asked == nullptr ? nullptr : partitions_.Find(asked->partition);
      const bool expected = partition != nullptr && partition->state.ReadyToFetch(now) &&
                            partition->work == LeaderWork::kNone &&
                            asked->data.fetch_offset == partition->state.fetch_offset &&
                            asked->data.current_leader_epoch == partition->state.current_leader_epoch;
      if (!expected) lane_.counters.stale_answers.fetch_add(1, std::memory_order_relaxed);
      const bool accepted = expected && JudgePartition(*partition, asked->data, answer);
      counted_bytes += accepted ? partition->bytes_being_written : answer.records.bytes.size();
    }
  }
  moves_.LetQuietOnesLeave(now);
  moves_.CallForArrivals(now);
  answer_size_.OnAnswer(static_cast<int64_t>(record_bytes), now);
  if (lane_.config.rate_limit != nullptr) lane_.config.rate_limit->Take(static_cast<int64_t>(counted_bytes), now);
  return true;
}

bool LaneAnswers::JudgePartition(FollowedPartition& partition, const FetchPartitionData& asked,
                                 const PartitionData& answer) {
  const FetchErrorRule rule =
      RuleForFetchError(answer.error_code, asked.current_leader_epoch, partition.state.current_leader_epoch);
  const auto describe = [&] {
    return absl::StrCat(partition.name().ToString(), ": ", KafkaErrorName(answer.error_code));
  };
  if (rule.leader_in_doubt) lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), describe());
  switch (rule.action) {
    case FetchAction::kAppend:
      if (answer.diverging_epoch.end_offset >= Offset{0}) {
        // Nothing else of this answer counts, lest the high watermark pass the point of divergence (FT-35).
        partition.leader_end = {answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset};
        partitions_.RequireLeaderWork(partition, LeaderWork::kTruncate);
        break;
      }
      return Accept(partition, asked, answer);
    case FetchAction::kResetOffset: partitions_.RequireLeaderWork(partition, LeaderWork::kResetOffset); break;
    case FetchAction::kDelay:
      lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
      partitions_.Delay(partition);
      partitions_.TellIfLasting(partition, "fetch", answer.error_code);
      break;
    case FetchAction::kMarkFailed:
      partitions_.MarkFailed(partition, absl::FailedPreconditionError(KafkaErrorName(answer.error_code)));
      break;
    case FetchAction::kTiered:
      if (lane_.config.remote_storage != nullptr) {
        partitions_.RequireLeaderWork(partition, LeaderWork::kRebuild);
      } else {
        partitions_.MarkFailed(
            partition, absl::FailedPreconditionError(absl::StrCat(
                           KafkaErrorName(answer.error_code), ": the leader has offset ", asked.fetch_offset.value,
                           " in remote storage only, and remote.log.storage.dir is not set")));
      }
      break;
  }
  return false;
}

bool LaneAnswers::Accept(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer) {
  PartitionFetchState& state = partition.state;
  AcceptedPart part;
  part.partition = &partition;
  part.leader_high_watermark = std::max(answer.high_watermark, Offset{-1});  // any number may stand there
  part.leader_log_start_offset = answer.log_start_offset;
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
    part.records += static_cast<uint64_t>(std::max(0, batch.record_count()));
    ++part.batch_count;
  }
  wrong.Update(walker.status());
  if (absl::IsUnimplemented(wrong) && taken > 0) {
    wrong = absl::OkStatus();  // what comes before it is still good
  } else if (absl::IsUnimplemented(wrong) && IsOldMessage(answer.records.bytes)) {
    // No asking anew will change that; a damaged byte may look the same.
    partitions_.MarkFailed(partition, wrong);
    return false;
  }
  if (absl::IsUnimplemented(wrong)) wrong = absl::DataLossError(absl::StrCat(wrong.message(), ", or damaged"));
  if (!wrong.ok()) {
    partitions_.DropAnswer(partition, wrong);
    return false;
  }
  if (newer_leader && taken == 0) {
    // The same batch would come again at once: time for the news of the election to arrive.
    lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(),
                                 absl::StrCat(partition.name().ToString(), ": a batch of a leader epoch above ",
                                              state.current_leader_epoch.value));
    partitions_.Delay(partition);
    return false;
  }
  partition.log().MarkBegun();
  part.batches = answer.records.bytes.first(taken);
  partition.bytes_being_written = taken;
  part.failures_before = state.failures;
  const int32_t asked_bytes = asked.partition_max_bytes;  // `asked` goes when the partition leaves the session
  partition.lag = std::max<int64_t>(0, part.leader_high_watermark - next);
  if (taken > 0) {
    state.Advance(next, epoch);
    quota_.CountAccepted(partition, taken);
    partitions_.Declare(partition);
  } else {
    partitions_.WatchForQuota(partition);
  }
  // No evidence in what a newer leader wrote.
  if (!newer_leader) moves_.Place(partition, {*partition.lag, taken, asked_bytes});
  appends_.Accept(part);
  return true;
}

}  // namespace slipstream
