// Metadata: the brokers of a cluster, and who leads and replicates each partition.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct MetadataResponse;

struct MetadataRequestTopic {
  Uuid topic_id;
  std::optional<std::string> name;  // null: asked by id

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("TopicId", m.topic_id, {.from = 10});
    visitor.Field("Name", m.name, {.null_from = 10});
  }
  bool operator==(const MetadataRequestTopic&) const = default;
};

struct MetadataRequest {
  static constexpr const char* kName = "MetadataRequest";
  static constexpr ApiKey kApiKey = ApiKey::kMetadata;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 13, kFlexibleFrom = 9;
  using Response = MetadataResponse;

  std::optional<std::vector<MetadataRequestTopic>> topics;  // null: all; empty: none (in version 0: all)
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topics", m.topics, {.null_from = 1});
    visitor.Field("AllowAutoTopicCreation", m.allow_auto_topic_creation, {.from = 4, .default_value = 1});
    visitor.Field("IncludeClusterAuthorizedOperations", m.include_cluster_authorized_operations, {.from = 8, .to = 10});
    visitor.Field("IncludeTopicAuthorizedOperations", m.include_topic_authorized_operations, {.from = 8});
  }
  bool operator==(const MetadataRequest&) const = default;
};

struct MetadataResponseBroker {
  BrokerId node_id;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("NodeId", m.node_id);
    visitor.Field("Host", m.host, {.bytes_max = kHostBytesMax});
    visitor.Field("Port", m.port);
    visitor.Field("Rack", m.rack, {.from = 1});
  }
  bool operator==(const MetadataResponseBroker&) const = default;
};

struct MetadataResponsePartition {
  KafkaError error_code{};
  int32_t partition_index = 0;
  BrokerId leader_id;
  LeaderEpoch leader_epoch;             // the current leader epoch to fetch with
  std::vector<BrokerId> replica_nodes;  // replicas may name brokers that are not in Brokers
  std::vector<BrokerId> isr_nodes;
  std::vector<BrokerId> offline_replicas;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("LeaderId", m.leader_id);
    visitor.Field("LeaderEpoch", m.leader_epoch, {.from = 7});
    visitor.Field("ReplicaNodes", m.replica_nodes);
    visitor.Field("IsrNodes", m.isr_nodes);
    visitor.Field("OfflineReplicas", m.offline_replicas, {.from = 5});
  }
  bool operator==(const MetadataResponsePartition&) const = default;
};

inline constexpr int32_t kAuthorizedOperationsNotAsked = std::numeric_limits<int32_t>::min();

struct MetadataResponseTopic {
  KafkaError error_code{};
  std::optional<std::string> name;
  Uuid topic_id;
  bool is_internal = false;
  std::vector<MetadataResponsePartition> partitions;
  int32_t topic_authorized_operations = kAuthorizedOperationsNotAsked;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("Name", m.name, {.null_from = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 10});
    visitor.Field("IsInternal", m.is_internal, {.from = 1});
    visitor.Field("Partitions", m.partitions);
    visitor.Field("TopicAuthorizedOperations", m.topic_authorized_operations,
                  {.from = 8, .default_value = kAuthorizedOperationsNotAsked});
  }
  bool operator==(const MetadataResponseTopic&) const = default;
};

struct MetadataResponse {
  static constexpr const char* kName = "MetadataResponse";
  using Request = MetadataRequest;

  int32_t throttle_time_ms = 0;
  std::vector<MetadataResponseBroker> brokers;  // those that are not fenced and have an endpoint on the listener asked
  std::optional<std::string> cluster_id;
  BrokerId controller_id;
  std::vector<MetadataResponseTopic> topics;
  int32_t cluster_authorized_operations = kAuthorizedOperationsNotAsked;
  KafkaError error_code{};

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms, {.from = 3});
    visitor.Field("Brokers", m.brokers);
    visitor.Field("ClusterId", m.cluster_id, {.from = 2});
    visitor.Field("ControllerId", m.controller_id, {.from = 1});
    visitor.Field("Topics", m.topics);
    visitor.Field("ClusterAuthorizedOperations", m.cluster_authorized_operations,
                  {.from = 8, .to = 10, .default_value = kAuthorizedOperationsNotAsked});
    visitor.Field("ErrorCode", m.error_code, {.from = 13});
  }
  bool operator==(const MetadataResponse&) const = default;
};

}  // namespace slipstream
