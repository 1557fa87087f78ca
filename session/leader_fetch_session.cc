#include "session/leader_fetch_session.h"

#include "log/check.h"

namespace slipstream {
namespace {

SessionPartitionKey KeyOf(const std::string& topic, Uuid topic_id, int32_t partition) {
  return {.topic_id = topic_id, .topic = topic_id.IsZero() ? topic : std::string(), .partition = partition};
}

}  // namespace

bool SessionPartition::MustTell(const PartitionData& data) const {
  return data.records.size() > 0 || data.error_code != KafkaError::kNone ||
         data.high_watermark != told_high_watermark || data.log_start_offset != told_log_start_offset ||
         data.diverging_epoch.end_offset >= Offset{0} || data.preferred_read_replica >= BrokerId{0};
}

void SessionPartition::Remember(const PartitionData& data) {
  told_high_watermark = data.error_code == KafkaError::kNone ? data.high_watermark : Offset{};
  told_log_start_offset = data.log_start_offset;
}

LeaderFetchSession::LeaderFetchSession(int32_t id, bool uses_topic_ids, SessionPartitions partitions)
    : id_(id), uses_topic_ids_(uses_topic_ids), partitions_(std::move(partitions)) {
  for (auto it = partitions_.begin(); it != partitions_.end(); ++it)
    by_key_.emplace(KeyOf(it->topic, it->topic_id, it->asked.partition), it);
  SLIP_CHECK_EQ(by_key_.size(), partitions_.size());
}

void LeaderFetchSession::Apply(const FetchRequest& request) {
  for (const FetchTopic& topic : request.topics) {
    for (const FetchPartition& asked : topic.partitions) {
      SessionPartitionKey key = KeyOf(topic.topic, topic.topic_id, asked.partition);
      if (const auto known = by_key_.find(key); known != by_key_.end()) {
        known->second->asked = asked;
        continue;
      }
      partitions_.push_back({.topic = topic.topic, .topic_id = topic.topic_id, .asked = asked});
      by_key_.emplace(std::move(key), std::prev(partitions_.end()));
    }
  }
  for (const ForgottenTopic& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions) {
      const auto known = by_key_.find(KeyOf(topic.topic, topic.topic_id, partition));
      if (known == by_key_.end()) continue;
      partitions_.erase(known->second);
      by_key_.erase(known);
    }
  }
  epoch_ = NextFetchSessionEpoch(epoch_);
}

void LeaderFetchSession::MoveToEnd(SessionPartitions::iterator partition) {
  partitions_.splice(partitions_.end(), partitions_, partition);
}

SessionPartitions PartitionsOf(const FetchRequest& request) {
  SessionPartitions partitions;
  absl::flat_hash_map<SessionPartitionKey, FetchPartition*> named;
  for (const FetchTopic& topic : request.topics) {
    for (const FetchPartition& asked : topic.partitions) {
      FetchPartition*& known = named[KeyOf(topic.topic, topic.topic_id, asked.partition)];
      if (known != nullptr) {
        *known = asked;
        continue;
      }
      partitions.push_back({.topic = topic.topic, .topic_id = topic.topic_id, .asked = asked});
      known = &partitions.back().asked;
    }
  }
  return partitions;
}

}  // namespace slipstream
