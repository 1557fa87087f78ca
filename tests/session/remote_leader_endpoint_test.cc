#include "session/remote_leader_endpoint.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>
#include <optional>
#include <vector>

#include "tests/support/patience.h"

namespace slipstream {
namespace {

// A leader that takes connections and never answers.
class RemoteLeaderEndpointTest : public testing::Test {
 protected:
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) ASSERT_GT(io_.run_one_for(kPatience), 0u) << "it hangs";
  }
  static ClientConfig Patient() {
    ClientConfig config;
    config.socket_connection_setup_timeout = std::chrono::hours(1);
    return config;
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor silent_{io_, {asio::ip::address_v4::loopback(), 0}};
  RemoteLeaderEndpoint leader_{
      io_, BrokerId{1}, {"127.0.0.1", silent_.local_endpoint().port()}, BrokerId{-1}, Patient()};
};

asio::awaitable<void> Ask(RemoteLeaderEndpoint& leader, std::optional<absl::Status>& ended) {
  const absl::StatusOr<bool> answer = co_await leader.SupportsTopicIds();
  ended = answer.status();
}

// What happened: a connection was known to its owner only once it was open, so a stop waited for a silent leader until
// the deadline.
TEST_F(RemoteLeaderEndpointTest, Fm18_ClosingEndsACallThatIsStillConnecting) {
  std::optional<absl::Status> ended;
  std::optional<asio::ip::tcp::socket> peer;
  silent_.async_accept(
      [&](const boost::system::error_code&, asio::ip::tcp::socket socket) { peer = std::move(socket); });
  asio::co_spawn(io_, Ask(leader_, ended), asio::detached);
  ASSERT_NO_FATAL_FAILURE(RunUntil([&] { return peer.has_value(); }));
  ASSERT_FALSE(ended) << *ended;
  leader_.Close();
  ASSERT_NO_FATAL_FAILURE(RunUntil([&] { return ended.has_value(); }));
  EXPECT_TRUE(absl::IsCancelled(*ended)) << *ended;
}

asio::awaitable<void> AskForOffset(RemoteLeaderEndpoint& leader, std::optional<absl::Status>& ended) {
  TopicPartition partition{"orders", 0};
  const auto answer = co_await leader.ListOffset(std::move(partition), LeaderEpoch{5}, kLatestTimestamp);
  ended = answer.status();
}

// A broker answers what comes over one connection in order: a question behind a fetch would wait for its long poll.
TEST_F(RemoteLeaderEndpointTest, QuestionsGoOverAConnectionOfTheirOwn) {
  std::vector<asio::ip::tcp::socket> peers;
  const std::function<void()> accept = [&] {
    silent_.async_accept([&](const boost::system::error_code& error, asio::ip::tcp::socket socket) {
      if (error) return;
      peers.push_back(std::move(socket));
      accept();
    });
  };
  accept();
  std::optional<absl::Status> fetching, asking;
  asio::co_spawn(io_, Ask(leader_, fetching), asio::detached);
  asio::co_spawn(io_, AskForOffset(leader_, asking), asio::detached);
  ASSERT_NO_FATAL_FAILURE(RunUntil([&] { return peers.size() == 2; }));
  leader_.Close();
  ASSERT_NO_FATAL_FAILURE(RunUntil([&] { return fetching && asking; }));
  EXPECT_TRUE(absl::IsCancelled(*fetching)) << *fetching;
  EXPECT_TRUE(absl::IsCancelled(*asking)) << *asking;
}

}  // namespace
}  // namespace slipstream
