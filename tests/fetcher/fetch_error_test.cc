#include "fetcher/fetch_error.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

constexpr LeaderEpoch kOld{3}, kNew{4};

struct Case {
  KafkaError error;
  FetchAction action;
  bool leader_in_doubt;
};

class FetchErrorTable : public ::testing::TestWithParam<Case> {};

TEST_P(FetchErrorTable, Ft31_Rule) {
  const FetchErrorRule rule = RuleForFetchError(GetParam().error, kNew, kNew);
  EXPECT_EQ(rule.action, GetParam().action);
  EXPECT_EQ(rule.leader_in_doubt, GetParam().leader_in_doubt);
}

INSTANTIATE_TEST_SUITE_P(AllCodes, FetchErrorTable,
                         ::testing::Values(Case{KafkaError::kNone, FetchAction::kAppend, false},
                                           Case{KafkaError::kOffsetOutOfRange, FetchAction::kResetOffset, false},
                                           Case{KafkaError::kUnknownLeaderEpoch, FetchAction::kDelay, false},
                                           Case{KafkaError::kFencedLeaderEpoch, FetchAction::kMarkFailed, true},
                                           Case{KafkaError::kOffsetMovedToTieredStorage, FetchAction::kTiered, false},
                                           Case{KafkaError::kNotLeaderOrFollower, FetchAction::kDelay, true},
                                           Case{KafkaError::kUnknownTopicOrPartition, FetchAction::kDelay, true},
                                           Case{KafkaError::kUnknownTopicId, FetchAction::kDelay, true},
                                           Case{KafkaError::kInconsistentTopicId, FetchAction::kDelay, true},
                                           Case{KafkaError::kKafkaStorageError, FetchAction::kDelay, true},
                                           Case{KafkaError::kCorruptMessage, FetchAction::kDelay, false},
                                           Case{KafkaError::kTopicAuthorizationFailed, FetchAction::kDelay, false},
                                           Case{KafkaError::kUnsupportedCompressionType, FetchAction::kDelay, false},
                                           Case{KafkaError::kUnknownServerError, FetchAction::kDelay, false},
                                           // Bad16: a code that no Kafka of ours knows.
                                           Case{static_cast<KafkaError>(9999), FetchAction::kDelay, false}));

TEST(FetchErrorFenced, Ft33_ARequestOfAnEpochReplacedMeanwhileIsOnlySentAgain) {
  EXPECT_EQ(RuleForFetchError(KafkaError::kFencedLeaderEpoch, kOld, kNew).action, FetchAction::kDelay);
}

}  // namespace
}  // namespace slipstream
