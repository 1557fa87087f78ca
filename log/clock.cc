#include "log/clock.h"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <utility>

namespace slipstream {
namespace {

class MachineAlarm final : public Alarm {
 public:
  explicit MachineAlarm(const asio::any_io_executor& executor) : timer_(executor) {}
  ~MachineAlarm() override { Cancel(); }

  void Set(TimePoint at, std::function<void()> ring) override {
    Cancel();
    timer_.expires_at(at);
    // One that fired just before it was cancelled finds that its turn is over.
    timer_.async_wait([ring = std::move(ring), turn = *turn_, now = turn_](const boost::system::error_code& error) {
      if (!error && turn == *now) ring();
    });
  }
  void Cancel() override {
    ++*turn_;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<uint64_t> turn_ = std::make_shared<uint64_t>(0);  // outlives us where a handler is on its way
};

class MachineClock final : public Clock {
 public:
  Timestamp WallTime() override {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()};
  }
};

}  // namespace

Clock::TimePoint Clock::Now() { return std::chrono::steady_clock::now(); }

std::unique_ptr<Alarm> Clock::MakeAlarm(const asio::any_io_executor& executor) {
  return std::make_unique<MachineAlarm>(executor);
}

Clock& SystemClock() {
  static MachineClock clock;
  return clock;
}

}  // namespace slipstream
