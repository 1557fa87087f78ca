// ListOffsets: the offset at a time, or at either end of a partition.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct ListOffsetsResponse;

// What a timestamp below zero asks for.
inline constexpr Timestamp kLatestTimestamp{-1};    // the log end offset; for consumers the end of what they may read
inline constexpr Timestamp kEarliestTimestamp{-2};  // the log start offset
inline constexpr Timestamp kMaxTimestamp{-3};       // version 7+: the record with the largest timestamp
inline constexpr Timestamp kEarliestLocalTimestamp{
    -4};  // version 8+: the first offset that is not only in tiered storage
inline constexpr Timestamp kLatestTieredTimestamp{-5};  // version 9+

struct ListOffsetsPartition {
  int32_t partition_index = 0;
  LeaderEpoch current_leader_epoch;
  Timestamp timestamp;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("CurrentLeaderEpoch", m.current_leader_epoch, {.from = 4});
    visitor.Field("Timestamp", m.timestamp);
  }
  bool operator==(const ListOffsetsPartition&) const = default;
};

struct ListOffsetsTopic {
  std::string name;
  std::vector<ListOffsetsPartition> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const ListOffsetsTopic&) const = default;
};

struct ListOffsetsRequest {
  static constexpr const char* kName = "ListOffsetsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kListOffsets;
  static constexpr int16_t kVersionMin = 1, kVersionMax = 10, kFlexibleFrom = 6;
  using Response = ListOffsetsResponse;

  BrokerId replica_id;         // -1: a consumer
  int8_t isolation_level = 0;  // 1: of a consumer that reads committed transactions only
  std::vector<ListOffsetsTopic> topics;
  int32_t timeout_ms = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ReplicaId", m.replica_id);
    visitor.Field("IsolationLevel", m.isolation_level, {.from = 2});
    visitor.Field("Topics", m.topics);
    visitor.Field("TimeoutMs", m.timeout_ms, {.from = 10});
  }
  bool operator==(const ListOffsetsRequest&) const = default;
};

struct ListOffsetsPartitionResponse {
  int32_t partition_index = 0;
  KafkaError error_code{};
  Timestamp timestamp;
  Offset offset;
  LeaderEpoch leader_epoch;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("Timestamp", m.timestamp);
    visitor.Field("Offset", m.offset);
    visitor.Field("LeaderEpoch", m.leader_epoch, {.from = 4});
  }
  bool operator==(const ListOffsetsPartitionResponse&) const = default;
};

struct ListOffsetsTopicResponse {
  std::string name;
  std::vector<ListOffsetsPartitionResponse> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const ListOffsetsTopicResponse&) const = default;
};

struct ListOffsetsResponse {
  static constexpr const char* kName = "ListOffsetsResponse";
  using Request = ListOffsetsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<ListOffsetsTopicResponse> topics;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms, {.from = 2});
    visitor.Field("Topics", m.topics);
  }
  bool operator==(const ListOffsetsResponse&) const = default;
};

}  // namespace slipstream
