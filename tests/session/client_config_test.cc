#include "session/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ClientConfig, TheDefaultsAreValid) { EXPECT_TRUE(ClientConfig{}.Validate().ok()); }

TEST(ClientConfig, ErrorsNameFieldAndValue) {
  ClientConfig config;
  config.request_timeout = std::chrono::milliseconds(-7);
  const absl::Status status = config.Validate();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("request.timeout.ms"), HasSubstr("-7")));
}

TEST(ClientConfig, EachBoundIsHeld) {
  const auto broken = [](auto change) {
    ClientConfig config;
    change(config);
    return !config.Validate().ok();
  };
  EXPECT_TRUE(broken([](ClientConfig& c) { c.client_id.clear(); }));
  EXPECT_FALSE(broken([](ClientConfig& c) { c.client_id.assign(32767, 'c'); }));
  EXPECT_TRUE(broken([](ClientConfig& c) { c.client_id.assign(32768, 'c'); }));
  EXPECT_TRUE(broken([](ClientConfig& c) { c.socket_connection_setup_timeout = std::chrono::milliseconds(0); }));
  EXPECT_TRUE(
      broken([](ClientConfig& c) { c.reconnect_backoff_max = c.reconnect_backoff - std::chrono::milliseconds(1); }));
  EXPECT_TRUE(broken([](ClientConfig& c) { c.metadata_max_age = std::chrono::milliseconds(99); }));
  EXPECT_TRUE(broken([](ClientConfig& c) { c.bootstrap_timeout = std::chrono::hours(2); }));
  EXPECT_TRUE(broken([](ClientConfig& c) { c.socket_receive_buffer_bytes = 0; }));
  EXPECT_FALSE(broken([](ClientConfig& c) { c.socket_receive_buffer_bytes = -1; })) << "the system's own tuning";
  EXPECT_TRUE(broken([](ClientConfig& c) { c.response_bytes_max = (1 << 20) - 1; }));
}

}  // namespace
}  // namespace slipstream
