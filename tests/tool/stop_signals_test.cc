#include "tool/stop_signals.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "tests/support/patience.h"

namespace slipstream {
namespace {

namespace asio = boost::asio;

class HangupTest : public ::testing::Test {
 protected:
  ~HangupTest() override { std::signal(SIGHUP, SIG_DFL); }

  asio::io_context io_{1};
  asio::signal_set signals_{io_};
};

// What happened: a closed terminal killed the follower, and the next start scanned every log.
TEST_F(HangupTest, ATerminalThatGoesAwayEndsTheRunCleanly) {
  AddHangup(signals_);
  int told = 0;
  signals_.async_wait([&](const boost::system::error_code&, int signal) { told = signal; });
  std::raise(SIGHUP);
  io_.run_for(kPatience);
  EXPECT_EQ(told, SIGHUP);
}

TEST_F(HangupTest, NohupIsObeyed) {
  std::signal(SIGHUP, SIG_IGN);
  AddHangup(signals_);
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace slipstream
