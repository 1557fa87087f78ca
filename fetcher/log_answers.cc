#include "fetcher/log_answers.h"

namespace slipstream {

bool Diverges(const PartitionLog& log, const FetchPartition& asked, PartitionData& data) {
  if (asked.last_fetched_epoch < LeaderEpoch{0}) return false;
  const EpochEndOffset end = log.EndOffsetForEpoch(asked.last_fetched_epoch);
  if (end.end_offset < Offset{0} || asked.fetch_offset < log.log_start_offset()) {
    data.error_code = KafkaError::kOffsetOutOfRange;
    return true;
  }
  if (end.leader_epoch >= asked.last_fetched_epoch && end.end_offset >= asked.fetch_offset) return false;
  data.diverging_epoch = {.epoch = end.leader_epoch, .end_offset = end.end_offset};
  return true;
}

KafkaError ErrorOfRead(const absl::Status& read) {
  if (read.ok()) return KafkaError::kNone;
  return absl::IsOutOfRange(read) ? KafkaError::kOffsetOutOfRange : KafkaError::kKafkaStorageError;
}

LeaderEpoch EpochAt(const PartitionLog& log, Offset offset) {
  return log.epochs().EpochForOffset(offset).value_or(LeaderEpoch{});
}

}  // namespace slipstream
