#include "session/cluster_client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <optional>

#include "tests/support/patience.h"

namespace slipstream {
namespace {

// A peer that takes the connection and then stays silent; nothing but Close can end the wait for it.
class ClusterClientTest : public ::testing::Test {
 protected:
  ClusterClientTest() {
    ClientConfig config;
    config.socket_connection_setup_timeout = config.bootstrap_timeout = std::chrono::hours(1);
    const Endpoint silent{"127.0.0.1", acceptor_.local_endpoint().port()};
    client_.emplace(io_, std::vector<Endpoint>{silent}, config);
    acceptor_.async_accept(
        [this](const boost::system::error_code&, asio::ip::tcp::socket socket) { peer_ = std::move(socket); });
  }
  void ExpectCloseEnds(asio::awaitable<absl::Status> call) {
    std::optional<absl::Status> ended;
    asio::co_spawn(io_, std::move(call),
                   [&ended](std::exception_ptr, absl::Status status) { ended = std::move(status); });
    RunUntil([&] { return peer_.has_value() || ended; });
    ASSERT_FALSE(ended) << *ended;
    client_->Close();
    RunUntil([&] { return ended.has_value(); });
    EXPECT_TRUE(absl::IsCancelled(*ended)) << *ended;
  }
  template <typename Condition>
  void RunUntil(Condition condition) {
    while (!condition())
      if (io_.run_one_for(kPatience) == 0) FAIL() << "it hangs";
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::optional<asio::ip::tcp::socket> peer_;
  std::optional<ClusterClient> client_;
};

TEST_F(ClusterClientTest, ClosingEndsARefreshThatIsStillConnecting) { ExpectCloseEnds(client_->Refresh()); }
TEST_F(ClusterClientTest, ClosingEndsABootstrapThatIsStillConnecting) { ExpectCloseEnds(client_->Bootstrap()); }

// What happened: each address had the whole time to itself, so a list of silent ones held up a start for minutes.
TEST(ClusterClient, SilentAddressesShareTheTimeThatBootstrappingMayTake) {
  asio::io_context io;
  std::vector<Endpoint> silent;
  std::vector<asio::ip::tcp::acceptor> acceptors;
  std::vector<asio::ip::tcp::socket> peers;
  for (int i = 0; i < 3; ++i) {
    acceptors.emplace_back(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    silent.push_back({"127.0.0.1", acceptors.back().local_endpoint().port()});
  }
  for (asio::ip::tcp::acceptor& acceptor : acceptors)
    acceptor.async_accept([&](const boost::system::error_code& error, asio::ip::tcp::socket socket) {
      if (!error) peers.push_back(std::move(socket));
    });
  ClientConfig config;
  config.socket_connection_setup_timeout = std::chrono::hours(1);
  config.bootstrap_timeout = std::chrono::milliseconds(60);
  ClusterClient client(io, silent, config);
  std::optional<absl::Status> ended;
  asio::co_spawn(io, client.Bootstrap(),
                 [&ended](std::exception_ptr, absl::Status status) { ended = std::move(status); });
  while (!ended) ASSERT_GT(io.run_one_for(kPatience), 0u) << "it hangs";
  EXPECT_TRUE(absl::IsDeadlineExceeded(*ended)) << *ended;
  EXPECT_EQ(peers.size(), 3u) << "each was tried";
}

}  // namespace
}  // namespace slipstream
