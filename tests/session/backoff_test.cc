#include "session/backoff.h"

#include <gtest/gtest.h>

#include <limits>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
constexpr uint32_t kMiddle = 20;

TEST(Backoff, DoublesUpToTheLongest) {
  EXPECT_EQ(BackoffAfter(0, milliseconds(50), milliseconds(1000), kMiddle), milliseconds(0));
  EXPECT_EQ(BackoffAfter(1, milliseconds(50), milliseconds(1000), kMiddle), milliseconds(50));
  EXPECT_EQ(BackoffAfter(2, milliseconds(50), milliseconds(1000), kMiddle), milliseconds(100));
  EXPECT_EQ(BackoffAfter(5, milliseconds(50), milliseconds(1000), kMiddle), milliseconds(800));
  EXPECT_EQ(BackoffAfter(6, milliseconds(50), milliseconds(1000), kMiddle), milliseconds(1000));
}

TEST(Backoff, ManyFailuresDoNotOverflow) {
  EXPECT_EQ(BackoffAfter(std::numeric_limits<int>::max(), milliseconds(3'600'000), milliseconds(3'600'000), kMiddle),
            milliseconds(3'600'000));
}

TEST(Backoff, JitterStaysWithinAFifth) {
  for (uint32_t jitter = 0; jitter < 100; ++jitter) {
    const milliseconds wait = BackoffAfter(1, milliseconds(100), milliseconds(1000), jitter);
    EXPECT_GE(wait, milliseconds(80));
    EXPECT_LE(wait, milliseconds(120));
  }
}

}  // namespace
}  // namespace slipstream
