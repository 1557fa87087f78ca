#include "fetcher/leader/metadata_handler.h"

#include <absl/container/flat_hash_set.h>

#include <utility>

#include "log/topic_partition.h"

namespace slipstream {
namespace {

void Describe(const HostedTopic& topic, MetadataResponseTopic& answer) {
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = IsInternalTopic(topic.name);
  answer.partitions.reserve(topic.partitions.size());
  for (const auto& [number, partition] : topic.partitions) {
    answer.partitions.push_back({.error_code = KafkaError::kNone,
                                 .partition_index = number,
                                 .leader_id = kLeaderBrokerId,
                                 .leader_epoch = partition->leader_epoch,
                                 .replica_nodes = {kLeaderBrokerId},
                                 .isr_nodes = {kLeaderBrokerId},
                                 .offline_replicas = {}});
  }
}

void DescribeById(const Uuid& id, TopicCatalog& catalog, MetadataResponseTopic& answer) {
  answer.topic_id = id;
  if (const HostedTopic* topic = catalog.Find(id); topic != nullptr) {
    Describe(*topic, answer);
  } else {
    answer.error_code = KafkaError::kUnknownTopicId;
  }
}

void DescribeByName(const std::string& name, bool may_create, TopicCatalog& catalog, MetadataResponseTopic& answer) {
  answer.name = name;
  const HostedTopic* topic = catalog.Find(name);
  if (topic == nullptr && !ValidateTopicName(name).ok()) {
    answer.error_code = KafkaError::kInvalidTopicException;
    return;
  }
  if (topic == nullptr && may_create) {
    const absl::StatusOr<HostedTopic*> created = catalog.Create(name, 1);
    if (created.ok()) topic = *created;
    if (!created.ok()) answer.error_code = KafkaError::kKafkaStorageError;
  } else if (topic == nullptr) {
    answer.error_code = KafkaError::kUnknownTopicOrPartition;
  }
  if (topic != nullptr) Describe(*topic, answer);
}

}  // namespace

void HandleMetadata(const MetadataRequest& request, int16_t version, const MetadataConfig& config,
                    TopicCatalog& catalog, MetadataResponse& response) {
  response.brokers.push_back({.node_id = kLeaderBrokerId,
                              .host = config.advertised.host,
                              .port = config.advertised.port,
                              .rack = std::nullopt});
  response.cluster_id = catalog.cluster_id();
  response.controller_id = kLeaderBrokerId;
  const bool all = !request.topics || (version == 0 && request.topics->empty());
  if (all) {
    for (const auto& [name, topic] : catalog.topics()) Describe(*topic, response.topics.emplace_back());
    return;
  }
  const bool may_create = config.auto_create && request.allow_auto_topic_creation;
  // Once, however often it is named: else a small request could ask for an answer that no frame holds.
  absl::flat_hash_set<std::pair<absl::string_view, Uuid>> described;
  for (const MetadataRequestTopic& asked : *request.topics) {
    const absl::string_view name = asked.name ? absl::string_view(*asked.name) : absl::string_view();
    if (!described.emplace(name, asked.name ? Uuid{} : asked.topic_id).second) continue;
    MetadataResponseTopic& answer = response.topics.emplace_back();
    if (asked.name) {
      DescribeByName(*asked.name, may_create, catalog, answer);
    } else {
      DescribeById(asked.topic_id, catalog, answer);
    }
  }
}

}  // namespace slipstream
