#include "fetcher/answer_size.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using std::chrono::milliseconds;

// A link: an answer's first byte takes `delay`, the rest goes at `bytes_per_ms`.
int64_t RateAfter(AnswerSize& size, milliseconds delay, int64_t bytes_per_ms, int rounds) {
  int64_t rate = 0;
  for (int i = 0; i < rounds; ++i) {
    const milliseconds round = delay + milliseconds(size.bytes() / bytes_per_ms);
    rate = size.bytes() / round.count();
    size.OnAnswer(size.bytes(), delay, round);
  }
  return rate;
}

TEST(AnswerSize, WithoutADelayItStaysSmall) {
  AnswerSize size(4 << 20, 32 << 20);
  RateAfter(size, milliseconds(0), 2'000'000, 1000);
  EXPECT_EQ(size.bytes(), 4 << 20);
}

// 50 ms there and back at 1 GB/s: 4 MiB at a time would be 77 MB/s.
TEST(AnswerSize, ADelayIsFilledUp) {
  AnswerSize size(4 << 20, 32 << 20);
  EXPECT_GT(RateAfter(size, milliseconds(50), 1'000'000, 10), 350'000);
  EXPECT_EQ(size.bytes(), 32 << 20);
}

TEST(AnswerSize, ItGrowsNoFurtherThanTheDelayAsksFor) {
  AnswerSize size(4 << 20, 512 << 20);
  RateAfter(size, milliseconds(5), 1'000'000, 10);
  EXPECT_EQ(size.bytes(), 16 << 20);
}

TEST(AnswerSize, AnAnswerThatIsNotFullSaysNothingOfTheLink) {
  AnswerSize size(4 << 20, 32 << 20);
  for (int i = 0; i < 100; ++i) size.OnAnswer(1 << 20, milliseconds(500), milliseconds(501));
  EXPECT_EQ(size.bytes(), 4 << 20);
}

TEST(AnswerSize, ItShrinksOnceTheDelayHasBeenOverForLong) {
  AnswerSize size(4 << 20, 32 << 20);
  RateAfter(size, milliseconds(50), 1'000'000, 10);
  RateAfter(size, milliseconds(0), 1'000'000, 63);
  EXPECT_EQ(size.bytes(), 32 << 20);
  RateAfter(size, milliseconds(0), 1'000'000, 1000);
  EXPECT_EQ(size.bytes(), 4 << 20);
}

TEST(AnswerSize, TheBoundNeedNotBeAPowerOfTwo) {
  AnswerSize size(3'000'000, 10'000'000);
  RateAfter(size, milliseconds(500), 1'000'000, 10);
  EXPECT_EQ(size.bytes(), 10'000'000);
}

}  // namespace
}  // namespace slipstream
