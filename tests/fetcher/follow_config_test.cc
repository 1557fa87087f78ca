// What the settings of a follower must be to each other; each by itself: fetcher_config_test.cc, client_config_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fetcher/topic_follower.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FollowConfig, TheDefaultsAreValid) { EXPECT_TRUE(FollowConfig{}.Validate().ok()); }

TEST(FollowConfig, ALeaderMayNotBeAskedToWaitLongerThanItIsWaitedFor) {
  FollowConfig config;
  config.client.request_timeout = config.fetcher.replica_fetch_wait_max;
  EXPECT_THAT(std::string(config.Validate().message()),
              AllOf(HasSubstr("replica.fetch.wait.max.ms = 500"), HasSubstr("request.timeout.ms = 500")));
}

TEST(FollowConfig, NoMoreMayBeAskedForThanIsTaken) {
  FollowConfig config;
  config.fetcher.replica_fetch_response_max_bytes = 1 << 30;
  EXPECT_THAT(
      std::string(config.Validate().message()),
      AllOf(HasSubstr("replica.fetch.response.max.bytes = 1073741824"), HasSubstr("response.max.bytes = 134217728")));
  config.client.response_bytes_max = (1 << 30) + 1;
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
}

TEST(FollowConfig, BoundsAreNamed) {
  FollowConfig config;
  config.fetch_version_max = 3;
  EXPECT_THAT(std::string(config.Validate().message()), HasSubstr("fetch.version.max = 3"));
  config = {};
  config.num_replica_alter_log_dirs_threads = 65;
  EXPECT_THAT(std::string(config.Validate().message()), HasSubstr("num.replica.alter.log.dirs.threads = 65"));
}

}  // namespace
}  // namespace slipstream
