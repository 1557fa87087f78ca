#include "tool/generate_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::HasSubstr;

TEST(GenerateSpec, IsParsed) {
  const absl::StatusOr<GenerateSpec> spec = ParseGenerateSpec("demo:4:10G");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->topic, "demo");
  EXPECT_EQ(spec->partitions, 4);
  EXPECT_EQ(spec->bytes, uint64_t{10} << 30);
  EXPECT_EQ(ParseGenerateSpec("demo:1:123")->bytes, 123u);
  EXPECT_EQ(ParseCutSpec("demo:64K")->bytes, 64u << 10);
  EXPECT_EQ(ParseCutSpec("demo:1T")->bytes, uint64_t{1} << 40);
}

TEST(GenerateSpec, SaysWhatIsWrong) {
  for (const char* text : {"", "demo", "demo:4", "demo:4:1:1", "a/b:1:1", "demo:0:1", "demo:x:1", "demo:1:", "demo:1:0",
                           "demo:1:K", "demo:1:-5", "demo:1:1Q", "demo:1:99999999999T"}) {
    const absl::StatusOr<GenerateSpec> spec = ParseGenerateSpec(text);
    ASSERT_TRUE(absl::IsInvalidArgument(spec.status())) << text;
    EXPECT_THAT(std::string(spec.status().message()), HasSubstr("expected TOPIC:PARTITIONS:BYTES"));
  }
  for (const char* text : {"demo", "demo:1:1", "demo:0", ":5"}) EXPECT_FALSE(ParseCutSpec(text).ok()) << text;
}

}  // namespace
}  // namespace slipstream
