// A follower of an embedded leader that comes and goes; fetcher threads and sockets are real, all else runs on the
// test's thread.
#pragma once

#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fetcher/topic_follower.h"
#include "tests/fetcher/leader_fixture.h"
#include "tests/support/failing_io.h"

namespace slipstream {

class FollowerFixture : public LeaderTest {
 protected:
  FollowerFixture() {
    // Only what the test does may end a wait.
    follow_.client.socket_connection_setup_timeout = follow_.client.request_timeout = std::chrono::hours(1);
    follow_.topics = {"t"};
  }
  ~FollowerFixture() override {
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

  void Follow(bool until_caught_up = true) {
    auto logs = LogManager::Open(copy_io_, {.log_dirs = copy_dirs_, .log = log_config_});
    SLIP_CHECK(logs.ok());
    copies_ = *std::move(logs);
    follow_.bootstrap = {{"127.0.0.1", port_}};
    auto follower = TopicFollower::Create(io_, *copies_, follow_, [this](NoticeKind kind, const std::string& line) {
      (kind == NoticeKind::kLeader ? told_ : told_of_copy_).push_back(line);
    });
    SLIP_CHECK(follower.ok());
    follower_ = *std::move(follower);
    asio::co_spawn(io_, follower_->Run(until_caught_up), [this](std::exception_ptr error, absl::Status status) {
      if (error) std::rethrow_exception(error);
      ended_ = std::move(status);
    });
  }
  void StopFollowing() {
    follower_->Stop();
    RunUntil([this] { return ended_.has_value(); });
  }

  // In what was told of the copy.
  bool Told(absl::string_view words) const {
    return std::ranges::any_of(told_of_copy_, [&](const std::string& line) { return absl::StrContains(line, words); });
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up_at)
        FAIL() << "it hangs; told: " << absl::StrJoin(told_of_copy_, " | ");
      io_.restart();  // it stops when it runs dry, and news may be on its way from another thread
      io_.run_one_for(std::chrono::milliseconds(10));
    }
  }

  uint16_t port_ = 0;
  std::unique_ptr<Server> server_;
  TempDir copy_;
  std::vector<std::filesystem::path> copy_dirs_ = {copy_.path()};
  FailingIo copy_io_;
  LogConfig log_config_;  // of the copy
  std::unique_ptr<LogManager> copies_;
  FollowConfig follow_;
  std::unique_ptr<TopicFollower> follower_;
  std::vector<std::string> told_;          // of leaders
  std::vector<std::string> told_of_copy_;  // all else
  std::optional<absl::Status> ended_;
};

}  // namespace slipstream
