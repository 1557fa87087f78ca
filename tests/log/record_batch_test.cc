#include "log/record_batch.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/hex.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

// LOG-193, LOG-194, LOG-195 and LOG-196, as a real DumpLogSegments has read them back.
constexpr char kOneRecord[] =
    "0000000000000000 0000003a 00000000 02 716a6189 0000 00000000 00000000000003e8 00000000000003e8 ffffffffffffffff "
    "ffff "
    "ffffffff 00000001 10 00 00 00 02 6b 02 76 00";
constexpr char kTwoRecords[] =
    "0000000000000007 00000042 00000003 02 ae827a4d 0000 00000001 00000000000003e8 00000000000003ed ffffffffffffffff "
    "ffff "
    "ffffffff 00000002 0e 00 00 00 01 02 61 00 10 00 0a 02 04 6b6b 01 00";
constexpr char kCommitMarker[] =
    "0000000000000064 00000042 00000005 02 d3f07462 0030 00000000 00000000000007d0 00000000000007d0 000000000000002a "
    "0001 "
    "ffffffff 00000001 20 00 00 00 08 00000001 0c 0000 00000009 00";
constexpr char kEmptyRetained[] =
    "0000000000000032 00000031 00000002 02 f8229c85 0000 00000004 ffffffffffffffff 0000000000000bb8 000000000000002a "
    "0001 "
    "0000000a 00000000";

std::vector<std::byte> Concat(std::initializer_list<const char*> batches) {
  std::vector<std::byte> bytes;
  for (const char* hex : batches) {
    const auto batch = FromHex(hex);
    bytes.insert(bytes.end(), batch.begin(), batch.end());
  }
  return bytes;
}

TEST(RecordBatchView, Log193_OneRecord) {
  const auto bytes = FromHex(kOneRecord);
  ASSERT_EQ(bytes.size(), 70u);
  const RecordBatchView batch(bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.base_offset(), Offset{0});
  EXPECT_EQ(batch.last_offset(), Offset{0});
  EXPECT_EQ(batch.next_offset(), Offset{1});
  EXPECT_EQ(batch.partition_leader_epoch(), LeaderEpoch{0});
  EXPECT_EQ(batch.magic(), 2);
  EXPECT_EQ(batch.crc(), 0x716a6189u);
  EXPECT_EQ(batch.base_timestamp(), Timestamp{1000});
  EXPECT_EQ(batch.max_timestamp(), Timestamp{1000});
  EXPECT_EQ(batch.producer_id(), -1);
  EXPECT_EQ(batch.producer_epoch(), -1);
  EXPECT_EQ(batch.base_sequence(), -1);
  EXPECT_EQ(batch.last_sequence(), -1);
  EXPECT_EQ(batch.record_count(), 1);
  EXPECT_EQ(batch.records().size(), 9u);
  EXPECT_FALSE(batch.is_control() || batch.is_transactional() || batch.has_log_append_time() ||
               batch.has_delete_horizon());
}

TEST(RecordBatchView, Log194_TwoRecords) {
  const auto bytes = FromHex(kTwoRecords);
  const RecordBatchView batch(bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.base_offset(), Offset{7});
  EXPECT_EQ(batch.last_offset(), Offset{8});
  EXPECT_EQ(batch.partition_leader_epoch(), LeaderEpoch{3});
  EXPECT_EQ(batch.max_timestamp(), Timestamp{1005});
}

TEST(RecordBatchView, Log195_CommitMarker) {
  const auto bytes = FromHex(kCommitMarker);
  ASSERT_EQ(bytes.size(), 78u);
  const RecordBatchView batch(bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_TRUE(batch.is_control() && batch.is_transactional());
  EXPECT_EQ(batch.producer_id(), 42);
  EXPECT_EQ(batch.producer_epoch(), 1);
  EXPECT_EQ(batch.base_sequence(), -1);
}

TEST(RecordBatchView, Log196_EmptyRetainedBatch) {
  const auto bytes = FromHex(kEmptyRetained);
  ASSERT_EQ(bytes.size(), kBatchHeaderBytes);
  const RecordBatchView batch(bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.last_offset(), Offset{54});
  EXPECT_EQ(batch.record_count(), 0);
  EXPECT_EQ(batch.last_sequence(), 14);
  EXPECT_TRUE(batch.records().empty());
}

TEST(RecordBatchView, Log02_EveryBitUnderTheCrcCounts) {
  const auto good = FromHex(kTwoRecords);
  for (size_t i = 0; i < good.size(); ++i) {
    auto bytes = good;
    bytes[i] ^= std::byte{0x10};
    const bool outside = i < 17;  // base offset, length, epoch, magic: LOG-03
    EXPECT_EQ(RecordBatchView(bytes).CrcValid(), outside) << "byte " << i;
  }
}

TEST(RecordBatchView, Log03_StampsNeedNoNewCrc) {
  auto bytes = FromHex(kTwoRecords);
  StampBaseOffset(bytes, Offset{1234567890123});
  StampLeaderEpoch(bytes, LeaderEpoch{77});
  const RecordBatchView batch(bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.base_offset(), Offset{1234567890123});
  EXPECT_EQ(batch.last_offset(), Offset{1234567890124});
  EXPECT_EQ(batch.partition_leader_epoch(), LeaderEpoch{77});
}

TEST(RecordBatchView, Log06_Log188_SequencesWrapToZero) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(AdvanceSequence(0, 0), 0);
  EXPECT_EQ(AdvanceSequence(kMax - 1, 1), kMax);
  EXPECT_EQ(AdvanceSequence(kMax, 1), 0);
  EXPECT_EQ(AdvanceSequence(kMax, kMax), kMax - 1);
  EXPECT_EQ(AdvanceSequence(-1, 5), -1);
}

TEST(RecordBatchView, Log07_AttributeBits) {
  auto bytes = FromHex(kOneRecord);
  const auto with = [&bytes](int16_t attributes) {
    WriteBigEndian(bytes, 21, attributes);
    return RecordBatchView(bytes);
  };
  for (int8_t code = 0; code < 8; ++code) EXPECT_EQ(with(code).compression_code(), code);
  EXPECT_TRUE(with(0x08).has_log_append_time());
  EXPECT_TRUE(with(0x10).is_transactional());
  EXPECT_TRUE(with(0x20).is_control());
  EXPECT_TRUE(with(0x40).has_delete_horizon());
  const RecordBatchView high_bits = with(static_cast<int16_t>(0xff80));
  EXPECT_EQ(high_bits.compression_code(), 0);
  EXPECT_FALSE(high_bits.has_log_append_time() || high_bits.is_transactional() || high_bits.is_control() ||
               high_bits.has_delete_horizon());
}

TEST(BatchWalker, Log30_StepsOverWholeBatches) {
  const auto bytes = Concat({kOneRecord, kTwoRecords, kEmptyRetained, kCommitMarker});
  BatchWalker walker(bytes, FilePosition{1000});
  std::vector<int64_t> bases;
  std::vector<uint64_t> positions;
  while (walker.Next()) {
    bases.push_back(walker.batch().base_offset().value);
    positions.push_back(walker.position().value);
    EXPECT_TRUE(walker.batch().CrcValid());
  }
  EXPECT_TRUE(walker.status().ok());
  EXPECT_THAT(bases, ::testing::ElementsAre(0, 7, 50, 100));
  EXPECT_THAT(positions, ::testing::ElementsAre(1000, 1070, 1148, 1209));
  EXPECT_EQ(walker.valid_bytes(), bytes.size());
  EXPECT_FALSE(walker.Next()) << "the end stays the end";
}

TEST(BatchWalker, Log30_Bad06_ACutLastBatchIsTheEndAtEveryByte) {
  const auto whole = Concat({kOneRecord, kTwoRecords});
  for (size_t size = 0; size < whole.size(); ++size) {
    BatchWalker walker(ByteSpan(whole).first(size));
    uint64_t seen = 0;
    while (walker.Next()) ++seen;
    EXPECT_TRUE(walker.status().ok()) << size << ": " << walker.status();
    EXPECT_EQ(seen, size < 70 ? 0u : 1u) << size;
    EXPECT_EQ(walker.valid_bytes(), size < 70 ? 0u : 70u) << size;
  }
}

struct BadFrame {
  const char* name;
  size_t at;
  const char* hex;
  absl::StatusCode code;
  const char* message;
};

class BadFrameTest : public ::testing::TestWithParam<BadFrame> {};

// The second batch is bad: the first is still handed out, and the message names the byte where the second starts.
TEST_P(BadFrameTest, Log30_Log31_IsReportedWhereItStarts) {
  auto bytes = Concat({kOneRecord, kTwoRecords});
  const auto patch = FromHex(GetParam().hex);
  std::copy(patch.begin(), patch.end(), bytes.begin() + 70 + static_cast<std::ptrdiff_t>(GetParam().at));
  BatchWalker walker(bytes, FilePosition{5000});
  EXPECT_TRUE(walker.Next());
  EXPECT_FALSE(walker.Next());
  EXPECT_EQ(walker.status().code(), GetParam().code) << walker.status();
  EXPECT_THAT(std::string(walker.status().message()), HasSubstr("at byte 5070: "));
  EXPECT_THAT(std::string(walker.status().message()), HasSubstr(GetParam().message));
  EXPECT_EQ(walker.valid_bytes(), 70u);
  EXPECT_FALSE(walker.Next()) << "an error is final";
  EXPECT_EQ(walker.batch().base_offset(), Offset{0}) << "batch() stays the last good one";
}

INSTANTIATE_TEST_SUITE_P(
    All, BadFrameTest,
    ::testing::Values(BadFrame{"zero_tail", 0, "00000000000000000000000000000000000000", absl::StatusCode::kDataLoss,
                               "length 0 below 14"},
                      BadFrame{"length_13", 8, "0000000d", absl::StatusCode::kDataLoss, "length 13 below 14"},
                      BadFrame{"length_negative", 8, "ffffffff", absl::StatusCode::kDataLoss, "length -1 below 14"},
                      BadFrame{"length_most_negative", 8, "80000000", absl::StatusCode::kDataLoss,
                               "length -2147483648"},
                      BadFrame{"length_48", 8, "00000030", absl::StatusCode::kDataLoss, "length 48 below 49"},
                      BadFrame{"magic_0", 16, "00", absl::StatusCode::kUnimplemented, "message format 0"},
                      BadFrame{"magic_1", 16, "01", absl::StatusCode::kUnimplemented, "message format 1"},
                      BadFrame{"magic_3", 16, "03", absl::StatusCode::kDataLoss, "magic 3"},
                      BadFrame{"magic_minus_1", 16, "ff", absl::StatusCode::kDataLoss, "magic -1"},
                      BadFrame{"base_negative", 0, "ffffffffffffffff", absl::StatusCode::kDataLoss, "base offset -1"},
                      BadFrame{"base_overflows", 0, "7fffffffffffffff", absl::StatusCode::kDataLoss,
                               "base offset 9223372036854775807"},
                      BadFrame{"next_overflows", 0, "7ffffffffffffffe", absl::StatusCode::kDataLoss, "base offset"},
                      BadFrame{"delta_negative", 23, "ffffffff", absl::StatusCode::kDataLoss, "last offset delta -1"}),
    [](const auto& test) { return test.param.name; });

TEST(BatchWalker, Log30_AHugeLengthIsACutBatchAndReadsNothingBeyond) {
  auto bytes = Concat({kOneRecord});
  WriteBigEndian<int32_t>(bytes, 8, std::numeric_limits<int32_t>::max());
  BatchWalker walker(bytes);
  EXPECT_FALSE(walker.Next());
  EXPECT_TRUE(walker.status().ok());
  EXPECT_EQ(walker.valid_bytes(), 0u);
}

TEST(BatchWalker, Log06_TheHighestLegalOffsetIsAccepted) {
  auto bytes = FromHex(kTwoRecords);
  StampBaseOffset(bytes, Offset{std::numeric_limits<int64_t>::max() - 2});
  BatchWalker walker(bytes);
  ASSERT_TRUE(walker.Next()) << walker.status();
  EXPECT_EQ(walker.batch().next_offset(), Offset{std::numeric_limits<int64_t>::max()});
}

TEST(BatchWalker, Log148_GapsAndOverlapsAreNotItsBusiness) {
  const auto bytes = Concat({kCommitMarker, kOneRecord, kEmptyRetained});
  BatchWalker walker(bytes);
  int seen = 0;
  while (walker.Next()) ++seen;
  EXPECT_EQ(seen, 3);
  EXPECT_TRUE(walker.status().ok());
}

}  // namespace
}  // namespace slipstream
