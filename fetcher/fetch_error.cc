#include "fetcher/fetch_error.h"

namespace slipstream {

FetchErrorRule RuleForFetchError(KafkaError error, LeaderEpoch sent, LeaderEpoch current) {
  switch (error) {
    case KafkaError::kNone: return {FetchAction::kAppend, false};
    case KafkaError::kOffsetOutOfRange: return {FetchAction::kResetOffset, false};
    case KafkaError::kOffsetMovedToTieredStorage: return {FetchAction::kTiered, false};
    case KafkaError::kFencedLeaderEpoch:
      return {sent == current ? FetchAction::kMarkFailed : FetchAction::kDelay, true};
    case KafkaError::kNotLeaderOrFollower:
    case KafkaError::kUnknownTopicOrPartition:
    case KafkaError::kUnknownTopicId:
    case KafkaError::kInconsistentTopicId:
    case KafkaError::kKafkaStorageError:
    case KafkaError::kLeaderNotAvailable:
    case KafkaError::kReplicaNotAvailable: return {FetchAction::kDelay, true};
    default:
      // UNKNOWN_LEADER_EPOCH among them: the leader has not heard of its election yet, our view is the newer one.
      return {FetchAction::kDelay, false};
  }
}

}  // namespace slipstream
