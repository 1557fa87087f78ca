#include "tool/nearest.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

const std::vector<std::string> kKnown = {"follow", "verify", "dump"};

TEST(NearestWord, FindsTheOneWithTheFewestEdits) {
  EXPECT_EQ(NearestWord("folow", kKnown), "follow");
  EXPECT_EQ(NearestWord("dmup", kKnown), "dump");
  EXPECT_EQ(NearestWord("verify", kKnown), "verify");
}

TEST(NearestWord, IsEmptyWhenNothingIsClose) {
  EXPECT_EQ(NearestWord("zzzzzz", kKnown), "");
  EXPECT_EQ(NearestWord("", kKnown), "");
  EXPECT_EQ(NearestWord("dump", {}), "");
}

}  // namespace
}  // namespace slipstream
