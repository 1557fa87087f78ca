// What a cluster said of its brokers, topics and leaders; a value, made whole from one Metadata answer.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "log/topic_partition.h"
#include "log/uuid.h"
#include "session/endpoint.h"
#include "session/wire/kafka_error.h"
#include "session/wire/messages/metadata.h"

namespace slipstream {

struct PartitionLeader {
  BrokerId leader;  // -1: none at the moment
  LeaderEpoch leader_epoch;
};

struct TopicMetadata {
  Uuid topic_id;  // zero: the broker is too old to tell
  bool internal = false;
  KafkaError error = KafkaError::kNone;
  std::map<int32_t, PartitionLeader> partitions;
};

struct ClusterMetadata {
  std::string cluster_id;
  BrokerId controller_id;
  std::map<BrokerId, Endpoint> brokers;  // those that can be reached now
  std::map<std::string, TopicMetadata> topics;

  static ClusterMetadata From(const MetadataResponse& response);
  // nullopt: no such partition known.
  std::optional<PartitionLeader> LeaderOf(const TopicPartition& partition) const;
};

}  // namespace slipstream
