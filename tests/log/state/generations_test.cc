#include "log/state/generations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;

class GenerationsTest : public ::testing::Test {
 protected:
  std::filesystem::path Make(const std::string& name) {
    EXPECT_TRUE(io_.CreateDirectories(dir_.path() / name).ok());
    return dir_.path() / name;
  }
  std::vector<std::string> Directories() { return *io_.List(dir_.path(), /*directories=*/true); }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
};

TEST_F(GenerationsTest, OneAfterTheOther) {
  EXPECT_TRUE(absl::IsNotFound(CurrentGeneration(io_, dir_.path()).status()));
  EXPECT_EQ(*NextGeneration(io_, dir_.path()), dir_.path() / "generation-1");
  ASSERT_TRUE(MakeCurrent(io_, Make("generation-1")).ok());
  EXPECT_EQ(*CurrentGeneration(io_, dir_.path()), dir_.path() / "generation-1");
  EXPECT_EQ(*NextGeneration(io_, dir_.path()), dir_.path() / "generation-2");
  Make("generation-9");
  EXPECT_EQ(*NextGeneration(io_, dir_.path()), dir_.path() / "generation-10");
  ASSERT_TRUE(MakeCurrent(io_, Make("generation-10")).ok());
  EXPECT_EQ(*CurrentGeneration(io_, dir_.path()), dir_.path() / "generation-10");
}

TEST_F(GenerationsTest, OnlyOtherGenerationsAreRemoved) {
  for (const char* name : {"generation-1", "generation-2", "generation-2.tmp", "generation-3", "else"}) Make(name);
  ASSERT_TRUE(MakeCurrent(io_, dir_.path() / "generation-2").ok());
  ASSERT_TRUE(RemoveOtherGenerations(io_, dir_.path()).ok());
  EXPECT_THAT(Directories(), ElementsAre("else", "generation-2"));
}

TEST_F(GenerationsTest, WithoutACurrentOneAllAreLeftovers) {
  Make("generation-1");
  ASSERT_TRUE(RemoveOtherGenerations(io_, dir_.path()).ok());
  EXPECT_THAT(Directories(), ElementsAre());
}

TEST_F(GenerationsTest, ANameThatIsNoneIsDataLossAndNothingIsRemoved) {
  Make("generation-1");
  for (const char* content :
       {"", "\n", "generation-1", "generation-\n", "generation-0\n", "generation--1\n", "generation-1/..\n",
        "../generation-1\n", "generation-99999999999\n", "generation-1\n\n"}) {
    ASSERT_TRUE(ReplaceFile(io_, dir_.path() / kCurrentGenerationFile, content).ok());
    const absl::Status status = CurrentGeneration(io_, dir_.path()).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << content;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/current: '"));
    EXPECT_TRUE(absl::IsDataLoss(RemoveOtherGenerations(io_, dir_.path())));
    EXPECT_THAT(Directories(), ElementsAre("generation-1"));
  }
}

}  // namespace
}  // namespace slipstream
