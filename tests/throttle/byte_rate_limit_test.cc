#include "throttle/byte_rate_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using TimePoint = ByteRateLimit::TimePoint;

constexpr int64_t kRate = 50'000'000;

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

TEST(ByteRateLimitTest, UnlimitedNeverWaits) {
  ByteRateLimit limit(kUnlimitedRate, At(0));
  limit.Take(kUnlimitedRate, At(0));
  EXPECT_EQ(limit.Wait(At(0)), nanoseconds(0));
  EXPECT_EQ(limit.BytesNow(At(0)), kUnlimitedRate);
}

TEST(ByteRateLimitTest, TheFirstFetchLeavesAtOnceAndIsSmall) {
  const ByteRateLimit limit(kRate, At(0));
  EXPECT_EQ(limit.Wait(At(0)), nanoseconds(0));
  EXPECT_EQ(limit.BytesNow(At(0)), kRate / 20);
}

TEST(ByteRateLimitTest, WhatCameIsWaitedFor) {
  ByteRateLimit limit(kRate, At(0));
  limit.Take(kRate / 20, At(0));
  EXPECT_EQ(limit.Wait(At(0)), milliseconds(50));
  EXPECT_EQ(limit.BytesNow(At(0)), 0);
  EXPECT_EQ(limit.BytesNow(At(49)), 0);
  EXPECT_EQ(limit.Wait(At(50)), nanoseconds(0));
  EXPECT_EQ(limit.BytesNow(At(50)), kRate / 20);
}

TEST(ByteRateLimitTest, WhoGoesFirstWaitsOnceTheOverdraftIsUsedUpToo) {
  ByteRateLimit limit(kRate, At(0));
  limit.Take(kRate / 20, At(0));
  EXPECT_EQ(limit.Wait(At(0), seconds(1)), nanoseconds(0));
  limit.Take(kRate, At(0));
  EXPECT_EQ(limit.Wait(At(0), seconds(1)), milliseconds(50));
  EXPECT_EQ(limit.Wait(At(0)), milliseconds(1050)) << "the others wait for all of it";
}

TEST(ByteRateLimitTest, ANewRateHoldsForWhatComesFromThenOn) {
  ByteRateLimit limit(kRate, At(0));
  limit.Take(kRate, At(0));
  limit.SetRate(kRate / 10);
  EXPECT_EQ(limit.Wait(At(0)), seconds(1)) << "as it was taken";
  EXPECT_EQ(limit.BytesNow(At(1000)), kRate / 200);
  limit.SetRate(kUnlimitedRate);
  EXPECT_EQ(limit.Wait(At(0)), nanoseconds(0));
}

TEST(ByteRateLimitTest, AnAnswerThatIsLargerThanWhatWasAskedIsWaitedForToo) {
  ByteRateLimit limit(kRate, At(0));
  limit.Take(10 * kRate, At(0));
  EXPECT_EQ(limit.Wait(At(0)), seconds(10));
  EXPECT_EQ(limit.Wait(At(9'000)), seconds(1));
}

TEST(ByteRateLimitTest, APauseIsMadeUpForUpToTheBurst) {
  ByteRateLimit limit(kRate, At(0));
  EXPECT_EQ(limit.BytesNow(At(100'000)), kRate / 2);
  limit.Take(kRate / 2, At(100'000));
  EXPECT_EQ(limit.Wait(At(100'000)), ByteRateLimit::kQuantum);
}

TEST(ByteRateLimitTest, TheLowestRateStillAsksForSomethingAndNeverOverflows) {
  ByteRateLimit limit(1, At(0));
  EXPECT_EQ(limit.BytesNow(At(0)), 1);
  limit.Take(1000, At(0));
  EXPECT_EQ(limit.Wait(At(0)), seconds(1000));
  for (int i = 1; i <= 10; ++i) {
    limit.Take(kUnlimitedRate, At(0));
    EXPECT_GE(limit.Wait(At(0)), i * std::chrono::hours(24 * 365));
  }
  EXPECT_EQ(limit.BytesNow(At(0)), 0);
}

TEST(ByteRateLimitTest, TheHighestRateNeverOverflows) {
  ByteRateLimit limit(kUnlimitedRate - 1, At(0));
  EXPECT_GT(limit.BytesNow(At(1'000'000)), kUnlimitedRate / 4);
  limit.Take(kUnlimitedRate - 1, At(1'000'000));
  EXPECT_GT(limit.Wait(At(1'000'000)), milliseconds(500));
}

TEST(ByteRateLimitTest, WhatSeveralThreadsTakeAddsUp) {
  ByteRateLimit limit(1000, At(0));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&limit] {
      for (int taken = 0; taken < 10'000; ++taken) limit.Take(1, At(0));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(limit.Wait(At(0)), seconds(40));
}

// Callers that fetch in turn: ask when they may, for what they may, and take what comes.
struct Fetching {
  const char* name;
  int64_t rate;
  int64_t callers;
  int64_t batch_bytes;     // a batch comes whole: up to one more than was asked
  int64_t ask_max;         // a request's own limit
  int64_t on_the_wire_ms;  // from asking to taking, up to
};

class ByteRateLimitRunTest : public ::testing::TestWithParam<Fetching> {
 protected:
  struct Arrival {
    int64_t ms, bytes;
  };

  static constexpr int64_t kRunMs = 30'000;

  std::vector<Arrival> Fetch(uint64_t seed, int64_t pause_from_ms, int64_t pause_to_ms) {
    std::mt19937_64 random(seed);
    const auto below = [&](int64_t bound) { return static_cast<int64_t>(random() % static_cast<uint64_t>(bound)); };
    struct Caller {
      int64_t answer_at = -1, bytes = 0;
    };
    ByteRateLimit limit(GetParam().rate, At(0));
    std::vector<Caller> callers(static_cast<size_t>(GetParam().callers));
    std::vector<Arrival> arrivals;
    for (int64_t ms = 0; ms < kRunMs; ++ms) {
      for (Caller& caller : callers) {
        if (caller.answer_at == ms) {
          limit.Take(caller.bytes, At(ms));
          arrivals.push_back({ms, caller.bytes});
        }
        const bool pausing = ms >= pause_from_ms && ms < pause_to_ms;
        if (caller.answer_at > ms || pausing || limit.Wait(At(ms)) > nanoseconds(0)) continue;
        caller.bytes = std::min(limit.BytesNow(At(ms)), GetParam().ask_max) + below(GetParam().batch_bytes);
        caller.answer_at = ms + 1 + below(GetParam().on_the_wire_ms);
      }
    }
    return arrivals;
  }
};

TEST_P(ByteRateLimitRunTest, ThirtySecondsAreWithinFivePercent) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    int64_t bytes = 0;
    for (const Arrival& arrival : Fetch(seed, kRunMs, kRunMs)) bytes += arrival.bytes;
    const double share = static_cast<double>(bytes) * 1000 / kRunMs / static_cast<double>(GetParam().rate);
    EXPECT_NEAR(share, 1.0, 0.05) << "seed " << seed;
  }
}

// After a pause of five seconds, too.
TEST_P(ByteRateLimitRunTest, NoSpanHoldsMoreThanTheRateAndABurst) {
  const Fetching& run = GetParam();
  const double per_ms = static_cast<double>(run.rate) / 1000;
  const double burst = per_ms * milliseconds(500).count();
  // Whoever else asks at the same moment may ask for the same bytes.
  const double beyond = static_cast<double>(run.callers) * static_cast<double>(run.batch_bytes) +
                        static_cast<double>(run.callers - 1) * std::min(burst, static_cast<double>(run.ask_max));
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<Arrival> arrivals = Fetch(seed, 10'000, 15'000);
    for (size_t first = 0; first < arrivals.size(); ++first) {
      double bytes = 0;
      for (size_t last = first; last < arrivals.size(); ++last) {
        bytes += static_cast<double>(arrivals[last].bytes);
        const double span = static_cast<double>(arrivals[last].ms - arrivals[first].ms);
        ASSERT_LE(bytes, per_ms * span + burst + beyond) << "seed " << seed << ", from " << arrivals[first].ms << " ms";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, ByteRateLimitRunTest,
                         ::testing::Values(Fetching{"OneCaller", kRate, 1, 16'000, 4 << 20, 20},
                                           Fetching{"FourCallers", kRate, 4, 16'000, 4 << 20, 20},
                                           Fetching{"LargeBatches", kRate, 2, 1 << 20, 4 << 20, 20},
                                           Fetching{"FarAway", kRate, 1, 16'000, 64 << 20, 240},
                                           Fetching{"Slow", 100'000, 1, 50'000, 4 << 20, 20},
                                           Fetching{"Fast", 1'000'000'000, 4, 100'000, 64 << 20, 5}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace slipstream
