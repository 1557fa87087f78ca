#include "fetcher/moves/log_dir_wishes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::HasSubstr;

TEST(LogDirWishes, Ad01_TheFirstPatternThatMatchesAWholeNameDecides) {
  const auto wishes = LogDirWishes::Parse("orders-1:/a,orders-.*:/b");
  ASSERT_TRUE(wishes.ok()) << wishes.status();
  EXPECT_EQ(wishes->DirFor({"orders", 1}), "/a");
  EXPECT_EQ(wishes->DirFor({"orders", 11}), "/b");
  EXPECT_EQ(wishes->DirFor({"my-orders", 1}), std::nullopt);
}

TEST(LogDirWishes, NoneIsNone) {
  const auto wishes = LogDirWishes::Parse("");
  ASSERT_TRUE(wishes.ok()) << wishes.status();
  EXPECT_TRUE(wishes->empty());
  EXPECT_EQ(wishes->DirFor({"orders", 1}), std::nullopt);
}

TEST(LogDirWishes, ErrorsNameThePiece) {
  for (const char* text : {"orders-1", "orders-1:", ":/a", "x:/a,", "x:/a,,y:/b"})
    EXPECT_THAT(std::string(LogDirWishes::Parse(text).status().message()), HasSubstr("is not PATTERN:DIR")) << text;
  EXPECT_THAT(std::string(LogDirWishes::Parse("x:/a,(:/b").status().message()),
              HasSubstr("'(' is not a regular expression: "));
}

TEST(LogDirWishes, Ad01_ADirIsOneOfTheCopysHoweverItIsSpelled) {
  auto wishes = LogDirWishes::Parse("x-0:/data//a,x-1:/data/b/");
  ASSERT_TRUE(wishes.ok()) << wishes.status();
  ASSERT_TRUE(wishes->ResolveAmong({"/data/a/", "/data/b"}).ok());
  EXPECT_EQ(wishes->DirFor({"x", 0}), "/data/a/");
  EXPECT_EQ(wishes->DirFor({"x", 1}), "/data/b");
  EXPECT_EQ(wishes->ResolveAmong({"/data/a"}).message(), "'/data/b' is no log dir of this copy");
}

}  // namespace
}  // namespace slipstream
