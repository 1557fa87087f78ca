#include "fetcher/topic_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

asio::awaitable<void> TakeAll(asio::ip::tcp::acceptor& acceptor, std::vector<asio::ip::tcp::socket>& taken) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    taken.push_back(std::move(socket));
  }
}

// A follower of an embedded leader that comes and goes; fetcher threads and sockets are real, all else runs on the
// test's thread.
class TopicFollowerTest : public LeaderTest {
 protected:
  TopicFollowerTest() {
    // Only what the test does may end a wait.
    follow_.client.socket_connection_setup_timeout = follow_.client.request_timeout = std::chrono::hours(1);
    follow_.topics = {"t"};
  }
  ~TopicFollowerTest() override {
    if (follower_ != nullptr && !ended_) StopFollowing();
    if (server_ != nullptr) StopServing();
  }

  void Serve() {
    auto server = Server::Bind(io_, {"127.0.0.1", port_}, {}, *service_);
    SLIP_CHECK(server.ok());
    server_ = *std::move(server);
    port_ = server_->endpoint().port;
    service_->SetAdvertised(server_->endpoint());
    SLIP_CHECK(server_->Start().ok());
  }
  void StopServing() {
    service_->Stop();
    Await(server_->Stop());
    server_.reset();
  }

  void Follow() {
    auto logs = LogManager::Open(SystemFileIo(), {.log_dirs = {copy_.path()}});
    SLIP_CHECK(logs.ok());
    copies_ = *std::move(logs);
    follow_.bootstrap = {{"127.0.0.1", port_}};
    auto follower = TopicFollower::Create(io_, *copies_, follow_, [this](NoticeKind kind, const std::string& line) {
      if (kind == NoticeKind::kLeader) told_.push_back(line);
    });
    SLIP_CHECK(follower.ok());
    follower_ = *std::move(follower);
    asio::co_spawn(io_, follower_->Run(true), [this](std::exception_ptr error, absl::Status status) {
      if (error) std::rethrow_exception(error);
      ended_ = std::move(status);
    });
  }
  void StopFollowing() {
    follower_->Stop();
    RunUntil([this] { return ended_.has_value(); });
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up_at) FAIL() << "it hangs";
      io_.restart();  // it stops when it runs dry, and news may be on its way from another thread
      io_.run_one_for(std::chrono::milliseconds(10));
    }
  }

  uint16_t port_ = 0;
  std::unique_ptr<Server> server_;
  TempDir copy_;
  std::unique_ptr<LogManager> copies_;
  FollowConfig follow_;
  std::unique_ptr<TopicFollower> follower_;
  std::vector<std::string> told_;  // of leaders
  std::optional<absl::Status> ended_;
};

TEST_F(TopicFollowerTest, ALeaderThatRestartsIsToldLostOnceAndBackOnce) {
  HostedTopic& topic = Create("t", 5);
  for (const auto& [number, partition] : topic.partitions) Append(*partition, 3);
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  StopServing();
  RunUntil([this] { return !told_.empty(); });
  Reopen();
  Serve();
  RunUntil([this] { return told_.size() >= 2; });
  Append(*catalog_->Find("t")->Find(4), 1);
  RunUntil([this] { return follower_->Snapshot().records == 16; });
  EXPECT_THAT(told_, ElementsAre(AllOf(HasSubstr("leader 1 of 5 partitions is lost"),
                                       HasSubstr(absl::StrCat("127.0.0.1:", port_, ": cannot connect"))),
                                 HasSubstr(absl::StrCat("leader 1 is back: broker 127.0.0.1:", port_))));
}

// What happened: a stop waited for the connection to a peer that takes connections and says nothing.
TEST_F(TopicFollowerTest, Rel22_AStopDoesNotWaitForALeaderThatIsSilent) {
  Create("t");
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  StopServing();
  asio::ip::tcp::acceptor silent(io_, {asio::ip::address_v4::loopback(), port_});
  std::vector<asio::ip::tcp::socket> taken;
  asio::co_spawn(io_, TakeAll(silent, taken), asio::detached);
  RunUntil([&] { return taken.size() >= 2; });  // the fetcher and the control thread
  StopFollowing();
  EXPECT_TRUE(ended_ && ended_->ok()) << *ended_;
  silent.close();
  io_.restart();
  io_.poll();
}

}  // namespace
}  // namespace slipstream
