#include "log/partition_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

class PartitionMetadataTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::optional<Uuid>> ReadText(absl::string_view content) {
    EXPECT_TRUE(ReplaceFile(io_, dir_.path() / "partition.metadata", content).ok());
    return ReadPartitionMetadata(io_, dir_.path());
  }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
};

TEST_F(PartitionMetadataTest, Log47_TwoLinesWithoutAFinalLineFeed) {
  const Uuid id = *Uuid::Parse("7Y61IjinSpufvzy0EdSsew");
  ASSERT_TRUE(WritePartitionMetadata(io_, dir_.path(), id).ok());
  EXPECT_EQ(*ReadWholeFile(io_, dir_.path() / "partition.metadata"), "version: 0\ntopic_id: 7Y61IjinSpufvzy0EdSsew");
  EXPECT_EQ(*ReadPartitionMetadata(io_, dir_.path()), id);
}

TEST_F(PartitionMetadataTest, Log47_ReadsAnyLaterVersionAndSpacing) {
  const Uuid id = *Uuid::Parse("7Y61IjinSpufvzy0EdSsew");
  EXPECT_EQ(*ReadText("version: 3\ntopic_id: 7Y61IjinSpufvzy0EdSsew\nmore: x\n"), id);
  EXPECT_EQ(*ReadText("version:\t0\r\ntopic_id:   7Y61IjinSpufvzy0EdSsew\r\n"), id);
}

TEST_F(PartitionMetadataTest, NoFileIsNoId) { EXPECT_EQ(*ReadPartitionMetadata(io_, dir_.path()), std::nullopt); }

TEST_F(PartitionMetadataTest, Log47_RefusesOtherLayoutsAndTheZeroId) {
  for (const char* content :
       {"", "version: 0", "version: 0\n", "version: -1\ntopic_id: 7Y61IjinSpufvzy0EdSsew",
        "version: x\ntopic_id: 7Y61IjinSpufvzy0EdSsew", "version:0\ntopic_id: 7Y61IjinSpufvzy0EdSsew",
        "topic_id: 7Y61IjinSpufvzy0EdSsew\nversion: 0", "version: 0\ntopic_id: 7Y61IjinSpufvzy0EdSse",
        "version: 0\ntopic_id:", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA"}) {
    const auto read = ReadText(content);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << content << ": " << read.status();
    EXPECT_THAT(std::string(read.status().message()), ::testing::HasSubstr("partition.metadata: ")) << content;
  }
}

TEST_F(PartitionMetadataTest, Log47_AFileCutAnywhereIsRefused) {
  const std::string whole = "version: 0\ntopic_id: 7Y61IjinSpufvzy0EdSsew";
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(absl::IsDataLoss(ReadText(absl::string_view(whole).substr(0, size)).status())) << size;
}

}  // namespace
}  // namespace slipstream
