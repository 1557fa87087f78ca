// DeleteRecords: moves the log start offset up, on the leader and then on every replica.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct DeleteRecordsResponse;

struct DeleteRecordsPartition {
  int32_t partition_index = 0;
  Offset offset;  // the new log start; -1: the high watermark

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("Offset", m.offset);
  }
  bool operator==(const DeleteRecordsPartition&) const = default;
};

struct DeleteRecordsTopic {
  std::string name;
  std::vector<DeleteRecordsPartition> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const DeleteRecordsTopic&) const = default;
};

struct DeleteRecordsRequest {
  static constexpr const char* kName = "DeleteRecordsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDeleteRecords;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  using Response = DeleteRecordsResponse;

  std::vector<DeleteRecordsTopic> topics;
  int32_t timeout_ms = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topics", m.topics);
    visitor.Field("TimeoutMs", m.timeout_ms);
  }
  bool operator==(const DeleteRecordsRequest&) const = default;
};

struct DeleteRecordsPartitionResult {
  int32_t partition_index = 0;
  Offset low_watermark;  // the smallest log start offset of the live replicas
  KafkaError error_code{};

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("LowWatermark", m.low_watermark);
    visitor.Field("ErrorCode", m.error_code);
  }
  bool operator==(const DeleteRecordsPartitionResult&) const = default;
};

struct DeleteRecordsTopicResult {
  std::string name;
  std::vector<DeleteRecordsPartitionResult> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const DeleteRecordsTopicResult&) const = default;
};

struct DeleteRecordsResponse {
  static constexpr const char* kName = "DeleteRecordsResponse";
  using Request = DeleteRecordsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DeleteRecordsTopicResult> topics;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("Topics", m.topics);
  }
  bool operator==(const DeleteRecordsResponse&) const = default;
};

}  // namespace slipstream
