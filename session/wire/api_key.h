// Kafka's requests by number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slipstream {

// A broker names more keys than these in its ApiVersions answer: they keep their number.
enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kDescribeGroups = 15,
  kListGroups = 16,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDescribeConfigs = 32,
  kSaslAuthenticate = 36,
  kCreatePartitions = 37,
  kElectLeaders = 43,
  kIncrementalAlterConfigs = 44,
  kDescribeQuorum = 55,
  kAlterPartition = 56,
  kFetchSnapshot = 59,
  kDescribeCluster = 60,
  kBrokerRegistration = 62,
  kBrokerHeartbeat = 63,
  kUnregisterBroker = 64,
  kAllocateProducerIds = 67,
  kControllerRegistration = 70,
  kAssignReplicasToDirs = 73,
  kDescribeTopicPartitions = 75,
};

std::string ApiKeyName(ApiKey key);  // "Fetch"; "UNKNOWN(n)" for a key that is not listed

// From this version on, requests and answers use compact lengths and tagged fields. nullopt: a key that is not listed.
std::optional<int16_t> FlexibleFrom(ApiKey key);

}  // namespace slipstream
