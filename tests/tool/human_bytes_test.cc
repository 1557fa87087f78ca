#include "tool/human_bytes.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(HumanBytes, HasThreeDigitsAndDecimalUnits) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.00 kB");
  EXPECT_EQ(HumanBytes(1'540'000), "1.54 MB");
  EXPECT_EQ(HumanBytes(81'200), "81.2 kB");
  EXPECT_EQ(HumanBytes(812'000), "812 kB");
  EXPECT_EQ(HumanBytes(999'600), "1.00 MB") << "rounding takes the next unit";
  EXPECT_EQ(HumanBytes(5e15), "5000 TB");
}

}  // namespace
}  // namespace slipstream
