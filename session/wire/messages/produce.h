// Produce: record batches to append. With acks 0 the broker sends no answer at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"
#include "session/wire/messages/current_leader.h"

namespace slipstream {

struct ProduceResponse;

struct PartitionProduceData {
  int32_t index = 0;
  Records records;  // one batch only when the producer is idempotent

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Index", m.index);
    visitor.Field("Records", m.records);
  }
  bool operator==(const PartitionProduceData&) const = default;
};

struct TopicProduceData {
  std::string name;  // to version 12, then the id
  Uuid topic_id;
  std::vector<PartitionProduceData> partition_data;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name, {.to = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 13});
    visitor.Field("PartitionData", m.partition_data);
  }
  bool operator==(const TopicProduceData&) const = default;
};

// Kafka 4 advertises versions 0 to 2 and then refuses them.
struct ProduceRequest {
  static constexpr const char* kName = "ProduceRequest";
  static constexpr ApiKey kApiKey = ApiKey::kProduce;
  static constexpr int16_t kVersionMin = 3, kVersionMax = 13, kFlexibleFrom = 9;
  using Response = ProduceResponse;

  std::optional<std::string> transactional_id;
  int16_t acks = 0;  // 0, 1, or -1 for the whole ISR
  int32_t timeout_ms = 0;
  std::vector<TopicProduceData> topic_data;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("TransactionalId", m.transactional_id);
    visitor.Field("Acks", m.acks);
    visitor.Field("TimeoutMs", m.timeout_ms);
    visitor.Field("TopicData", m.topic_data);
  }
  bool operator==(const ProduceRequest&) const = default;
};

struct BatchIndexAndErrorMessage {
  int32_t batch_index = 0;
  std::optional<std::string> batch_index_error_message;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("BatchIndex", m.batch_index);
    visitor.Field("BatchIndexErrorMessage", m.batch_index_error_message);
  }
  bool operator==(const BatchIndexAndErrorMessage&) const = default;
};

struct PartitionProduceResponse {
  int32_t index = 0;
  KafkaError error_code{};
  Offset base_offset;
  Timestamp log_append_time_ms;
  Offset log_start_offset;
  std::vector<BatchIndexAndErrorMessage> record_errors;
  std::optional<std::string> error_message;
  LeaderIdAndEpoch current_leader;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Index", m.index);
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("BaseOffset", m.base_offset);
    visitor.Field("LogAppendTimeMs", m.log_append_time_ms);
    visitor.Field("LogStartOffset", m.log_start_offset, {.from = 5});
    visitor.Field("RecordErrors", m.record_errors, {.from = 8});
    visitor.Field("ErrorMessage", m.error_message, {.from = 8});
    visitor.Field("CurrentLeader", m.current_leader, {.from = 10, .tag = 0});
  }
  bool operator==(const PartitionProduceResponse&) const = default;
};

struct TopicProduceResponse {
  std::string name;  // to version 12, then the id
  Uuid topic_id;
  std::vector<PartitionProduceResponse> partition_responses;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name, {.to = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 13});
    visitor.Field("PartitionResponses", m.partition_responses);
  }
  bool operator==(const TopicProduceResponse&) const = default;
};

struct ProduceResponse {
  static constexpr const char* kName = "ProduceResponse";
  using Request = ProduceRequest;

  std::vector<TopicProduceResponse> responses;
  int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Responses", m.responses);
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("NodeEndpoints", m.node_endpoints, {.from = 10, .tag = 0});
  }
  bool operator==(const ProduceResponse&) const = default;
};

}  // namespace slipstream
