// CreateTopics: new topics, with a replica assignment of the caller's or the controller's choice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct CreateTopicsResponse;

struct CreatableReplicaAssignment {
  int32_t partition_index = 0;
  std::vector<BrokerId> broker_ids;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("BrokerIds", m.broker_ids);
  }
  bool operator==(const CreatableReplicaAssignment&) const = default;
};

struct CreatableTopicConfig {
  std::string name;
  std::optional<std::string> value;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Value", m.value);
  }
  bool operator==(const CreatableTopicConfig&) const = default;
};

struct CreatableTopic {
  std::string name;
  int32_t num_partitions = 0;      // -1: the brokers' default (version 4+), or as assigned
  int16_t replication_factor = 0;  // the same
  std::vector<CreatableReplicaAssignment> assignments;
  std::vector<CreatableTopicConfig> configs;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("NumPartitions", m.num_partitions);
    visitor.Field("ReplicationFactor", m.replication_factor);
    visitor.Field("Assignments", m.assignments);
    visitor.Field("Configs", m.configs);
  }
  bool operator==(const CreatableTopic&) const = default;
};

struct CreateTopicsRequest {
  static constexpr const char* kName = "CreateTopicsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kCreateTopics;
  static constexpr int16_t kVersionMin = 2, kVersionMax = 7, kFlexibleFrom = 5;
  using Response = CreateTopicsResponse;

  std::vector<CreatableTopic> topics;
  int32_t timeout_ms = 60000;
  bool validate_only = false;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topics", m.topics);
    visitor.Field("timeoutMs", m.timeout_ms);  // Kafka writes these two with a small letter
    visitor.Field("validateOnly", m.validate_only);
  }
  bool operator==(const CreateTopicsRequest&) const = default;
};

struct CreatableTopicConfigs {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  int8_t config_source = -1;
  bool is_sensitive = false;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Value", m.value);
    visitor.Field("ReadOnly", m.read_only);
    visitor.Field("ConfigSource", m.config_source);
    visitor.Field("IsSensitive", m.is_sensitive);
  }
  bool operator==(const CreatableTopicConfigs&) const = default;
};

struct CreatableTopicResult {
  std::string name;
  Uuid topic_id;
  KafkaError error_code{};
  std::optional<std::string> error_message;
  int32_t num_partitions = -1;
  int16_t replication_factor = -1;
  std::optional<std::vector<CreatableTopicConfigs>> configs;
  KafkaError topic_config_error_code{};

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("TopicId", m.topic_id, {.from = 7});
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("ErrorMessage", m.error_message);
    visitor.Field("NumPartitions", m.num_partitions, {.from = 5, .default_value = -1});
    visitor.Field("ReplicationFactor", m.replication_factor, {.from = 5, .default_value = -1});
    visitor.Field("Configs", m.configs, {.from = 5});
    visitor.Field("TopicConfigErrorCode", m.topic_config_error_code, {.from = 5, .tag = 0});
  }
  bool operator==(const CreatableTopicResult&) const = default;
};

struct CreateTopicsResponse {
  static constexpr const char* kName = "CreateTopicsResponse";
  using Request = CreateTopicsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<CreatableTopicResult> topics;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("Topics", m.topics);
  }
  bool operator==(const CreateTopicsResponse&) const = default;
};

}  // namespace slipstream
