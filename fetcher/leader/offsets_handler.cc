#include "fetcher/leader/offsets_handler.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/string_view.h>

#include <limits>
#include <optional>
#include <utility>

#include "fetcher/log_answers.h"

namespace slipstream {
namespace {

using FoundRecord = std::optional<std::pair<Timestamp, Offset>>;

// The first record with the largest timestamp. The log can only look forward from a timestamp: close in on the largest
// one from which it still finds something.
absl::StatusOr<FoundRecord> FindMaxTimestamp(PartitionLog& log) {
  absl::StatusOr<FoundRecord> best = log.OffsetForTimestamp(Timestamp{0});
  if (!best.ok() || !*best) return best;
  int64_t none_from = std::numeric_limits<int64_t>::max();
  while ((*best)->first.value < none_from - 1) {
    const int64_t found_at = (*best)->first.value;
    const Timestamp middle{found_at + (none_from - found_at) / 2};
    const absl::StatusOr<FoundRecord> later = log.OffsetForTimestamp(middle);
    if (!later.ok()) return later;
    if (*later) {
      best = later;
    } else {
      none_from = middle.value;
    }
  }
  // Records of one timestamp may lie in several batches; looked up as itself, the first is found.
  return log.OffsetForTimestamp((*best)->first);
}

// How far whoever asks may read: offsets of records at or above this are not told, for they would be waited for in
// vain.
Offset ReadableEnd(const PartitionLog& log, const ListOffsetsRequest& request) {
  if (request.replica_id != BrokerId{-1}) return log.log_end_offset();
  return request.isolation_level == 1 ? log.last_stable_offset() : log.high_watermark();
}

void FillFound(const PartitionLog& log, const absl::StatusOr<FoundRecord>& found, Offset end,
               ListOffsetsPartitionResponse& answer) {
  if (!found.ok()) {
    answer.error_code = KafkaError::kKafkaStorageError;
  } else if (*found && (*found)->second < end) {
    answer.timestamp = (*found)->first;
    answer.offset = (*found)->second;
    answer.leader_epoch = EpochAt(log, answer.offset);
  }
}

void FillOffset(PartitionLog& log, const ListOffsetsRequest& request, Timestamp asked, int16_t version,
                ListOffsetsPartitionResponse& answer) {
  const Offset end = ReadableEnd(log, request);
  if (asked == kLatestTimestamp) {
    answer.offset = end;
    answer.leader_epoch = log.latest_epoch().value_or(LeaderEpoch{});
  } else if (asked == kEarliestTimestamp || (asked == kEarliestLocalTimestamp && version >= 8)) {
    answer.offset = log.log_start_offset();
    answer.leader_epoch = EpochAt(log, answer.offset);
  } else if (asked == kMaxTimestamp && version >= 7) {
    FillFound(log, FindMaxTimestamp(log), end, answer);
  } else if (asked >= Timestamp{0}) {
    FillFound(log, log.OffsetForTimestamp(asked), end, answer);
  } else if (asked != kLatestTieredTimestamp || version < 9) {  // nothing is tiered here: the offset stays -1
    answer.error_code = KafkaError::kUnsupportedVersion;
  }
}

// The partition to ask; nullptr: `error` says why not.
HostedPartition* Resolve(TopicCatalog& catalog, const std::string& topic_name, int32_t number,
                         LeaderEpoch current_leader_epoch, KafkaError& error) {
  HostedTopic* const topic = catalog.Find(topic_name);
  HostedPartition* const partition = topic == nullptr ? nullptr : topic->Find(number);
  error = partition == nullptr ? KafkaError::kUnknownTopicOrPartition : partition->CheckEpoch(current_leader_epoch);
  return error == KafkaError::kNone ? partition : nullptr;
}

}  // namespace

void HandleListOffsets(const ListOffsetsRequest& request, int16_t version, TopicCatalog& catalog,
                       ListOffsetsResponse& response) {
  absl::flat_hash_set<std::pair<absl::string_view, int32_t>> seen;
  for (const ListOffsetsTopic& topic : request.topics) {
    ListOffsetsTopicResponse& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const ListOffsetsPartition& asked : topic.partitions) {
      ListOffsetsPartitionResponse& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      // Each look-up may read files, and a megabyte names a partition ten thousands of times.
      if (!seen.emplace(topic.name, asked.partition_index).second) {
        answer.error_code = KafkaError::kInvalidRequest;
        continue;
      }
      HostedPartition* const partition =
          Resolve(catalog, topic.name, asked.partition_index, asked.current_leader_epoch, answer.error_code);
      if (partition != nullptr) FillOffset(partition->log, request, asked.timestamp, version, answer);
    }
  }
}

void HandleOffsetForLeaderEpoch(const OffsetForLeaderEpochRequest& request, TopicCatalog& catalog,
                                OffsetForLeaderEpochResponse& response) {
  for (const OffsetForLeaderTopic& topic : request.topics) {
    OffsetForLeaderTopicResult& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const OffsetForLeaderPartition& asked : topic.partitions) {
      OffsetForLeaderPartitionResult& answer = answers.partitions.emplace_back();
      answer.partition = asked.partition;
      HostedPartition* const partition =
          Resolve(catalog, topic.topic, asked.partition, asked.current_leader_epoch, answer.error_code);
      if (partition == nullptr) continue;
      const EpochEndOffset end = partition->log.EndOffsetForEpoch(asked.leader_epoch);
      answer.leader_epoch = end.leader_epoch;
      answer.end_offset = end.end_offset;
    }
  }
}

}  // namespace slipstream
