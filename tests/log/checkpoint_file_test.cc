#include "log/checkpoint_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckpointFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<OffsetCheckpoint> Read() { return ReadOffsetCheckpoint(io_, path_); }
  absl::StatusOr<OffsetCheckpoint> ReadText(absl::string_view content) {
    EXPECT_TRUE(ReplaceFile(io_, path_, content).ok());
    return Read();
  }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
  std::filesystem::path path_ = dir_.path() / kRecoveryPointCheckpoint;
};

TEST_F(CheckpointFileTest, Log50_WritesKafkasGrammar) {
  ASSERT_TRUE(WriteOffsetCheckpoint(io_, path_, {{{"b", 1}, {7}}, {{"a", 10}, {3}}, {{"a", 2}, {0}}}).ok());
  EXPECT_EQ(*ReadWholeFile(io_, path_), "0\n3\na 2 0\na 10 3\nb 1 7\n");
  EXPECT_EQ(*Read(), (OffsetCheckpoint{{{"a", 2}, {0}}, {{"a", 10}, {3}}, {{"b", 1}, {7}}}));
}

TEST_F(CheckpointFileTest, Log53_ReplacesTheWholeFileAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteOffsetCheckpoint(io_, path_, {{{"a", 0}, {1}}, {{"b", 0}, {2}}}).ok());
  ASSERT_TRUE(WriteOffsetCheckpoint(io_, path_, {{{"c", 0}, {9}}}).ok());
  EXPECT_EQ(*Read(), (OffsetCheckpoint{{{"c", 0}, {9}}}));
  EXPECT_THAT(*io_.List(dir_.path(), false), ::testing::ElementsAre(kRecoveryPointCheckpoint));
}

TEST_F(CheckpointFileTest, Log50_NoFileOrAnEmptyOneHasNoEntries) {
  EXPECT_THAT(*Read(), IsEmpty());
  EXPECT_THAT(*ReadText(""), IsEmpty());
  ASSERT_TRUE(WriteOffsetCheckpoint(io_, path_, {}).ok());
  EXPECT_EQ(*ReadWholeFile(io_, path_), "0\n0\n");
  EXPECT_THAT(*Read(), IsEmpty());
}

TEST_F(CheckpointFileTest, Log50_AnyWhitespaceParts) {
  EXPECT_EQ(*ReadText("0\r\n1\r\nt \t 3  44\r\n"), (OffsetCheckpoint{{{"t", 3}, {44}}}));
}

TEST_F(CheckpointFileTest, Log51_RefusesEveryBreachNamingFileAndLine) {
  struct Case {
    const char* content;
    const char* message;
  };
  for (const auto& [content, message] : {Case{"1\n0\n", "line 1: version 1"},
                                         {"x\n0\n", "line 1: version 'x'"},
                                         {"\n", "line 1"},
                                         {"0\n", "line 2: the line is missing"},
                                         {"0\n-1\n", "line 2: count -1"},
                                         {"0\n99999999999\n", "line 2: count 99999999999"},
                                         {"0\n2\na 0 1\n", "line 4: the line is missing"},
                                         {"0\n0\na 0 1\n", "more lines"},
                                         {"0\n1\na 0 1\n\n", "more lines"},
                                         {"0\n1\na 0\n", "line 3: 'a 0' has 2 fields"},
                                         {"0\n1\na b 0 1\n", "line 3"},
                                         {"0\n1\na x 1\n", "line 3: partition 'x'"},
                                         {"0\n1\na 0 1x\n", "line 3: offset '1x'"},
                                         {"0\n1\na -1 1\n", "line 3: partition -1"},
                                         {"0\n1\na 0 -5\n", "line 3: offset -5"},
                                         {"0\n1\na 2147483648 1\n", "line 3: partition"},
                                         {"0\n1\na 0 9223372036854775808\n", "line 3: offset"}}) {
    const auto read = ReadText(content);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << content << ": " << read.status();
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(path_.native())) << content;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(message)) << content;
  }
}

TEST_F(CheckpointFileTest, Log51_AFileCutAnywhereIsRefusedNotHalfRead) {
  const std::string whole = "0\n2\nalpha 0 12345\nbeta 1 67890\n";
  for (size_t size = 1; size < whole.size(); ++size)
    EXPECT_TRUE(absl::IsDataLoss(ReadText(absl::string_view(whole).substr(0, size)).status())) << size;
  EXPECT_TRUE(ReadText(whole).ok());
}

TEST_F(CheckpointFileTest, Bad08_AClaimedCountAllocatesNothing) {
  EXPECT_TRUE(absl::IsDataLoss(ReadText("0\n2147483647\n").status()));
}

TEST_F(CheckpointFileTest, WriteErrorsComeBack) {
  const auto status = WriteOffsetCheckpoint(io_, dir_.path() / "gone" / "file", {});
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

}  // namespace
}  // namespace slipstream
