#include "session/wire/kafka_error.h"

#include <gtest/gtest.h>

#include "session/wire/api_key.h"

namespace slipstream {
namespace {

TEST(KafkaError, NamesAreKafkas) {
  EXPECT_EQ(KafkaErrorName(KafkaError::kUnknownServerError), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(KafkaErrorName(KafkaError::kNone), "NONE");
  EXPECT_EQ(KafkaErrorName(KafkaError::kOffsetOutOfRange), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(KafkaErrorName(static_cast<KafkaError>(129)), "REBOOTSTRAP_REQUIRED");
}

TEST(KafkaError, CodesNotListedKeepTheirNumberAndAreFatal) {
  const auto unlisted = static_cast<KafkaError>(4711);
  EXPECT_EQ(KafkaErrorName(unlisted), "UNKNOWN(4711)");
  EXPECT_FALSE(IsRetriable(unlisted));
  EXPECT_FALSE(NeedsMetadataRefresh(unlisted));
  EXPECT_EQ(KafkaErrorName(static_cast<KafkaError>(4)), "UNKNOWN(4)");
}

TEST(KafkaError, RetryAndRefreshAreKafkasClassification) {
  EXPECT_FALSE(IsRetriable(KafkaError::kNone));
  EXPECT_FALSE(IsRetriable(KafkaError::kOffsetOutOfRange));
  EXPECT_TRUE(IsRetriable(KafkaError::kCorruptMessage));
  EXPECT_FALSE(NeedsMetadataRefresh(KafkaError::kCorruptMessage));
  EXPECT_TRUE(IsRetriable(KafkaError::kUnknownLeaderEpoch));
  EXPECT_FALSE(NeedsMetadataRefresh(KafkaError::kUnknownLeaderEpoch));
  for (const KafkaError moved :
       {KafkaError::kNotLeaderOrFollower, KafkaError::kFencedLeaderEpoch, KafkaError::kUnknownTopicId,
        KafkaError::kUnknownTopicOrPartition, KafkaError::kInconsistentTopicId, KafkaError::kKafkaStorageError}) {
    EXPECT_TRUE(IsRetriable(moved)) << KafkaErrorName(moved);
    EXPECT_TRUE(NeedsMetadataRefresh(moved)) << KafkaErrorName(moved);
  }
}

// Asking who leads only makes sense before a retry.
TEST(KafkaError, EveryRefreshIsARetry) {
  for (int code = -1; code <= 200; ++code) {
    const auto error = static_cast<KafkaError>(code);
    if (NeedsMetadataRefresh(error)) {
      EXPECT_TRUE(IsRetriable(error)) << KafkaErrorName(error);
    }
  }
}

TEST(ApiKey, NamesAndFlexibleVersions) {
  EXPECT_EQ(ApiKeyName(ApiKey::kFetch), "Fetch");
  EXPECT_EQ(ApiKeyName(static_cast<ApiKey>(999)), "UNKNOWN(999)");
  EXPECT_EQ(FlexibleFrom(ApiKey::kFetch), 12);
  EXPECT_EQ(FlexibleFrom(static_cast<ApiKey>(999)), std::nullopt);
  EXPECT_GT(FlexibleFrom(ApiKey::kSaslHandshake), 1);  // never
}

}  // namespace
}  // namespace slipstream
