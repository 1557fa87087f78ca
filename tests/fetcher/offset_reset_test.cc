#include "fetcher/offset_reset.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using Kind = OffsetReset::Kind;

TEST(OffsetReset, Ft40_LeaderShorterThanWeAreMeansCut) {
  EXPECT_EQ(PlanOffsetReset(Offset{0}, Offset{50}, Offset{0}, Offset{80}), (OffsetReset{Kind::kTruncate, Offset{50}}));
}

TEST(OffsetReset, Ft40_LeaderBeginsAboveOurEndMeansStartAnewThere) {
  EXPECT_EQ(PlanOffsetReset(Offset{100}, Offset{500}, Offset{0}, Offset{80}),
            (OffsetReset{Kind::kRestart, Offset{100}}));
}

TEST(OffsetReset, Ft40_LeaderThatEndsBelowOurLogStartMeansStartAnewAtItsOwn) {
  EXPECT_EQ(PlanOffsetReset(Offset{5}, Offset{20}, Offset{40}, Offset{50}), (OffsetReset{Kind::kRestart, Offset{5}}));
  EXPECT_EQ(PlanOffsetReset(Offset{5}, Offset{40}, Offset{40}, Offset{50}), (OffsetReset{Kind::kTruncate, Offset{40}}));
}

TEST(OffsetReset, Rel17_LeaderGrewPastUsMeanwhileAndOurLogIsKept) {
  EXPECT_EQ(PlanOffsetReset(Offset{0}, Offset{80}, Offset{0}, Offset{80}), (OffsetReset{Kind::kKeep, Offset{80}}));
  EXPECT_EQ(PlanOffsetReset(Offset{80}, Offset{500}, Offset{0}, Offset{80}), (OffsetReset{Kind::kKeep, Offset{80}}));
}

TEST(OffsetReset, AGapIsWhatWasDeletedAboveOurEnd) {
  const OffsetReset restart = PlanOffsetReset(Offset{100}, Offset{500}, Offset{0}, Offset{80});
  EXPECT_EQ(GapOf(restart, Offset{0}, Offset{80}, false), (Gap{Offset{80}, Offset{100}}));
}

TEST(OffsetReset, AGapIsTheWholeCopyWhenTheLeaderEndsBelowIt) {
  const OffsetReset restart = PlanOffsetReset(Offset{5}, Offset{20}, Offset{40}, Offset{50});
  EXPECT_EQ(GapOf(restart, Offset{40}, Offset{50}, false), (Gap{Offset{40}, Offset{50}, /*copied=*/true}));
  EXPECT_TRUE(GapOf(restart, Offset{40}, Offset{40}, false).empty()) << "it held nothing";
}

TEST(OffsetReset, ANewCopyBeginsWhereverTheLeaderDoesWithoutAGap) {
  const OffsetReset restart = PlanOffsetReset(Offset{100}, Offset{500}, Offset{0}, Offset{0});
  EXPECT_TRUE(GapOf(restart, Offset{0}, Offset{0}, true).empty());
}

TEST(OffsetReset, ATruncationIsNoGap) {
  const OffsetReset cut = PlanOffsetReset(Offset{0}, Offset{50}, Offset{0}, Offset{80});
  EXPECT_TRUE(GapOf(cut, Offset{0}, Offset{80}, false).empty());
}

}  // namespace
}  // namespace slipstream
