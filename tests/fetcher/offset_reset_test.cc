#include "fetcher/offset_reset.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using Kind = OffsetReset::Kind;

TEST(OffsetReset, Ft40_LeaderShorterThanWeAreMeansCut) {
  EXPECT_EQ(PlanOffsetReset(Offset{0}, Offset{50}, Offset{80}), (OffsetReset{Kind::kTruncate, Offset{50}}));
}

TEST(OffsetReset, Ft40_LeaderBeginsAboveOurEndMeansStartAnewThere) {
  EXPECT_EQ(PlanOffsetReset(Offset{100}, Offset{500}, Offset{80}), (OffsetReset{Kind::kRestart, Offset{100}}));
}

TEST(OffsetReset, Rel17_LeaderGrewPastUsMeanwhileAndOurLogIsKept) {
  EXPECT_EQ(PlanOffsetReset(Offset{0}, Offset{80}, Offset{80}), (OffsetReset{Kind::kKeep, Offset{80}}));
  EXPECT_EQ(PlanOffsetReset(Offset{80}, Offset{500}, Offset{80}), (OffsetReset{Kind::kKeep, Offset{80}}));
}

TEST(OffsetReset, AGapIsWhatWasDeletedAboveOurEnd) {
  const OffsetReset restart = PlanOffsetReset(Offset{100}, Offset{500}, Offset{80});
  EXPECT_EQ(GapOf(restart, Offset{80}, false), (Gap{Offset{80}, Offset{100}}));
}

TEST(OffsetReset, ANewCopyBeginsWhereverTheLeaderDoesWithoutAGap) {
  const OffsetReset restart = PlanOffsetReset(Offset{100}, Offset{500}, Offset{0});
  EXPECT_TRUE(GapOf(restart, Offset{0}, true).empty());
}

TEST(OffsetReset, ATruncationIsNoGap) {
  const OffsetReset cut = PlanOffsetReset(Offset{0}, Offset{50}, Offset{80});
  EXPECT_TRUE(GapOf(cut, Offset{80}, false).empty());
}

}  // namespace
}  // namespace slipstream
