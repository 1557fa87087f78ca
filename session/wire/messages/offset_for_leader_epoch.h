// OffsetForLeaderEpoch: where an epoch ends in the leader's log (KIP-101). Leaders that know Fetch version 12 say it
// there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderPartition {
  int32_t partition = 0;
  LeaderEpoch current_leader_epoch;  // fences a caller that missed an election (KIP-320)
  LeaderEpoch leader_epoch;          // the epoch asked about

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Partition", m.partition);
    visitor.Field("CurrentLeaderEpoch", m.current_leader_epoch);
    visitor.Field("LeaderEpoch", m.leader_epoch);
  }
  bool operator==(const OffsetForLeaderPartition&) const = default;
};

struct OffsetForLeaderTopic {
  std::string topic;
  std::vector<OffsetForLeaderPartition> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topic", m.topic);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const OffsetForLeaderTopic&) const = default;
};

struct OffsetForLeaderEpochRequest {
  static constexpr const char* kName = "OffsetForLeaderEpochRequest";
  static constexpr ApiKey kApiKey = ApiKey::kOffsetForLeaderEpoch;
  static constexpr int16_t kVersionMin = 2, kVersionMax = 4, kFlexibleFrom = 4;
  using Response = OffsetForLeaderEpochResponse;
  static constexpr BrokerId kDebuggingReplica{-2};

  BrokerId replica_id = kDebuggingReplica;  // -1: a consumer
  std::vector<OffsetForLeaderTopic> topics;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ReplicaId", m.replica_id, {.from = 3, .default_value = kDebuggingReplica.value});
    visitor.Field("Topics", m.topics);
  }
  bool operator==(const OffsetForLeaderEpochRequest&) const = default;
};

// Kafka's EpochEndOffset: the largest epoch at or below the one asked, and where it ends; both -1 when there is none.
struct OffsetForLeaderPartitionResult {
  KafkaError error_code{};
  int32_t partition = 0;
  LeaderEpoch leader_epoch;
  Offset end_offset;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("Partition", m.partition);
    visitor.Field("LeaderEpoch", m.leader_epoch);
    visitor.Field("EndOffset", m.end_offset);
  }
  bool operator==(const OffsetForLeaderPartitionResult&) const = default;
};

struct OffsetForLeaderTopicResult {
  std::string topic;
  std::vector<OffsetForLeaderPartitionResult> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topic", m.topic);
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const OffsetForLeaderTopicResult&) const = default;
};

struct OffsetForLeaderEpochResponse {
  static constexpr const char* kName = "OffsetForLeaderEpochResponse";
  using Request = OffsetForLeaderEpochRequest;

  int32_t throttle_time_ms = 0;
  std::vector<OffsetForLeaderTopicResult> topics;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("Topics", m.topics);
  }
  bool operator==(const OffsetForLeaderEpochResponse&) const = default;
};

}  // namespace slipstream
