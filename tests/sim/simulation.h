// One simulation: a model cluster and a node that follows it, first with every fault that the seed drew, then with
// none: the logs must become equal to their leaders' (INV-30).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/lane_watch.h"
#include "tests/sim/options.h"
#include "tests/sim/trace.h"

namespace slipstream::sim {

struct Outcome {
  std::optional<Violation> violation;
  std::vector<std::string> last_events;
  uint64_t hash = 0, events = 0;  // INV-28: the same seed and build give the same hash
  uint64_t records = 0, truncations = 0, unclean_elections = 0;
  int processes = 0;
  LaneMoves lane_moves;
  std::chrono::milliseconds virtual_time{0};
};

struct Length {
  uint64_t steps = 1500;                            // moments of the first phase, or more: Options::faults_last
  std::chrono::milliseconds heals_within{120'000};  // of the second, and what copying takes
};

Outcome Simulate(uint64_t seed, const Options& options, const Length& length, bool echo = false);

}  // namespace slipstream::sim
