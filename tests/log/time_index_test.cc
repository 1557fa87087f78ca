#include "log/time_index.h"

#include <gmock/gmock.h>

#include "tests/support/memory_io.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr Offset kBase{1000};

TimeIndexEntry Entry(int64_t timestamp, int64_t offset) { return {Timestamp{timestamp}, Offset{offset}}; }

class TimeIndexTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return dir_.path() / "00000000000000001000.timeindex"; }
  TimeIndex Make(uint64_t bytes_max = 10 << 20) { return TimeIndex(SystemFileIo(), directory_, kBase, bytes_max); }

  TempDir dir_;
  const StoredPath directory_{dir_.path()};
};

TEST_F(TimeIndexTest, Log42_EntryIsTimestampAndRelativeOffsetBigEndian) {
  TimeIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.MaybeAppend(Entry(0x0102030405060708, 1003)).ok());
  ASSERT_TRUE(index.Release().ok());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), path()),
            std::string("\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x03", 12));
}

TEST_F(TimeIndexTest, Log91_EqualTimestampIsSkippedLowerIsRefused) {
  TimeIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.MaybeAppend(Entry(100, 1010)).ok());
  ASSERT_TRUE(index.MaybeAppend(Entry(100, 1020)).ok());
  EXPECT_EQ(index.count(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(index.MaybeAppend(Entry(99, 1020))));
  EXPECT_TRUE(absl::IsInvalidArgument(index.MaybeAppend(Entry(101, 1009))));
  EXPECT_TRUE(absl::IsOutOfRange(index.MaybeAppend(Entry(101, 1000 + (int64_t{1} << 31)))));
  EXPECT_EQ(index.count(), 1u);
}

TEST_F(TimeIndexTest, Log91_NoTimestampGivesNoEntry) {
  TimeIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.MaybeAppend(Entry(-1, 1010)).ok());
  EXPECT_EQ(index.count(), 0u);
}

TEST_F(TimeIndexTest, Log91_LookupGivesFloorEntry) {
  TimeIndex index = Make();
  EXPECT_EQ(*index.Floor(Timestamp{100}), Entry(-1, 1000));
  for (int64_t i = 1; i <= 2000; ++i) ASSERT_TRUE(index.MaybeAppend(Entry(100 * i, 1000 + i)).ok());
  EXPECT_EQ(*index.Floor(Timestamp{99}), Entry(-1, 1000));
  EXPECT_EQ(*index.Floor(Timestamp{100}), Entry(100, 1001));
  EXPECT_EQ(*index.Floor(Timestamp{77'777}), Entry(77'700, 1777));
  EXPECT_EQ(*index.Floor(Timestamp{1'000'000}), Entry(200'000, 3000));
}

TEST_F(TimeIndexTest, Log172_LastSlotIsKeptForTheRollEntry) {
  TimeIndex index = Make(/*bytes_max=*/36);
  ASSERT_TRUE(index.Load().ok());
  ASSERT_TRUE(index.MaybeAppend(Entry(1, 1001)).ok());
  EXPECT_FALSE(index.full());
  ASSERT_TRUE(index.MaybeAppend(Entry(2, 1002)).ok());
  EXPECT_TRUE(index.full());
  EXPECT_TRUE(absl::IsResourceExhausted(index.MaybeAppend(Entry(3, 1003))));
  EXPECT_TRUE(index.MaybeAppend(Entry(3, 1003), /*last=*/true).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(index.MaybeAppend(Entry(4, 1004), /*last=*/true)));
}

TEST_F(TimeIndexTest, Log99_TruncationDropsEntriesAtOrAbove) {
  TimeIndex index = Make();
  ASSERT_TRUE(index.Load().ok());
  for (int64_t i = 1; i <= 9; ++i) ASSERT_TRUE(index.MaybeAppend(Entry(10 * i, 1000 + i)).ok());
  ASSERT_TRUE(index.TruncateTo(Offset{1005}).ok());
  EXPECT_EQ(*index.LastEntry(), Entry(40, 1004));
  ASSERT_TRUE(index.MaybeAppend(Entry(45, 1005)).ok());
  ASSERT_TRUE(index.Release().ok());
  EXPECT_EQ(std::filesystem::file_size(path()), 5 * 12u);
  EXPECT_EQ(*index.LastEntry(), Entry(45, 1005));
  ASSERT_TRUE(index.TruncateTo(kBase).ok());
  EXPECT_EQ(*index.LastEntry(), Entry(-1, 1000));
}

// What happened: after a cut that the file refused, an entry with the time of the last one before it was left out.
TEST_F(TimeIndexTest, Log94_ACutThatTheDiskRefusesForgetsTheLastEntryToo) {
  MemoryIo io;
  TimeIndex index(io, directory_, kBase, 10 << 20);
  ASSERT_TRUE(index.Load().ok());
  for (int64_t i = 1; i <= 400; ++i) ASSERT_TRUE(index.MaybeAppend(Entry(i, 1000 + i)).ok());
  io.cut_result = absl::UnavailableError("the test's disk cuts nothing");
  EXPECT_EQ(index.TruncateToCount(0), io.cut_result);
  EXPECT_EQ(*index.LastEntry(), Entry(-1, 1000));
  io.cut_result = absl::OkStatus();
  EXPECT_EQ(index.MaybeAppend(Entry(400, 1001)), absl::OkStatus());
  EXPECT_EQ(index.count(), 1u);
}

}  // namespace
}  // namespace slipstream
