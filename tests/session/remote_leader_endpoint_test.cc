#include "session/remote_leader_endpoint.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>
#include <optional>
#include <vector>

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

asio::awaitable<void> AskForOffset(RemoteLeaderEndpoint& leader, std::optional<absl::Status>& ended) {
  TopicPartition partition{"orders", 0};
  const auto answer = co_await leader.ListOffset(std::move(partition), LeaderEpoch{5}, kLatestTimestamp);
  ended = answer.status();
}

// A broker answers what comes over one connection in order: a question behind a fetch would wait for its long poll.
TEST(RemoteLeaderEndpoint, QuestionsGoOverAConnectionOfTheirOwn) {
  asio::io_context io;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  ClientConfig config;
  config.socket_connection_setup_timeout = std::chrono::hours(1);
  const Endpoint endpoint{"127.0.0.1", silent.local_endpoint().port()};
  RemoteLeaderEndpoint leader(io, BrokerId{1}, endpoint, BrokerId{-1}, config);
  std::vector<asio::ip::tcp::socket> peers;
  const std::function<void()> accept = [&] {
    silent.async_accept([&](const boost::system::error_code& error, asio::ip::tcp::socket socket) {
      if (error) return;
      peers.push_back(std::move(socket));
      accept();
    });
  };
  accept();
  std::optional<absl::Status> fetching, asking;
  asio::co_spawn(io, Ask(leader, fetching), asio::detached);
  asio::co_spawn(io, AskForOffset(leader, asking), asio::detached);
  while (peers.size() < 2) ASSERT_GT(io.run_one_for(std::chrono::seconds(30)), 0u) << "it hangs";
  leader.Close();
  while (!fetching || !asking) ASSERT_GT(io.run_one_for(std::chrono::seconds(30)), 0u) << "it hangs";
  EXPECT_TRUE(absl::IsCancelled(*fetching)) << *fetching;
  EXPECT_TRUE(absl::IsCancelled(*asking)) << *asking;
}

}  // namespace
}  // namespace slipstream
