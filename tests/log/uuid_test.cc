#include "log/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace slipstream {
namespace {

TEST(Uuid, Log47_PrintsAsUrlSafeBase64WithoutPadding) {
  EXPECT_EQ((Uuid{0, 0}).ToString(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ((Uuid{0, 1}).ToString(), "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ((Uuid{~0ULL, ~0ULL}).ToString(), "_____________________w");
  EXPECT_EQ((Uuid{0xfbefbefbefbefbefULL, 0}).ToString(), "----------8AAAAAAAAAAA");
}

TEST(Uuid, RoundTripsWhatARealBrokerWrote) {
  for (const char* text : {"7Y61IjinSpufvzy0EdSsew", "9UqWUTaxuL_pm_egRcKe-g"}) {
    const auto id = Uuid::Parse(text);
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(id->ToString(), text);
  }
}

TEST(Uuid, ParseRefusesWhatIsNot22CharactersOfBase64Url) {
  for (const char* text :
       {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAA AAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAA+A", "AAAAAAAAAAAAAAAAAAAA/A", "AAAAAAAAAAAAAAAAAAAAA.", "AAAAAAAAAAAAAAAAAAAA\xc3\xa9"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Uuid::Parse(text).status())) << text;
  }
}

TEST(Uuid, Log55_RandomIdsAreDistinctAndNeverReservedOrLedByAHyphen) {
  std::set<Uuid> seen;
  for (int i = 0; i < 2000; ++i) {
    const Uuid id = Uuid::Random();
    EXPECT_NE(id.ToString().front(), '-');
    EXPECT_FALSE(id.high == 0 && id.low < 100);
    EXPECT_EQ((id.high >> 12) & 0xf, 4u);
    EXPECT_EQ(id.low >> 62, 2u);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace slipstream
