#include "fetcher/refresh_schedule.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RefreshPause, FollowsWhatAskingCosts) {
  struct Row {
    milliseconds doubted, took, pause;
  };
  constexpr Row kRows[] = {
      {milliseconds(0), milliseconds(0), milliseconds(100)},  // cheap: as soon as makes sense
      {milliseconds(0), milliseconds(11), milliseconds(100)},
      {milliseconds(0), milliseconds(20), milliseconds(180)},    // thousands of partitions: a tenth of the time
      {milliseconds(0), milliseconds(500), milliseconds(1000)},  // a far cluster, or a busy one
      {seconds(29), milliseconds(1), milliseconds(100)},
      {seconds(30), milliseconds(1), milliseconds(1000)},  // no election
  };
  for (const Row& row : kRows)
    EXPECT_EQ(RefreshPause(row.doubted, row.took), row.pause) << row.doubted.count() << " " << row.took.count();
}

class RefreshScheduleTest : public testing::Test {
 protected:
  // One that takes a millisecond, and its pause. `doubt`: somebody still doubts what it said.
  std::chrono::nanoseconds Refresh(bool answered = true, bool doubt = true) {
    schedule_.Begin(now_);
    now_ += milliseconds(1);
    if (doubt) schedule_.Want();
    const std::chrono::nanoseconds pause = schedule_.End(answered, now_);
    now_ += pause;
    schedule_.EndPause();
    return pause;
  }
  void DoubtForLong() {
    schedule_.Want();
    while (Refresh() < seconds(1)) ASSERT_LT(now_.time_since_epoch(), 2 * kElectionPatience);
  }

  RefreshSchedule schedule_;
  RefreshSchedule::TimePoint now_;
};

TEST_F(RefreshScheduleTest, AnAnswerEndsTheDoubtUnlessItIsSaidAgain) {
  schedule_.Want();
  Refresh(/*answered=*/true, /*doubt=*/true);
  EXPECT_TRUE(schedule_.wanted());
  Refresh(/*answered=*/true, /*doubt=*/false);
  EXPECT_FALSE(schedule_.wanted());
}

TEST_F(RefreshScheduleTest, OneThatFailedIsTriedAgainLaterAndLater) {
  EXPECT_EQ(Refresh(/*answered=*/false, /*doubt=*/false), milliseconds(100));
  EXPECT_TRUE(schedule_.wanted());
  EXPECT_EQ(Refresh(/*answered=*/false), milliseconds(200));
  for (int i = 0; i < 3; ++i) Refresh(/*answered=*/false);
  EXPECT_EQ(Refresh(/*answered=*/false), milliseconds(1000));
  EXPECT_EQ(schedule_.failures(), 6);
  Refresh();
  EXPECT_EQ(schedule_.failures(), 0);
}

TEST_F(RefreshScheduleTest, ADoubtThatLastsIsAskedAboutOnceASecond) {
  DoubtForLong();
  EXPECT_GE(now_.time_since_epoch(), kElectionPatience);
  EXPECT_EQ(Refresh(), seconds(1));
}

TEST_F(RefreshScheduleTest, ALostLeaderIsAskedAboutAtOnceBesidePartitionsWithoutOneForLong) {
  DoubtForLong();
  schedule_.WantAfterNews();
  EXPECT_EQ(Refresh(), milliseconds(100));
}

TEST_F(RefreshScheduleTest, ADoubtAfterAQuietTimeIsANewOne) {
  DoubtForLong();
  Refresh(/*answered=*/true, /*doubt=*/false);
  now_ += seconds(300);
  schedule_.Want();
  EXPECT_EQ(Refresh(), milliseconds(100));
}

TEST_F(RefreshScheduleTest, WhenTheWholeClusterWasAwayItsElectionsAreNotLateForIt) {
  schedule_.Want();
  while (now_.time_since_epoch() < 2 * kElectionPatience) Refresh(/*answered=*/false);
  EXPECT_EQ(Refresh(), milliseconds(100));
}

// What would happen: a broker that is cut off from those who elect says for ever what it knew before.
TEST_F(RefreshScheduleTest, Inv24_AnotherBrokerIsAskedWhenADoubtLasts) {
  schedule_.Want();
  int turns = 0;
  const RefreshSchedule::TimePoint began = now_;
  while (now_ - began < 2 * kBrokerPatience + seconds(1)) {
    turns += schedule_.TakeTurnToAnother(now_) ? 1 : 0;
    schedule_.WantAfterNews();
    Refresh();
  }
  EXPECT_EQ(turns, 2);
  Refresh(/*answered=*/true, /*doubt=*/false);
  now_ += kBrokerPatience;
  EXPECT_FALSE(schedule_.TakeTurnToAnother(now_)) << "no doubt is left";
}

}  // namespace
}  // namespace slipstream
