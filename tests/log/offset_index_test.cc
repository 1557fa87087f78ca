#include "log/offset_index.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "tests/support/memory_io.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr Offset kBase{1000};
constexpr uint64_t kRoomy = 10 << 20;

class OffsetIndexTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return dir_.path() / "00000000000000001000.index"; }
  OffsetIndex Make(uint64_t bytes_max = kRoomy) { return OffsetIndex(SystemFileIo(), directory_, kBase, bytes_max); }

  TempDir dir_;
  const StoredPath directory_{dir_.path()};
};

TEST_F(OffsetIndexTest, Log41_EntryIsRelativeOffsetAndPositionBigEndian) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.Append(Offset{1258}, FilePosition{0x01020304}).ok());
  ASSERT_TRUE(index.Release().ok());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), path()), std::string("\x00\x00\x01\x02\x01\x02\x03\x04", 8));
}

TEST_F(OffsetIndexTest, Log90_LookupGivesFloorEntry) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  const OffsetIndexEntry none{kBase, FilePosition{0}};
  EXPECT_EQ(*index.Floor(Offset{5000}), none);
  for (int64_t i = 1; i <= 3; ++i)
    ASSERT_TRUE(index.Append(kBase + 10 * i, FilePosition{static_cast<uint64_t>(100 * i)}).ok());
  EXPECT_EQ(*index.Floor(Offset{1009}), none);
  EXPECT_EQ(*index.Floor(Offset{1010}), (OffsetIndexEntry{Offset{1010}, FilePosition{100}}));
  EXPECT_EQ(*index.Floor(Offset{1029}), (OffsetIndexEntry{Offset{1020}, FilePosition{200}}));
  EXPECT_EQ(*index.Floor(Offset{9999}), (OffsetIndexEntry{Offset{1030}, FilePosition{300}}));
}

TEST_F(OffsetIndexTest, Log90_OffsetsMustRise) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.Append(Offset{1010}, FilePosition{100}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(index.Append(Offset{1010}, FilePosition{200})));
  EXPECT_TRUE(absl::IsInvalidArgument(index.Append(Offset{1009}, FilePosition{200})));
  EXPECT_EQ(index.count(), 1u);
}

TEST_F(OffsetIndexTest, Log90_RelativeOffsetMustFit31Bits) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  EXPECT_TRUE(absl::IsOutOfRange(index.Append(kBase + -1, FilePosition{1})));
  EXPECT_TRUE(absl::IsOutOfRange(index.Append(kBase + (int64_t{1} << 31), FilePosition{1})));
  EXPECT_TRUE(absl::IsOutOfRange(index.Append(kBase + 1, FilePosition{uint64_t{1} << 31})));
  EXPECT_TRUE(index.Append(kBase + ((int64_t{1} << 31) - 1), FilePosition{1}).ok());
}

TEST_F(OffsetIndexTest, Log93_CapacityIsWholeEntries) {
  OffsetIndex index = Make(/*bytes_max=*/23);
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.Append(Offset{1001}, FilePosition{1}).ok());
  EXPECT_FALSE(index.full());
  ASSERT_TRUE(index.Append(Offset{1002}, FilePosition{2}).ok());
  EXPECT_TRUE(index.full());
  EXPECT_TRUE(absl::IsResourceExhausted(index.Append(Offset{1003}, FilePosition{3})));
}

TEST_F(OffsetIndexTest, Log99_TruncationDropsEntriesAtOrAbove) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  for (int64_t i = 1; i <= 9; ++i) ASSERT_TRUE(index.Append(kBase + i, FilePosition{static_cast<uint64_t>(i)}).ok());
  ASSERT_TRUE(index.entries().Flush().ok());
  ASSERT_TRUE(index.TruncateTo(kBase + 12).ok());
  EXPECT_EQ(index.count(), 9u);
  ASSERT_TRUE(index.TruncateTo(kBase + 5).ok());
  EXPECT_EQ(*index.LastEntry(), (OffsetIndexEntry{kBase + 4, FilePosition{4}}));
  EXPECT_EQ(std::filesystem::file_size(path()), 4 * 8u);
  ASSERT_TRUE(index.Append(kBase + 5, FilePosition{50}).ok());
  EXPECT_EQ(index.LastEntry()->position, FilePosition{50});
  ASSERT_TRUE(index.TruncateTo(kBase).ok());
  EXPECT_EQ(index.count(), 0u);
}

TEST_F(OffsetIndexTest, Log151_CeilingGivesFirstEntryAtOrAfterPosition) {
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.Append(Offset{1010}, FilePosition{100}).ok());
  ASSERT_TRUE(index.Append(Offset{1020}, FilePosition{200}).ok());
  EXPECT_EQ((*index.Ceiling(FilePosition{101}))->offset, Offset{1020});
  EXPECT_EQ((*index.Ceiling(FilePosition{100}))->offset, Offset{1010});
  EXPECT_FALSE(index.Ceiling(FilePosition{201})->has_value());
}

TEST_F(OffsetIndexTest, Log135_PartialLastEntryIsIgnoredAndOverwritten) {
  {
    const auto file = *SystemFileIo().Open(path(), OpenMode::kCreate);
    const std::vector<std::byte> bytes(8 + 5, std::byte{1});
    ASSERT_TRUE(file->WriteAt(bytes, FilePosition{0}).ok());
  }
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  EXPECT_EQ(index.count(), 1u);
  ASSERT_TRUE(index.entries().Flush().ok());
  EXPECT_EQ(std::filesystem::file_size(path()), 8u);
}

// What happened: the last entry was still told after a cut that the file refused, and a look-up ended the process.
TEST_F(OffsetIndexTest, Log94_ACutThatTheDiskRefusesForgetsTheLastEntryToo) {
  MemoryIo io;
  OffsetIndex index(io, directory_, kBase, kRoomy);
  ASSERT_TRUE(index.Load().ok());
  for (int64_t i = 1; i <= 600; ++i)  // so many that some are in the file
    ASSERT_TRUE(index.Append(kBase + i, FilePosition{static_cast<uint64_t>(i)}).ok());
  io.cut_result = absl::UnavailableError("the test's disk cuts nothing");
  EXPECT_EQ(index.TruncateToCount(0), io.cut_result);
  EXPECT_EQ(*index.Floor(kBase + 700), (OffsetIndexEntry{kBase, FilePosition{0}}));
  io.cut_result = absl::OkStatus();
  EXPECT_EQ(index.Append(kBase + 1, FilePosition{1}), absl::OkStatus());
  ASSERT_TRUE(index.Release().ok());
  EXPECT_EQ(*index.LastEntry(), (OffsetIndexEntry{kBase + 1, FilePosition{1}}));
  EXPECT_EQ(index.count(), 1u);
}

TEST_F(OffsetIndexTest, Log94_ReopenedFileHoldsWholeEntriesOnly) {
  {
    OffsetIndex index = Make();
    ASSERT_TRUE(index.Load().ok());
    for (int64_t i = 1; i <= 1000; ++i)
      ASSERT_TRUE(index.Append(kBase + i, FilePosition{static_cast<uint64_t>(i)}).ok());
    EXPECT_LT(std::filesystem::file_size(path()), 1000 * 8u) << "the tail is still in memory";
    ASSERT_TRUE(index.Release().ok());
  }
  EXPECT_EQ(std::filesystem::file_size(path()), 1000 * 8u);
  OffsetIndex index = Make();
  EXPECT_EQ(*index.LastEntry(), (OffsetIndexEntry{kBase + 1000, FilePosition{1000}}));
  EXPECT_TRUE(absl::IsInvalidArgument(index.Append(kBase + 1000, FilePosition{2000})));
}

TEST_F(OffsetIndexTest, Log90_RandomLookupsAgreeWithAMap) {
  std::mt19937_64 random(7);
  OffsetIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  std::map<int64_t, uint64_t> model;
  int64_t offset = kBase.value;
  uint64_t position = 0;
  for (int i = 0; i < 5000; ++i) {
    offset += 1 + static_cast<int64_t>(random() % 20);
    position += 1 + random() % 5000;
    ASSERT_TRUE(index.Append(Offset{offset}, FilePosition{position}).ok());
    model[offset] = position;
    const int64_t target =
        kBase.value + static_cast<int64_t>(random() % static_cast<uint64_t>(offset - kBase.value + 20));
    const OffsetIndexEntry found = *index.Floor(Offset{target});
    const auto above = model.upper_bound(target);
    const OffsetIndexEntry expected = above == model.begin() ? OffsetIndexEntry{kBase, FilePosition{0}}
                                                             : OffsetIndexEntry{Offset{std::prev(above)->first},
                                                                                FilePosition{std::prev(above)->second}};
    ASSERT_EQ(found, expected) << "target " << target << " after " << i << " entries";
  }
}

}  // namespace
}  // namespace slipstream
