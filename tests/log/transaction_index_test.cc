#include "log/transaction_index.h"

#include <gmock/gmock.h>

#include "tests/support/hex.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const StoredPath kDirectory(std::filesystem::path("p"));
const std::filesystem::path kPath = kDirectory / "00000000000000000000.txnindex";

AbortedTransactionEntry Entry(int64_t producer, int64_t first, int64_t last, int64_t stable) {
  return {producer, Offset{first}, Offset{last}, Offset{stable}};
}

class TransactionIndexTest : public testing::Test {
 protected:
  std::vector<AbortedTransactionEntry> Entries() {
    const auto entries = TransactionIndex(io_, kDirectory, Offset{0}).Entries();
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.value_or(std::vector<AbortedTransactionEntry>{});
  }
  void Put(ByteSpan content) {
    ASSERT_TRUE((*io_.Open(kPath, OpenMode::kCreate))->WriteAt(content, FilePosition{0}).ok());
  }

  MemoryIo io_;
  TransactionIndex index_{io_, kDirectory, Offset{0}};
};

TEST_F(TransactionIndexTest, Log43_Log198_OneEntryByteForByte) {
  EXPECT_FALSE(io_.Exists(kPath));  // no file until the first abort
  ASSERT_TRUE(index_.Append(Entry(1, 0, 29, 8)).ok());
  EXPECT_EQ(*ReadWholeFile(io_, kPath),
            AsText(FromHex("0000 0000000000000001 0000000000000000 000000000000001d 0000000000000008")));
}

TEST_F(TransactionIndexTest, Log121_MarkersMustRise) {
  ASSERT_TRUE(index_.Append(Entry(1, 0, 29, 8)).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(index_.Append(Entry(2, 8, 29, 30))));
  EXPECT_TRUE(absl::IsInvalidArgument(TransactionIndex(io_, kDirectory, Offset{0}).Append(Entry(2, 8, 28, 30))));
  ASSERT_TRUE(index_.Append(Entry(2, 8, 74, 36)).ok());
  EXPECT_THAT(Entries(), ElementsAre(Entry(1, 0, 29, 8), Entry(2, 8, 74, 36)));
}

TEST_F(TransactionIndexTest, Log99_TruncationDropsMarkersFromTheOffsetOn) {
  for (const int64_t last : {10, 20, 30}) ASSERT_TRUE(index_.Append(Entry(last, 0, last, last + 1)).ok());
  ASSERT_TRUE(index_.TruncateTo(Offset{21}).ok());
  EXPECT_THAT(Entries(), ElementsAre(Entry(10, 0, 10, 11), Entry(20, 0, 20, 21)));
  ASSERT_TRUE(index_.Append(Entry(4, 0, 25, 26)).ok());
  ASSERT_TRUE(index_.TruncateTo(Offset{25}).ok());
  EXPECT_EQ(Entries().size(), 2u);
  ASSERT_TRUE(index_.TruncateTo(Offset{0}).ok());
  EXPECT_FALSE(io_.Exists(kPath));
  ASSERT_TRUE(index_.Append(Entry(1, 0, 3, 4)).ok());
  EXPECT_EQ(Entries().size(), 1u);
}

TEST_F(TransactionIndexTest, Log43_ATornEntryIsIgnoredAndOverwritten) {
  ASSERT_TRUE(index_.Append(Entry(1, 0, 10, 11)).ok());
  const std::string one = *ReadWholeFile(io_, kPath);
  Put(AsBytes(one + one.substr(0, 20)));
  EXPECT_EQ(Entries().size(), 1u);
  TransactionIndex reopened(io_, kDirectory, Offset{0});
  ASSERT_TRUE(reopened.Append(Entry(2, 5, 12, 13)).ok());
  EXPECT_THAT(Entries(), ElementsAre(Entry(1, 0, 10, 11), Entry(2, 5, 12, 13)));
}

TEST_F(TransactionIndexTest, Log123_EntriesThatDoNotFitTheSegment) {
  EXPECT_TRUE(index_.Check().ok());
  ASSERT_TRUE(index_.Append(Entry(1, 0, 99, 100)).ok());
  EXPECT_TRUE(index_.Check().ok());
  const std::string one = *ReadWholeFile(io_, kPath);
  Put(AsBytes(one + one));
  EXPECT_TRUE(absl::IsDataLoss(index_.Check()));

  TransactionIndex fits(io_, kDirectory, Offset{99}), begins_above(io_, kDirectory, Offset{100});
  ASSERT_TRUE(fits.Append(Entry(1, 0, 99, 100)).ok());
  EXPECT_TRUE(fits.Check().ok());
  ASSERT_TRUE(begins_above.Append(Entry(1, 0, 99, 100)).ok());
  EXPECT_TRUE(absl::IsDataLoss(begins_above.Check()));
}

TEST_F(TransactionIndexTest, Log43_AnotherVersionIsAnError) {
  Put(FromHex("0001 0000000000000001 0000000000000000 000000000000001d 0000000000000008"));
  const auto entries = index_.Entries();
  EXPECT_EQ(entries.status().message(), "p/00000000000000000000.txnindex: version 1 is not known");
  EXPECT_THAT(entries.value_or(std::vector<AbortedTransactionEntry>{}), IsEmpty());
}

}  // namespace
}  // namespace slipstream
