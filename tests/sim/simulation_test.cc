#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

namespace slipstream::sim {
namespace {

TEST(Simulation, Inv28_TheSameSeedGivesTheSameHash) {
  for (uint64_t seed = 1000; seed < 1005; ++seed) {
    const Options options = Options::Draw(seed);
    const Outcome once = Simulate(seed, options, {.steps = 500});
    const Outcome again = Simulate(seed, options, {.steps = 500});
    EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(once.events, again.events) << "seed " << seed;
  }
}

// The order in which a stop closes the logs was that of a hash table: other ones were closed when the power went.
TEST(Simulation, Inv28_APowerCutWhileLogsAreClosedGivesTheSameHash) {
  for (const uint64_t seed : {9008, 9075, 9219}) {
    const Options options = Options::Draw(seed);
    const Outcome once = Simulate(seed, options, {});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(once.hash, Simulate(seed, options, {}).hash) << "seed " << seed;
  }
}

TEST(Simulation, Inv28_AnotherSeedGivesAnotherHash) {
  EXPECT_NE(Simulate(1, Options::Draw(1), {.steps = 300}).hash, Simulate(2, Options::Draw(2), {.steps = 300}).hash);
}

}  // namespace
}  // namespace slipstream::sim
