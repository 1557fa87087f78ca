#include "throttle/sampled_rate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using TimePoint = SampledRate::TimePoint;

constexpr QuotaWindows kTenSeconds{.num = 10, .size = seconds(1)};

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

// The rule told in another way: nothing is ever thrown away, and each sample is looked at for what it is.
class NaiveRate {
 public:
  NaiveRate(QuotaWindows windows, TimePoint now) : windows_(windows), samples_{{now, now, 0}} {}

  void Record(uint64_t bytes, TimePoint now) {
    if (now >= samples_.back().start + windows_.size) samples_.push_back({now, now, 0});
    samples_.back().end = now;
    samples_.back().bytes += bytes;
  }
  double PerSecond(TimePoint now) const {
    const auto counts = [&](const Sample& sample) { return sample.end + windows_.num * windows_.size > now; };
    const auto oldest = std::find_if(samples_.begin(), samples_.end(), counts);
    if (oldest == samples_.end()) return 0;
    uint64_t bytes = 0;
    for (auto sample = oldest; sample != samples_.end(); ++sample) bytes += sample->bytes;
    const double time = std::chrono::duration<double>(now - oldest->start).count();
    return static_cast<double>(bytes) / std::max(time, std::chrono::duration<double>(windows_.size).count());
  }

 private:
  struct Sample {
    TimePoint start, end;
    uint64_t bytes;
  };
  QuotaWindows windows_;
  std::vector<Sample> samples_;
};

TEST(SampledRateTest, Rq02_NothingIsNoRate) {
  const SampledRate rate(kTenSeconds, At(0));
  EXPECT_EQ(rate.PerSecond(At(0)), 0);
  EXPECT_EQ(rate.PerSecond(At(1'000'000)), 0);
}

TEST(SampledRateTest, Rq02_TheFirstWindowCountsAsFull) {
  SampledRate rate(kTenSeconds, At(0));
  rate.Record(100, At(10));
  EXPECT_EQ(rate.PerSecond(At(10)), 100);
  EXPECT_EQ(rate.PerSecond(At(1000)), 100);
  EXPECT_EQ(rate.PerSecond(At(2000)), 50);
}

TEST(SampledRateTest, Rq02_ASampleCountsUntilItsLastEventIsAllWindowsAgo) {
  SampledRate rate(kTenSeconds, At(0));
  rate.Record(100, At(0));
  rate.Record(100, At(500));
  EXPECT_DOUBLE_EQ(rate.PerSecond(At(10'499)), 200 / 10.499);
  EXPECT_EQ(rate.PerSecond(At(10'500)), 0);
}

TEST(SampledRateTest, Rq02_ASampleClosesOnceItIsAWindowOld) {
  SampledRate rate(kTenSeconds, At(0));
  rate.Record(1, At(0));
  rate.Record(2, At(999));    // still the first
  rate.Record(40, At(1000));  // the second: stays when the first is gone
  EXPECT_DOUBLE_EQ(rate.PerSecond(At(10'998)), 43 / 10.998);
  EXPECT_DOUBLE_EQ(rate.PerSecond(At(10'999)), 40 / 9.999);
}

// A broker drops the sensor of a quota after an hour without use and makes a new one; the rates are the same.
TEST(SampledRateTest, Rq02_AfterALongPauseItIsAsNew) {
  SampledRate used(kTenSeconds, At(0));
  for (int64_t ms = 0; ms < 30'000; ms += 100) used.Record(1000, At(ms));
  SampledRate fresh(kTenSeconds, At(3'700'000));
  for (int64_t ms = 3'700'000; ms < 3'730'000; ms += 300) {
    used.Record(7, At(ms));
    fresh.Record(7, At(ms));
    ASSERT_EQ(used.PerSecond(At(ms)), fresh.PerSecond(At(ms)));
  }
}

TEST(SampledRateTest, Rq02_TimesMayComeOutOfOrder) {
  SampledRate rate(kTenSeconds, At(0));
  rate.Record(100, At(1500));
  rate.Record(100, At(1400));  // another thread's, posted a moment later
  EXPECT_DOUBLE_EQ(rate.PerSecond(At(1450)), 200 / 1.45);
  EXPECT_EQ(rate.PerSecond(At(2000)), 100);
  EXPECT_GT(rate.PerSecond(At(11'499)), 0);  // the last event is that of 1500
  EXPECT_EQ(rate.PerSecond(At(11'500)), 0);
}

class SampledRateRandomTest : public ::testing::TestWithParam<QuotaWindows> {};

TEST_P(SampledRateRandomTest, Rq02_AgreesWithTheNaiveModel) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    SampledRate rate(GetParam(), At(0));
    NaiveRate model(GetParam(), At(0));
    // Some seeds are busy, some have pauses that whole samples are lost in.
    const int64_t step_max = std::vector<int64_t>{20, 700, 3000, 25'000}[random() % 4];
    int64_t now = 0;
    for (int step = 0; step < 400; ++step) {
      now += static_cast<int64_t>(random() % static_cast<uint64_t>(step_max));
      if (random() % 4 != 0) {
        const uint64_t bytes = random() % (1 << 20);
        rate.Record(bytes, At(now));
        model.Record(bytes, At(now));
      }
      ASSERT_DOUBLE_EQ(rate.PerSecond(At(now)), model.PerSecond(At(now))) << "seed " << seed << ", step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, SampledRateRandomTest,
                         ::testing::Values(QuotaWindows{}, kTenSeconds, QuotaWindows{.num = 1, .size = seconds(1)},
                                           QuotaWindows{.num = 2, .size = seconds(3)}));

TEST(QuotaWindows, ValidateNamesFieldValueAndBound) {
  EXPECT_TRUE(QuotaWindows().Validate("replication.quota").ok());
  EXPECT_TRUE((QuotaWindows{.num = 1000, .size = seconds(3600)}).Validate("replication.quota").ok());
  EXPECT_THAT(std::string((QuotaWindows{.num = 0}).Validate("replication.quota").message()),
              HasSubstr("replication.quota.window.num = 0, must be 1 to 1000"));
  EXPECT_THAT(std::string((QuotaWindows{.size = seconds(0)}).Validate("alter.log.dirs.replication.quota").message()),
              HasSubstr("alter.log.dirs.replication.quota.window.size.seconds = 0, must be 1 to 3600"));
}

}  // namespace
}  // namespace slipstream
