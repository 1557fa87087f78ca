#include "log/async_event.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <optional>
#include <vector>

#include "tests/support/virtual_clock.h"

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

class InterruptibleSleepTest : public ::testing::Test {
 protected:
  void StartSleeping(std::chrono::nanoseconds duration) {
    asio::co_spawn(io_, sleep_.For(duration), [this](std::exception_ptr, bool slept) { slept_ = slept; });
    io_.restart();
    io_.poll();
  }
  void Advance(std::chrono::nanoseconds by) {
    clock_.Advance(by);
    io_.restart();
    io_.poll();
  }

  asio::io_context io_;
  VirtualClock clock_;
  InterruptibleSleep sleep_{io_.get_executor(), clock_};
  std::optional<bool> slept_;  // to the end
};

TEST_F(InterruptibleSleepTest, EndsWhenItsClockSaysSo) {
  StartSleeping(std::chrono::hours(1));
  Advance(std::chrono::minutes(59));
  EXPECT_EQ(slept_, std::nullopt);
  Advance(std::chrono::minutes(1));
  EXPECT_EQ(slept_, true);
}

TEST_F(InterruptibleSleepTest, IsInterrupted) {
  StartSleeping(std::chrono::nanoseconds::max());
  sleep_.Interrupt();
  Advance(std::chrono::nanoseconds(0));
  EXPECT_EQ(slept_, false);
  EXPECT_EQ(clock_.NextAlarm(), std::nullopt);
}

TEST_F(InterruptibleSleepTest, AnInterruptionBeforeItIsNone) {
  sleep_.Interrupt();
  StartSleeping(std::chrono::seconds(1));
  EXPECT_EQ(slept_, std::nullopt);
  Advance(std::chrono::seconds(1));
  EXPECT_EQ(slept_, true);
}

TEST(SystemClock, AnAlarmThatWasCancelledOrSetAnewDoesNotRingAsBefore) {
  asio::io_context io;
  const std::unique_ptr<Alarm> alarm = SystemClock().MakeAlarm(io.get_executor());
  std::vector<int> rung;
  alarm->Set(SystemClock().Now(), [&] { rung.push_back(1); });
  alarm->Set(SystemClock().Now(), [&] { rung.push_back(2); });
  io.run();
  EXPECT_EQ(rung, std::vector<int>{2});
  alarm->Set(SystemClock().Now(), [&] { rung.push_back(3); });
  alarm->Cancel();
  io.restart();
  io.run();
  EXPECT_EQ(rung, std::vector<int>{2});
}

}  // namespace
}  // namespace slipstream
