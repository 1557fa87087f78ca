#include "tool/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PropertiesTest : public ::testing::Test {
 protected:
  PropertiesTest() {
    table_.AddInt("fetch.bytes", "how many", [this](int64_t value) { bytes_ = value; });
    table_.AddBool("fetch.fast", "whether", [this](bool value) { fast_ = value; });
  }
  std::string File(const std::string& content) {
    const std::string path = directory_.path() / "some.properties";
    std::ofstream(path) << content;
    return path;
  }

  TempDir directory_;
  PropertyTable table_;
  int64_t bytes_ = 0;
  bool fast_ = false;
};

TEST_F(PropertiesTest, FlagsSetFields) {
  EXPECT_TRUE(table_.ApplyFlag("fetch.bytes=-12").ok());
  EXPECT_TRUE(table_.ApplyFlag("fetch.fast=true").ok());
  EXPECT_EQ(bytes_, -12);
  EXPECT_TRUE(fast_);
}

TEST_F(PropertiesTest, FilesHaveCommentsAndEitherSeparator) {
  const absl::Status applied = table_.ApplyFile(File("# one\n! two\n\n  fetch.bytes = 7\nfetch.fast: true\r\n"));
  EXPECT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(bytes_, 7);
  EXPECT_TRUE(fast_);
}

TEST_F(PropertiesTest, ErrorsNameTheSource) {
  EXPECT_THAT(std::string(table_.ApplyFlag("fetch.bites=1").message()),
              AllOf(HasSubstr("--property"), HasSubstr("did you mean 'fetch.bytes'?")));
  EXPECT_THAT(std::string(table_.ApplyFlag("fetch.bytes").message()), HasSubstr("not KEY=VALUE"));
  EXPECT_THAT(std::string(table_.ApplyFlag("fetch.bytes=1k").message()),
              HasSubstr("fetch.bytes = '1k' is not a whole number"));
  EXPECT_THAT(std::string(table_.ApplyFlag("fetch.fast=yes").message()), HasSubstr("neither true nor false"));
  EXPECT_THAT(std::string(table_.ApplyFile(File("fetch.bytes=1\nnonsense\n")).message()),
              HasSubstr("some.properties line 2"));
  EXPECT_FALSE(table_.ApplyFile(directory_.path() / "absent").ok());
}

TEST_F(PropertiesTest, HelpListsEachWithItsPurpose) {
  EXPECT_THAT(table_.Help(), AllOf(HasSubstr("fetch.bytes\n      how many"), HasSubstr("fetch.fast")));
}

}  // namespace
}  // namespace slipstream
