#include "fetcher/fetcher_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FetcherConfig, TheDefaultsAreValid) { EXPECT_TRUE(FetcherConfig{}.Validate().ok()); }

TEST(FetcherConfig, ErrorsNameFieldAndValue) {
  FetcherConfig config;
  config.num_replica_fetchers = 65;
  const absl::Status status = config.Validate();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("num.replica.fetchers"), HasSubstr("65"), HasSubstr("64")));
}

TEST(FetcherConfig, EachBoundIsHeld) {
  const auto broken = [](auto change) {
    FetcherConfig config;
    change(config);
    return !config.Validate().ok();
  };
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.num_replica_fetchers = 0; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_min_bytes = -1; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_max_bytes = 1023; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_response_max_bytes = (1 << 30) + 1; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_wait_max = std::chrono::minutes(6); }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_backoff = std::chrono::milliseconds(0); }));
  EXPECT_TRUE(broken([](FetcherConfig& c) {
    c.failed_partition_backoff_max = c.replica_fetch_backoff - std::chrono::milliseconds(1);
  }));
}

}  // namespace
}  // namespace slipstream
