#include "log/clock.h"

#include <chrono>

namespace slipstream {
namespace {

class MachineClock final : public Clock {
 public:
  Timestamp WallTime() override {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()};
  }
};

}  // namespace

Clock& SystemClock() {
  static MachineClock clock;
  return clock;
}

}  // namespace slipstream
