#include "tests/sim/leader_answers.h"

#include <algorithm>

namespace slipstream::sim {
namespace {

constexpr int16_t kDivergenceFromVersion = 12;

KafkaError CheckLeader(const Replica& replica, LeaderEpoch current_leader_epoch) {
  if (!replica.leads) return KafkaError::kNotLeaderOrFollower;
  if (current_leader_epoch < LeaderEpoch{0}) return KafkaError::kNone;
  if (current_leader_epoch < replica.view.epoch) return KafkaError::kFencedLeaderEpoch;
  if (current_leader_epoch > replica.view.epoch) return KafkaError::kUnknownLeaderEpoch;
  return KafkaError::kNone;
}

// True: `data` says where the asker's log leaves this one, or that it cannot be told.
bool Diverges(const Replica& replica, const FetchPartition& asked, PartitionData& data) {
  if (asked.last_fetched_epoch < LeaderEpoch{0}) return false;
  const EpochEndOffset end = replica.log.EndOffsetFor(asked.last_fetched_epoch, replica.view.epoch);
  if (end.end_offset < Offset{0}) {
    data.error_code = KafkaError::kOffsetOutOfRange;
    return true;
  }
  if (end.leader_epoch >= asked.last_fetched_epoch && end.end_offset >= asked.fetch_offset) return false;
  data.diverging_epoch = {.epoch = end.leader_epoch, .end_offset = end.end_offset};
  return true;
}

}  // namespace

FetchPart AnswerFetch(const Replica& replica, const FetchPartition& asked, const Asker& asker, int64_t bytes_left,
                      bool first_records) {
  FetchPart part;
  PartitionData& data = part.data;
  data.partition_index = asked.partition;
  data.error_code = CheckLeader(replica, asked.current_leader_epoch);
  if (data.error_code != KafkaError::kNone) return part;
  const ModelLog& log = replica.log;
  if (asked.fetch_offset < log.start()) {
    data.error_code = KafkaError::kOffsetOutOfRange;
    return part;
  }
  const bool diverges = asker.fetch_version >= kDivergenceFromVersion && Diverges(replica, asked, data);
  if (!diverges && asked.fetch_offset > log.end()) data.error_code = KafkaError::kOffsetOutOfRange;
  if (data.error_code != KafkaError::kNone) return part;
  data.high_watermark = data.last_stable_offset = replica.high_watermark;
  data.log_start_offset = log.start();
  if (diverges) return part;
  const Offset bound = asker.replica ? log.end() : replica.high_watermark;
  const int64_t room = std::min<int64_t>(asked.partition_max_bytes, std::max<int64_t>(0, bytes_left));
  part.records = log.Read(asked.fetch_offset, bound, room, first_records);
  for (const ModelBatch* batch : part.records) data.records.external_bytes += batch->bytes.size();
  return part;
}

EpochAnswer AnswerEpochQuery(const Replica& replica, const EpochQuery& query) {
  EpochAnswer answer{.partition = query.partition, .error = CheckLeader(replica, query.current_leader_epoch)};
  if (answer.error == KafkaError::kNone) answer.end = replica.log.EndOffsetFor(query.leader_epoch, replica.view.epoch);
  return answer;
}

OffsetAnswer AnswerOffsetQuery(const Replica& replica, LeaderEpoch current_leader_epoch, bool latest,
                               bool asker_is_replica) {
  OffsetAnswer answer{.error = CheckLeader(replica, current_leader_epoch)};
  if (answer.error != KafkaError::kNone) return answer;
  answer.leader_epoch = replica.view.epoch;
  answer.offset = replica.log.start();
  if (!latest) return answer;
  answer.offset = asker_is_replica ? replica.log.end() : replica.high_watermark;
  // KIP-207: until its high watermark is of its own epoch it may lie below what was told before.
  if (!asker_is_replica && replica.high_watermark < replica.epoch_start)
    answer = {KafkaError::kOffsetNotAvailable, {}, {}};
  return answer;
}

}  // namespace slipstream::sim
