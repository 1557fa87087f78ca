#include "log/async_event.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace slipstream {
namespace {

asio::awaitable<void> WaitFor(AsyncEvent& event, const bool& condition, int& wakeups) {
  while (!condition) {
    co_await event.Wait();
    ++wakeups;
  }
}

// What happened: each Wait set the timer anew, which woke the other waiter, which waited again, and so on for ever.
TEST(AsyncEvent, TwoWaitersSleepUntilTheyAreNotified) {
  asio::io_context io;
  AsyncEvent event(io.get_executor());
  bool condition = false;
  int wakeups = 0;
  asio::co_spawn(io, WaitFor(event, condition, wakeups), asio::detached);
  asio::co_spawn(io, WaitFor(event, condition, wakeups), asio::detached);
  io.poll();
  EXPECT_EQ(wakeups, 0);
  event.NotifyAll();
  io.poll();
  EXPECT_EQ(wakeups, 2) << "each looked once and sleeps again";
  condition = true;
  event.NotifyAll();
  io.poll();
  EXPECT_EQ(wakeups, 4);
  EXPECT_TRUE(io.stopped()) << "both are done";
}

}  // namespace
}  // namespace slipstream
