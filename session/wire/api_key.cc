#include "session/wire/api_key.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace slipstream {
namespace {

constexpr int16_t kNever = std::numeric_limits<int16_t>::max();

struct ApiInfo {
  ApiKey key;
  const char* name;
  int16_t flexible_from;
};

// Rising by key: looked up by binary search.
constexpr ApiInfo kApis[] = {
    {ApiKey::kProduce, "Produce", 9},
    {ApiKey::kFetch, "Fetch", 12},
    {ApiKey::kListOffsets, "ListOffsets", 6},
    {ApiKey::kMetadata, "Metadata", 9},
    {ApiKey::kOffsetCommit, "OffsetCommit", 8},
    {ApiKey::kOffsetFetch, "OffsetFetch", 6},
    {ApiKey::kFindCoordinator, "FindCoordinator", 3},
    {ApiKey::kDescribeGroups, "DescribeGroups", 5},
    {ApiKey::kListGroups, "ListGroups", 3},
    {ApiKey::kSaslHandshake, "SaslHandshake", kNever},
    {ApiKey::kApiVersions, "ApiVersions", 3},
    {ApiKey::kCreateTopics, "CreateTopics", 5},
    {ApiKey::kDeleteRecords, "DeleteRecords", 2},
    {ApiKey::kInitProducerId, "InitProducerId", 2},
    {ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", 4},
    {ApiKey::kDescribeAcls, "DescribeAcls", 2},
    {ApiKey::kCreateAcls, "CreateAcls", 2},
    {ApiKey::kDescribeConfigs, "DescribeConfigs", 4},
    {ApiKey::kSaslAuthenticate, "SaslAuthenticate", 2},
    {ApiKey::kCreatePartitions, "CreatePartitions", 2},
    {ApiKey::kElectLeaders, "ElectLeaders", 2},
    {ApiKey::kIncrementalAlterConfigs, "IncrementalAlterConfigs", 1},
    {ApiKey::kDescribeQuorum, "DescribeQuorum", 0},
    {ApiKey::kAlterPartition, "AlterPartition", 0},
    {ApiKey::kFetchSnapshot, "FetchSnapshot", 0},
    {ApiKey::kDescribeCluster, "DescribeCluster", 0},
    {ApiKey::kBrokerRegistration, "BrokerRegistration", 0},
    {ApiKey::kBrokerHeartbeat, "BrokerHeartbeat", 0},
    {ApiKey::kUnregisterBroker, "UnregisterBroker", 0},
    {ApiKey::kAllocateProducerIds, "AllocateProducerIds", 0},
    {ApiKey::kControllerRegistration, "ControllerRegistration", 0},
    {ApiKey::kAssignReplicasToDirs, "AssignReplicasToDirs", 0},
    {ApiKey::kDescribeTopicPartitions, "DescribeTopicPartitions", 0},
};
static_assert(std::ranges::is_sorted(kApis, {}, &ApiInfo::key));

const ApiInfo* Find(ApiKey key) {
  const ApiInfo* found = std::ranges::lower_bound(kApis, key, {}, &ApiInfo::key);
  return found != std::end(kApis) && found->key == key ? found : nullptr;
}

}  // namespace

std::string ApiKeyName(ApiKey key) {
  const ApiInfo* info = Find(key);
  return info != nullptr ? info->name : absl::StrCat("UNKNOWN(", static_cast<int16_t>(key), ")");
}

std::optional<int16_t> FlexibleFrom(ApiKey key) {
  const ApiInfo* info = Find(key);
  return info != nullptr ? std::optional<int16_t>(info->flexible_from) : std::nullopt;
}

}  // namespace slipstream
