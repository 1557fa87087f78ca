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

// What happened: the error of a pause within its own bounds named another setting only, which nobody had set.
TEST(FetcherConfig, PausesThatDoNotFitEachOtherAreBothNamed) {
  FetcherConfig config;
  config.replica_fetch_backoff = std::chrono::minutes(2);
  EXPECT_THAT(std::string(config.Validate().message()), AllOf(HasSubstr("replica.fetch.backoff.ms = 120000"),
                                                              HasSubstr("failed.partition.backoff.max.ms = 60000")));
  config.failed_partition_backoff_max = std::chrono::minutes(2);
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
}

TEST(FetcherConfig, EachBoundIsHeld) {
  const auto broken = [](auto change) {
    FetcherConfig config;
    change(config);
    return !config.Validate().ok();
  };
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_id = BrokerId{-2}; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.num_replica_fetchers = 0; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_min_bytes = -1; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_max_bytes = 1023; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_response_max_bytes = (1 << 30) + 1; }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_wait_max = std::chrono::minutes(6); }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.replica_fetch_backoff = std::chrono::milliseconds(0); }));
  EXPECT_TRUE(broken([](FetcherConfig& c) {
    c.failed_partition_backoff_max = c.replica_fetch_backoff - std::chrono::milliseconds(1);
  }));
  EXPECT_TRUE(broken([](FetcherConfig& c) { c.failed_partition_backoff_max = std::chrono::minutes(61); }));
}

}  // namespace
}  // namespace slipstream
