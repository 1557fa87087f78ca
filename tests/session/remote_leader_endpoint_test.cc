#include "session/remote_leader_endpoint.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <optional>

namespace slipstream {
namespace {

asio::awaitable<void> Ask(RemoteLeaderEndpoint& leader, std::optional<absl::Status>& ended) {
  const absl::StatusOr<bool> answer = co_await leader.SupportsTopicIds();
  ended = answer.status();
}

// What happened: a connection was known to its owner only once it was open, so a stop waited for a silent leader until
// the deadline.
TEST(RemoteLeaderEndpoint, Fm18_ClosingEndsACallThatIsStillConnecting) {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  ClientConfig config;
  config.socket_connection_setup_timeout = std::chrono::hours(1);
  const Endpoint endpoint{"127.0.0.1", silent.local_endpoint().port()};
  RemoteLeaderEndpoint leader(io, BrokerId{1}, endpoint, BrokerId{-1}, config);
  std::optional<absl::Status> ended;
  std::optional<asio::ip::tcp::socket> peer;
  silent.async_accept(
      [&](const boost::system::error_code&, asio::ip::tcp::socket socket) { peer = std::move(socket); });
  asio::co_spawn(io, Ask(leader, ended), asio::detached);
  while (!peer) ASSERT_GT(io.run_one_for(std::chrono::seconds(30)), 0u) << "it hangs";
  ASSERT_FALSE(ended) << *ended;
  leader.Close();
  while (!ended) ASSERT_GT(io.run_one_for(std::chrono::seconds(30)), 0u) << "it hangs";
  EXPECT_TRUE(absl::IsCancelled(*ended)) << *ended;
}

}  // namespace
}  // namespace slipstream
