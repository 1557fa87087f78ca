#include "session/cluster_client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <optional>

#include "log/check.h"
#include "session/wire/messages/api_versions.h"
#include "session/wire/messages/metadata.h"
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

// REQUIRES: `work` is done on `io`.
absl::Status RunToEndOn(asio::io_context& io, asio::awaitable<absl::Status> work) {
  std::optional<absl::Status> ended;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr, absl::Status status) { ended = std::move(status); });
  while (!ended) SLIP_CHECK_GT(io.run_one_for(kPatience), 0u);  // else it hangs
  return *std::move(ended);
}

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
  const absl::Status ended = RunToEndOn(io, client.Bootstrap());
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended)) << ended;
  EXPECT_EQ(peers.size(), 3u) << "each was tried";
}

// A broker that answers, and knows of all the others.
class AnsweringBroker {
 public:
  AnsweringBroker(asio::io_context& io, int32_t broker_id)
      : id(broker_id), acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {}
  Endpoint endpoint() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }
  asio::awaitable<void> Serve(const std::vector<AnsweringBroker*>& all) {
    for (;;) {
      asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      if (std::exchange(refusals, std::max(0, refusals - 1)) > 0) continue;
      try {
        for (;;) co_await AnswerOne(socket, all);
      } catch (const boost::system::system_error&) {  // the client is gone
      }
    }
  }

  const int32_t id;
  int metadata_answers = 0;
  bool confused = false;  // answers what was not asked
  int refusals = 0;       // so many connections are closed at once

 private:
  asio::awaitable<void> AnswerOne(asio::ip::tcp::socket& socket, const std::vector<AnsweringBroker*>& all) {
    std::vector<std::byte> size(4);
    co_await asio::async_read(socket, asio::buffer(size), asio::use_awaitable);
    std::vector<std::byte> frame(static_cast<size_t>(ReadBigEndian<int32_t>(size, 0)));
    co_await asio::async_read(socket, asio::buffer(frame), asio::use_awaitable);
    ByteCursor cursor(frame);
    const RequestHeader header = DecodeRequestHeader(cursor).value();
    std::vector<std::byte> answer;
    if (header.api_key == ApiKey::kApiVersions) {
      ApiVersionsResponse versions;
      versions.api_keys = {{ApiKey::kApiVersions, 0, 4}, {ApiKey::kMetadata, 0, 9}};
      answer = EncodeResponse(versions, header.version, header.correlation_id).bytes;
    } else {
      ++metadata_answers;
      MetadataResponse metadata;
      for (const AnsweringBroker* broker : all)
        metadata.brokers.push_back(
            {.node_id = BrokerId{broker->id}, .host = "127.0.0.1", .port = broker->endpoint().port});
      answer = EncodeResponse(metadata, header.version, header.correlation_id + (confused ? 1 : 0)).bytes;
    }
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  }

  asio::ip::tcp::acceptor acceptor_;
};

// What happened: a bad address in the list ended the start, though the next one was good.
TEST(ClusterClient, AnAddressThatMakesNoSenseEndsNoBootstrapBeforeTheOthersWereAsked) {
  asio::io_context io;
  AnsweringBroker bad(io, 1), good(io, 2);
  bad.confused = true;
  const std::vector<AnsweringBroker*> known = {&good};
  for (AnsweringBroker* broker : {&bad, &good}) asio::co_spawn(io, broker->Serve(known), asio::detached);
  ClientConfig config;
  config.reconnect_backoff = config.reconnect_backoff_max = std::chrono::milliseconds(1);
  ClusterClient client(io, {bad.endpoint(), good.endpoint()}, config);
  const absl::Status ended = RunToEndOn(io, client.Bootstrap());
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(good.metadata_answers, 1);
}

// What happened: it was asked again while the next one was not up yet, and ended the start as one that had had its
// turn.
TEST(ClusterClient, AnAddressThatMakesNoSenseEndsNoBootstrapWhileAnotherMayComeUp) {
  asio::io_context io;
  AnsweringBroker bad(io, 1), good(io, 2);
  bad.confused = true;
  good.refusals = 3;
  const std::vector<AnsweringBroker*> known = {&good};
  for (AnsweringBroker* broker : {&bad, &good}) asio::co_spawn(io, broker->Serve(known), asio::detached);
  ClientConfig config;
  config.reconnect_backoff = config.reconnect_backoff_max = std::chrono::milliseconds(1);
  ClusterClient client(io, {bad.endpoint(), good.endpoint()}, config);
  const absl::Status ended = RunToEndOn(io, client.Bootstrap());
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(good.metadata_answers, 1);
}

TEST(ClusterClient, AddressesThatAllMakeNoSenseEndTheBootstrap) {
  asio::io_context io;
  AnsweringBroker first(io, 1), second(io, 2);
  const std::vector<AnsweringBroker*> all = {&first, &second};
  for (AnsweringBroker* broker : all) {
    broker->confused = true;
    asio::co_spawn(io, broker->Serve(all), asio::detached);
  }
  ClientConfig config;
  config.reconnect_backoff = config.reconnect_backoff_max = std::chrono::milliseconds(1);
  ClusterClient client(io, {first.endpoint(), second.endpoint()}, config);
  const absl::Status ended = RunToEndOn(io, client.Bootstrap());
  EXPECT_TRUE(absl::IsDataLoss(ended)) << ended;
  EXPECT_EQ(first.metadata_answers, 1);
  EXPECT_EQ(second.metadata_answers, 1);
}

TEST(ClusterClient, Inv24_AnotherBrokerIsAskedOnceToldToTurnToOne) {
  asio::io_context io;
  AnsweringBroker first(io, 1), second(io, 2);
  const std::vector<AnsweringBroker*> all = {&first, &second};
  for (AnsweringBroker* broker : all) asio::co_spawn(io, broker->Serve(all), asio::detached);
  ClusterClient client(io, {first.endpoint()}, {});
  const auto refresh = [&] { return RunToEndOn(io, client.Refresh()); };
  EXPECT_TRUE(refresh().ok());
  EXPECT_TRUE(refresh().ok());
  EXPECT_EQ(first.metadata_answers, 2) << "who answered is asked again";
  client.TurnToAnother();
  EXPECT_TRUE(refresh().ok());
  EXPECT_EQ(second.metadata_answers, 1);
  client.TurnToAnother();
  EXPECT_TRUE(refresh().ok());
  EXPECT_EQ(first.metadata_answers, 3);
  client.Close();
}

}  // namespace
}  // namespace slipstream
