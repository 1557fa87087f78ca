#include "fetcher/leader/create_topics_handler.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "fetcher/leader/metadata_handler.h"
#include "log/topic_partition.h"
#include "session/wire/error_message.h"

namespace slipstream {
namespace {

constexpr int64_t kPartitionsMax = 10'000;   // of one request, as with Kafka: each is a directory and a few files
constexpr int32_t kPartitionsDefault = 1;    // num.partitions
constexpr int16_t kDefaultsFromVersion = 4;  // before it -1 is no number of partitions

struct Plan {
  int32_t partitions = 0;
  KafkaError error = KafkaError::kNone;
  std::string message;
};

// With an assignment of replicas to every partition, which can only name this broker.
Plan PlanAssigned(const CreatableTopic& topic) {
  if (topic.num_partitions != -1 || topic.replication_factor != -1)
    return {0, KafkaError::kInvalidRequest, "with an assignment, partition count and replication factor must be -1"};
  const auto count = static_cast<int32_t>(topic.assignments.size());
  std::vector<bool> seen(topic.assignments.size());
  for (const CreatableReplicaAssignment& assignment : topic.assignments) {
    const int32_t number = assignment.partition_index;
    if (number < 0 || number >= count || seen[static_cast<size_t>(number)])
      return {0, KafkaError::kInvalidReplicaAssignment, "partitions must be numbered from 0 without gaps"};
    seen[static_cast<size_t>(number)] = true;
    if (assignment.broker_ids != std::vector<BrokerId>{kLeaderBrokerId})
      return {0, KafkaError::kInvalidReplicaAssignment, absl::StrCat("the only broker is ", kLeaderBrokerId.value)};
  }
  return {.partitions = count, .error = KafkaError::kNone, .message = {}};
}

Plan PlanCounted(const CreatableTopic& topic, int16_t version) {
  const bool defaults = version >= kDefaultsFromVersion;
  const int32_t partitions = topic.num_partitions == -1 && defaults ? kPartitionsDefault : topic.num_partitions;
  if (partitions < 1)
    return {0, KafkaError::kInvalidPartitions, absl::StrCat(topic.num_partitions, " partitions, at least 1 is wanted")};
  if (topic.replication_factor != 1 && !(topic.replication_factor == -1 && defaults))
    return {0, KafkaError::kInvalidReplicationFactor,
            absl::StrCat("replication factor ", topic.replication_factor, ", there is one broker")};
  return {.partitions = partitions, .error = KafkaError::kNone, .message = {}};
}

// Of all topics, valid or not: known before anything is made.
int64_t PartitionsOf(const CreateTopicsRequest& request) {
  int64_t partitions = 0;
  for (const CreatableTopic& topic : request.topics) {
    const bool counted = topic.assignments.empty();
    if (!counted) partitions += static_cast<int64_t>(topic.assignments.size());
    if (counted) partitions += topic.num_partitions == -1 ? kPartitionsDefault : std::max(0, topic.num_partitions);
  }
  return partitions;
}

Plan PlanTopic(const CreatableTopic& topic, int16_t version, TopicCatalog& catalog) {
  if (const absl::Status name = ValidateTopicName(topic.name); !name.ok())
    return {0, KafkaError::kInvalidTopicException, std::string(name.message().data(), name.message().size())};
  if (catalog.Find(topic.name) != nullptr)
    return {0, KafkaError::kTopicAlreadyExists, absl::StrCat("topic ", topic.name, " already exists")};
  if (!topic.configs.empty())
    return {0, KafkaError::kInvalidRequest,
            absl::StrCat("topic settings are not supported: ", topic.configs.front().name)};
  if (!topic.assignments.empty()) return PlanAssigned(topic);
  return PlanCounted(topic, version);
}

void Carry(const Plan& plan, const std::string& name, bool validate_only, TopicCatalog& catalog,
           CreatableTopicResult& answer) {
  answer.error_code = plan.error;
  if (plan.error != KafkaError::kNone) {
    answer.error_message = ErrorMessage(plan.message);
    return;
  }
  if (!validate_only) {
    const absl::StatusOr<HostedTopic*> created = catalog.Create(name, plan.partitions);
    if (!created.ok()) {
      answer.error_code = KafkaError::kKafkaStorageError;
      answer.error_message = ErrorMessage(created.status().message());
      return;
    }
    answer.topic_id = (*created)->id;
  }
  answer.num_partitions = plan.partitions;
  answer.replication_factor = 1;
  answer.configs.emplace();
}

}  // namespace

void HandleCreateTopics(const CreateTopicsRequest& request, int16_t version, TopicCatalog& catalog,
                        CreateTopicsResponse& response) {
  const int64_t partitions = PartitionsOf(request);
  absl::flat_hash_map<std::string, int> times_named;
  for (const CreatableTopic& topic : request.topics) ++times_named[topic.name];
  const auto plan = [&](const CreatableTopic& topic) -> Plan {
    if (partitions > kPartitionsMax)
      return {0, KafkaError::kPolicyViolation,
              absl::StrCat("the request asks for ", partitions, " partitions, at most ", kPartitionsMax,
                           " are made by one")};
    if (times_named[topic.name] > 1) return {0, KafkaError::kInvalidRequest, "named twice in the request"};
    return PlanTopic(topic, version, catalog);
  };
  for (const CreatableTopic& topic : request.topics) {
    CreatableTopicResult& answer = response.topics.emplace_back();
    answer.name = topic.name;
    Carry(plan(topic), topic.name, request.validate_only, catalog, answer);
  }
}

}  // namespace slipstream
