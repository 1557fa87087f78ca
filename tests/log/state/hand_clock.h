// Time that stands still until a test moves it. RocksDB asks on threads of its own.
#pragma once

#include <atomic>
#include <cstdint>

#include "log/state/state_backend.h"

namespace slipstream {

class HandClock {
 public:
  StateClock function() {
    return [this] { return Timestamp{now_.load()}; };
  }
  int64_t now() const { return now_; }
  void SetTo(int64_t now) { now_ = now; }

 private:
  std::atomic<int64_t> now_ = 1'000'000;
};

}  // namespace slipstream
