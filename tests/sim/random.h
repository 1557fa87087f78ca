// The one source of chance in a simulation: the same seed draws the same numbers on every machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <random>

namespace slipstream::sim {

struct Ratio {
  uint32_t part = 0, of = 1;
};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  uint64_t Below(uint64_t bound) { return engine_() % bound; }  // REQUIRES: bound > 0
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(Below(static_cast<uint64_t>(most - least + 1)));
  }
  bool Chance(Ratio ratio) { return Below(ratio.of) < ratio.part; }
  // In whole milliseconds, so that events do fall on the same time.
  std::chrono::milliseconds Wait(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    return std::chrono::milliseconds(Between(least.count(), most.count()));
  }
  std::chrono::milliseconds WaitUpTo(std::chrono::milliseconds most) {
    return Wait(std::chrono::milliseconds(0), most);
  }
  template <typename Choices>
  auto& Pick(Choices& choices) {
    return choices[Below(std::size(choices))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace slipstream::sim
