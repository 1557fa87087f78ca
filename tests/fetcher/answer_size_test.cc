#include "fetcher/answer_size.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using std::chrono::milliseconds;

class AnswerSizeTest : public ::testing::Test {
 protected:
  // One answer of which the first byte took `delay`, all of it `round`.
  void Answer(int64_t bytes, milliseconds delay, milliseconds round) {
    size_.OnWaiting(now_);
    size_.OnFirstBytes(now_ + delay);
    size_.OnAnswer(bytes, now_ += round);
  }
  // Full answers over a link with that delay, at so many bytes per millisecond: what is reached in the end.
  int64_t RateAfter(milliseconds delay, int64_t bytes_per_ms, int rounds) {
    int64_t rate = 0;
    for (int i = 0; i < rounds; ++i) {
      const milliseconds round = delay + milliseconds(size_.bytes() / bytes_per_ms);
      rate = size_.bytes() / round.count();
      Answer(size_.bytes(), delay, round);
    }
    return rate;
  }

  AnswerSize size_{4 << 20, 32 << 20};
  AnswerSize::TimePoint now_{std::chrono::hours(1)};
};

TEST_F(AnswerSizeTest, WithoutADelayItStaysSmall) {
  RateAfter(milliseconds(0), 2'000'000, 1000);
  EXPECT_EQ(size_.bytes(), 4 << 20);
}

// 50 ms there and back at 1 GB/s: 4 MiB at a time would be 77 MB/s.
TEST_F(AnswerSizeTest, ADelayIsFilledUp) {
  EXPECT_GT(RateAfter(milliseconds(50), 1'000'000, 10), 350'000);
  EXPECT_EQ(size_.bytes(), 32 << 20);
}

TEST_F(AnswerSizeTest, ItGrowsNoFurtherThanTheDelayAsksFor) {
  RateAfter(milliseconds(5), 1'000'000, 10);
  EXPECT_EQ(size_.bytes(), 16 << 20);
}

TEST_F(AnswerSizeTest, AnAnswerThatIsNotFullSaysNothingOfTheLink) {
  for (int i = 0; i < 100; ++i) Answer(1 << 20, milliseconds(500), milliseconds(501));
  EXPECT_EQ(size_.bytes(), 4 << 20);
}

TEST_F(AnswerSizeTest, ItShrinksOnceTheDelayHasBeenOverForLong) {
  RateAfter(milliseconds(50), 1'000'000, 10);
  RateAfter(milliseconds(0), 1'000'000, 63);
  EXPECT_EQ(size_.bytes(), 32 << 20);
  RateAfter(milliseconds(0), 1'000'000, 1000);
  EXPECT_EQ(size_.bytes(), 4 << 20);
}

TEST_F(AnswerSizeTest, TheBoundNeedNotBeAPowerOfTwo) {
  AnswerSize size(3'000'000, 10'000'000);
  for (int i = 1; i < 10; ++i) {
    const AnswerSize::TimePoint at{std::chrono::seconds(i)};
    size.OnWaiting(at);
    size.OnFirstBytes(at + milliseconds(900));
    size.OnAnswer(size.bytes(), at + milliseconds(950));
  }
  EXPECT_EQ(size.bytes(), 10'000'000);
}

// What happened: an answer that the link was too slow for was asked for again and again.
TEST_F(AnswerSizeTest, AFailureMakesItSmallAgain) {
  RateAfter(milliseconds(50), 1'000'000, 10);
  size_.OnFailure();
  EXPECT_EQ(size_.bytes(), 4 << 20);
}

}  // namespace
}  // namespace slipstream
