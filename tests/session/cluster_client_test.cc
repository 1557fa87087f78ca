#include "session/cluster_client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <optional>

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
      if (io_.run_one_for(std::chrono::seconds(30)) == 0) FAIL() << "it hangs";
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::optional<asio::ip::tcp::socket> peer_;
  std::optional<ClusterClient> client_;
};

TEST_F(ClusterClientTest, ClosingEndsARefreshThatIsStillConnecting) { ExpectCloseEnds(client_->Refresh()); }
TEST_F(ClusterClientTest, ClosingEndsABootstrapThatIsStillConnecting) { ExpectCloseEnds(client_->Bootstrap()); }

}  // namespace
}  // namespace slipstream
