#include "session/cluster_metadata.h"

#include <limits>

namespace slipstream {

ClusterMetadata ClusterMetadata::From(const MetadataResponse& response) {
  ClusterMetadata metadata;
  metadata.cluster_id = response.cluster_id.value_or("");
  metadata.controller_id = response.controller_id;
  for (const auto& broker : response.brokers) {
    // What is no address is as a broker that is away: cut to 16 bits it would be another's.
    const bool port_valid = broker.port >= 1 && broker.port <= std::numeric_limits<uint16_t>::max();
    if (port_valid && !broker.host.empty())
      metadata.brokers[broker.node_id] = {broker.host, static_cast<uint16_t>(broker.port)};
  }
  for (const auto& topic : response.topics) {
    // Names become directory names: one that breaks Kafka's own rule comes from a peer that is not to be trusted.
    if (!topic.name || !ValidateTopicName(*topic.name).ok()) continue;
    TopicMetadata& entry = metadata.topics[*topic.name];
    entry.topic_id = topic.topic_id;
    entry.internal = topic.is_internal;
    entry.error = topic.error_code;
    for (const auto& partition : topic.partitions) {
      if (partition.partition_index >= 0)
        entry.partitions[partition.partition_index] = {partition.leader_id, partition.leader_epoch};
    }
  }
  return metadata;
}

std::optional<PartitionLeader> ClusterMetadata::LeaderOf(const TopicPartition& partition) const {
  const auto topic = topics.find(partition.topic);
  if (topic == topics.end()) return std::nullopt;
  const auto found = topic->second.partitions.find(partition.partition);
  if (found == topic->second.partitions.end()) return std::nullopt;
  return found->second;
}

}  // namespace slipstream
