// Fetch: record batches from an offset on, asked by a consumer or a follower, with or without a fetch session
// (KIP-227).
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
#include "session/wire/messages/current_leader.h"

namespace slipstream {

struct FetchResponse;

// Who asks, from version 15 on; before it FetchRequest::replica_id.
struct FetchReplicaState {
  BrokerId replica_id;         // -1: a consumer
  int64_t replica_epoch = -1;  // the broker epoch of the registration; -1 skips the check

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ReplicaId", m.replica_id);
    visitor.Field("ReplicaEpoch", m.replica_epoch);
  }
  bool operator==(const FetchReplicaState&) const = default;
};

struct FetchPartition {
  static constexpr Offset kNoHighWatermark{std::numeric_limits<int64_t>::max()};

  int32_t partition = 0;
  LeaderEpoch current_leader_epoch;
  Offset fetch_offset;
  LeaderEpoch last_fetched_epoch;  // -1: the log is empty
  Offset log_start_offset;         // of the follower
  int32_t partition_max_bytes = 0;
  Uuid replica_directory_id;
  Offset high_watermark = kNoHighWatermark;  // what the asker knows; only the metadata log's leader looks at it

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Partition", m.partition);
    visitor.Field("CurrentLeaderEpoch", m.current_leader_epoch, {.from = 9});
    visitor.Field("FetchOffset", m.fetch_offset);
    visitor.Field("LastFetchedEpoch", m.last_fetched_epoch, {.from = 12});
    visitor.Field("LogStartOffset", m.log_start_offset, {.from = 5});
    visitor.Field("PartitionMaxBytes", m.partition_max_bytes);
    visitor.Field("ReplicaDirectoryId", m.replica_directory_id, {.from = 17, .tag = 0});
    visitor.Field("HighWatermark", m.high_watermark, {.from = 18, .tag = 1, .default_value = kNoHighWatermark.value});
  }
  bool operator==(const FetchPartition&) const = default;
};

struct FetchTopic {
  std::string topic;  // to version 12, then the id
  Uuid topic_id;
  std::vector<FetchPartition> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topic", m.topic, {.to = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 13});
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const FetchTopic&) const = default;
};

struct ForgottenTopic {
  std::string topic;  // to version 12, then the id
  Uuid topic_id;
  std::vector<int32_t> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topic", m.topic, {.to = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 13});
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const ForgottenTopic&) const = default;
};

struct FetchRequest {
  static constexpr const char* kName = "FetchRequest";
  static constexpr ApiKey kApiKey = ApiKey::kFetch;
  static constexpr int16_t kVersionMin = 4, kVersionMax = 18, kFlexibleFrom = 12;
  using Response = FetchResponse;

  BrokerId replica_id;  // to version 14, then replica_state; -1: a consumer
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = std::numeric_limits<int32_t>::max();
  int8_t isolation_level = 0;
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  std::vector<FetchTopic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string rack_id;
  std::optional<std::string> cluster_id;
  FetchReplicaState replica_state;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ReplicaId", m.replica_id, {.to = 14});
    visitor.Field("MaxWaitMs", m.max_wait_ms);
    visitor.Field("MinBytes", m.min_bytes);
    visitor.Field("MaxBytes", m.max_bytes);
    visitor.Field("IsolationLevel", m.isolation_level);
    visitor.Field("SessionId", m.session_id, {.from = 7});
    visitor.Field("SessionEpoch", m.session_epoch, {.from = 7, .default_value = -1});
    visitor.Field("Topics", m.topics);
    visitor.Field("ForgottenTopicsData", m.forgotten_topics_data, {.from = 7});
    visitor.Field("RackId", m.rack_id, {.from = 11});
    visitor.Field("ClusterId", m.cluster_id, {.from = 12, .tag = 0});
    visitor.Field("ReplicaState", m.replica_state, {.from = 15, .tag = 1});
  }
  bool operator==(const FetchRequest&) const = default;
};

// The largest epoch the leader has at or below the follower's, and where it ends: the follower truncates and asks
// again.
struct FetchEpochEndOffset {
  LeaderEpoch epoch;
  Offset end_offset;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Epoch", m.epoch);
    visitor.Field("EndOffset", m.end_offset);
  }
  bool operator==(const FetchEpochEndOffset&) const = default;
};

// Set on the metadata log only: fetch this snapshot instead.
struct SnapshotId {
  Offset end_offset;
  LeaderEpoch epoch;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("EndOffset", m.end_offset);
    visitor.Field("Epoch", m.epoch);
  }
  bool operator==(const SnapshotId&) const = default;
};

struct AbortedTransaction {
  int64_t producer_id = 0;
  Offset first_offset;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ProducerId", m.producer_id);
    visitor.Field("FirstOffset", m.first_offset);
  }
  bool operator==(const AbortedTransaction&) const = default;
};

struct PartitionData {
  int32_t partition_index = 0;
  KafkaError error_code{};
  Offset high_watermark;
  Offset last_stable_offset;
  Offset log_start_offset;
  std::optional<std::vector<AbortedTransaction>> aborted_transactions;
  BrokerId preferred_read_replica;
  Records records;
  FetchEpochEndOffset diverging_epoch;  // end_offset >= 0: set, and then there are no records
  LeaderIdAndEpoch current_leader;      // with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH
  SnapshotId snapshot_id;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("PartitionIndex", m.partition_index);
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("HighWatermark", m.high_watermark);
    visitor.Field("LastStableOffset", m.last_stable_offset);
    visitor.Field("LogStartOffset", m.log_start_offset, {.from = 5});
    visitor.Field("AbortedTransactions", m.aborted_transactions);
    visitor.Field("PreferredReadReplica", m.preferred_read_replica, {.from = 11});
    visitor.Field("Records", m.records);
    visitor.Field("DivergingEpoch", m.diverging_epoch, {.from = 12, .tag = 0});
    visitor.Field("CurrentLeader", m.current_leader, {.from = 12, .tag = 1});
    visitor.Field("SnapshotId", m.snapshot_id, {.from = 12, .tag = 2});
  }
  bool operator==(const PartitionData&) const = default;
};

struct FetchableTopicResponse {
  std::string topic;  // to version 12, then the id
  Uuid topic_id;
  std::vector<PartitionData> partitions;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Topic", m.topic, {.to = 12});
    visitor.Field("TopicId", m.topic_id, {.from = 13});
    visitor.Field("Partitions", m.partitions);
  }
  bool operator==(const FetchableTopicResponse&) const = default;
};

struct FetchResponse {
  static constexpr const char* kName = "FetchResponse";
  using Request = FetchRequest;

  int32_t throttle_time_ms = 0;
  KafkaError error_code{};
  int32_t session_id = 0;
  std::vector<FetchableTopicResponse> responses;  // in a session: only what has records, an error or a changed mark
  std::vector<NodeEndpoint> node_endpoints;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("ErrorCode", m.error_code, {.from = 7});
    visitor.Field("SessionId", m.session_id, {.from = 7});
    visitor.Field("Responses", m.responses);
    visitor.Field("NodeEndpoints", m.node_endpoints, {.from = 16, .tag = 0});
  }
  bool operator==(const FetchResponse&) const = default;
};

// Where the first records of an answer will stand in its frame, and whose they are.
struct FirstRecords {
  size_t at = 0;  // in the frame, after its size
  const FetchableTopicResponse* topic = nullptr;
  int32_t partition_index = 0;
};

// From the first bytes of a frame (after its size), while the rest is on its way. `scratch` is working space that the
// result points into. nullopt: they do not tell, or there are no records.
std::optional<FirstRecords> FindFirstRecords(ByteSpan frame_begin, int16_t version, FetchResponse& scratch);

}  // namespace slipstream
