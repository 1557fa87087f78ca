#include "session/wire/kafka_error.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>

namespace slipstream {
namespace {

struct ErrorInfo {
  KafkaError error;
  const char* name;
  bool retriable;
  bool needs_metadata_refresh;
};

// Rising by code: looked up by binary search.
constexpr ErrorInfo kErrors[] = {
    {KafkaError::kUnknownServerError, "UNKNOWN_SERVER_ERROR", false, false},
    {KafkaError::kNone, "NONE", false, false},
    {KafkaError::kOffsetOutOfRange, "OFFSET_OUT_OF_RANGE", false, false},
    {KafkaError::kCorruptMessage, "CORRUPT_MESSAGE", true, false},
    {KafkaError::kUnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION", true, true},
    {KafkaError::kLeaderNotAvailable, "LEADER_NOT_AVAILABLE", true, true},
    {KafkaError::kNotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", true, true},
    {KafkaError::kRequestTimedOut, "REQUEST_TIMED_OUT", true, false},
    {KafkaError::kReplicaNotAvailable, "REPLICA_NOT_AVAILABLE", true, true},
    {KafkaError::kMessageTooLarge, "MESSAGE_TOO_LARGE", false, false},
    {KafkaError::kStaleControllerEpoch, "STALE_CONTROLLER_EPOCH", false, false},
    {KafkaError::kNetworkException, "NETWORK_EXCEPTION", true, true},
    {KafkaError::kCoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS", true, false},
    {KafkaError::kCoordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE", true, false},
    {KafkaError::kNotCoordinator, "NOT_COORDINATOR", true, false},
    {KafkaError::kInvalidTopicException, "INVALID_TOPIC_EXCEPTION", false, false},
    {KafkaError::kRecordListTooLarge, "RECORD_LIST_TOO_LARGE", false, false},
    {KafkaError::kNotEnoughReplicas, "NOT_ENOUGH_REPLICAS", true, false},
    {KafkaError::kNotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, false},
    {KafkaError::kInvalidRequiredAcks, "INVALID_REQUIRED_ACKS", false, false},
    {KafkaError::kTopicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", false, false},
    {KafkaError::kClusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", false, false},
    {KafkaError::kUnsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", false, false},
    {KafkaError::kIllegalSaslState, "ILLEGAL_SASL_STATE", false, false},
    {KafkaError::kUnsupportedVersion, "UNSUPPORTED_VERSION", false, false},
    {KafkaError::kTopicAlreadyExists, "TOPIC_ALREADY_EXISTS", false, false},
    {KafkaError::kInvalidPartitions, "INVALID_PARTITIONS", false, false},
    {KafkaError::kInvalidReplicationFactor, "INVALID_REPLICATION_FACTOR", false, false},
    {KafkaError::kInvalidReplicaAssignment, "INVALID_REPLICA_ASSIGNMENT", false, false},
    {KafkaError::kNotController, "NOT_CONTROLLER", true, false},
    {KafkaError::kInvalidRequest, "INVALID_REQUEST", false, false},
    {KafkaError::kPolicyViolation, "POLICY_VIOLATION", false, false},
    {KafkaError::kOutOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER", false, false},
    {KafkaError::kDuplicateSequenceNumber, "DUPLICATE_SEQUENCE_NUMBER", false, false},
    {KafkaError::kInvalidProducerEpoch, "INVALID_PRODUCER_EPOCH", false, false},
    {KafkaError::kSecurityDisabled, "SECURITY_DISABLED", false, false},
    {KafkaError::kOperationNotAttempted, "OPERATION_NOT_ATTEMPTED", false, false},
    {KafkaError::kKafkaStorageError, "KAFKA_STORAGE_ERROR", true, true},
    {KafkaError::kSaslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", false, false},
    {KafkaError::kUnknownProducerId, "UNKNOWN_PRODUCER_ID", false, false},
    {KafkaError::kFetchSessionIdNotFound, "FETCH_SESSION_ID_NOT_FOUND", true, false},
    {KafkaError::kInvalidFetchSessionEpoch, "INVALID_FETCH_SESSION_EPOCH", true, false},
    {KafkaError::kListenerNotFound, "LISTENER_NOT_FOUND", true, true},
    {KafkaError::kFencedLeaderEpoch, "FENCED_LEADER_EPOCH", true, true},
    {KafkaError::kUnknownLeaderEpoch, "UNKNOWN_LEADER_EPOCH", true, false},
    {KafkaError::kUnsupportedCompressionType, "UNSUPPORTED_COMPRESSION_TYPE", false, false},
    {KafkaError::kStaleBrokerEpoch, "STALE_BROKER_EPOCH", false, false},
    {KafkaError::kOffsetNotAvailable, "OFFSET_NOT_AVAILABLE", true, false},
    {KafkaError::kPreferredLeaderNotAvailable, "PREFERRED_LEADER_NOT_AVAILABLE", true, true},
    {KafkaError::kEligibleLeadersNotAvailable, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true, true},
    {KafkaError::kElectionNotNeeded, "ELECTION_NOT_NEEDED", true, true},
    {KafkaError::kInvalidRecord, "INVALID_RECORD", false, false},
    {KafkaError::kThrottlingQuotaExceeded, "THROTTLING_QUOTA_EXCEEDED", true, false},
    {KafkaError::kInconsistentVoterSet, "INCONSISTENT_VOTER_SET", false, false},
    {KafkaError::kInvalidUpdateVersion, "INVALID_UPDATE_VERSION", false, false},
    {KafkaError::kSnapshotNotFound, "SNAPSHOT_NOT_FOUND", false, false},
    {KafkaError::kPositionOutOfRange, "POSITION_OUT_OF_RANGE", false, false},
    {KafkaError::kUnknownTopicId, "UNKNOWN_TOPIC_ID", true, true},
    {KafkaError::kDuplicateBrokerRegistration, "DUPLICATE_BROKER_REGISTRATION", false, false},
    {KafkaError::kBrokerIdNotRegistered, "BROKER_ID_NOT_REGISTERED", false, false},
    {KafkaError::kInconsistentTopicId, "INCONSISTENT_TOPIC_ID", true, true},
    {KafkaError::kInconsistentClusterId, "INCONSISTENT_CLUSTER_ID", false, false},
    {KafkaError::kFetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR", true, false},
    {KafkaError::kIneligibleReplica, "INELIGIBLE_REPLICA", false, false},
    {KafkaError::kNewLeaderElected, "NEW_LEADER_ELECTED", false, false},
    {KafkaError::kOffsetMovedToTieredStorage, "OFFSET_MOVED_TO_TIERED_STORAGE", false, false},
    {KafkaError::kInvalidRegistration, "INVALID_REGISTRATION", false, false},
    {KafkaError::kRebootstrapRequired, "REBOOTSTRAP_REQUIRED", false, false},
};
static_assert(std::ranges::is_sorted(kErrors, {}, &ErrorInfo::error));

const ErrorInfo* Find(KafkaError error) {
  const ErrorInfo* found = std::ranges::lower_bound(kErrors, error, {}, &ErrorInfo::error);
  return found != std::end(kErrors) && found->error == error ? found : nullptr;
}

}  // namespace

std::string KafkaErrorName(KafkaError error) {
  const ErrorInfo* info = Find(error);
  return info != nullptr ? info->name : absl::StrCat("UNKNOWN(", static_cast<int16_t>(error), ")");
}

bool IsRetriable(KafkaError error) {
  const ErrorInfo* info = Find(error);
  return info != nullptr && info->retriable;
}

bool NeedsMetadataRefresh(KafkaError error) {
  const ErrorInfo* info = Find(error);
  return info != nullptr && info->needs_metadata_refresh;
}

}  // namespace slipstream
