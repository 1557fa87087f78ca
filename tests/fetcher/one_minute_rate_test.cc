#include "fetcher/one_minute_rate.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

OneMinuteRate::TimePoint After(int seconds) { return OneMinuteRate::TimePoint(std::chrono::seconds(1000 + seconds)); }

TEST(OneMinuteRateTest, Fm15_FollowsAChangeAsKafkasMetersDo) {
  OneMinuteRate rate(After(0));
  EXPECT_DOUBLE_EQ(rate.Update(500, After(5)), 100) << "the first look takes it as it is";
  EXPECT_DOUBLE_EQ(rate.Update(1000, After(10)), 100);
  EXPECT_NEAR(rate.Update(1000, After(70)), 100 * std::exp(-1), 1e-9) << "a minute without any";
  EXPECT_NEAR(rate.Update(1000, After(130)), 100 * std::exp(-2), 1e-9);
}

TEST(OneMinuteRateTest, Fm15_HowOftenItIsLookedAtDoesNotMatter) {
  OneMinuteRate often(After(0)), rarely(After(0));
  double seen = 0;
  for (int second = 0; second <= 65; ++second) seen = often.Update(std::min(second, 5) * 20u, After(second));
  rarely.Update(100, After(5));
  EXPECT_NEAR(seen, rarely.Update(100, After(65)), 1e-9);
}

TEST(OneMinuteRateTest, TwoLooksAtOnceAreOne) {
  OneMinuteRate rate(After(0));
  EXPECT_EQ(rate.Update(10, After(0)), 0);
  EXPECT_EQ(rate.Update(60, After(6)), 10);
  EXPECT_EQ(rate.Update(60, After(6)), 10);
}

// What would happen: a thread that sends a few fetches at once when it begins seemed to go on so for a minute.
TEST(OneMinuteRateTest, TheFirstMomentDoesNotLinger) {
  OneMinuteRate rate(After(0));
  EXPECT_NEAR(rate.Update(3, After(0) + std::chrono::milliseconds(3)), 1000, 1e-9);
  EXPECT_DOUBLE_EQ(rate.Update(10, After(5)), 2);
}

}  // namespace
}  // namespace slipstream
