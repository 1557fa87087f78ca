#include "log/record.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "log/control_record.h"
#include "tests/support/hex.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

// A batch header (base offset 100, base timestamp 1000, 9 = last offset delta) with these records behind it.
std::vector<std::byte> Batch(int32_t count, absl::string_view records_hex) {
  auto batch = FromHex(
      "0000000000000064 00000000 00000000 02 00000000 0000 00000009 00000000000003e8 00000000000007d0 ffffffffffffffff "
      "ffff "
      "ffffffff 00000000");
  WriteBigEndian(batch, 57, count);
  const auto records = FromHex(records_hex);
  batch.insert(batch.end(), records.begin(), records.end());
  WriteBigEndian(batch, 8, static_cast<int32_t>(batch.size() - kBatchOverheadBytes));
  return batch;
}

absl::Status WalkStatus(int32_t count, absl::string_view records_hex) {
  const auto bytes = Batch(count, records_hex);
  const RecordBatchView batch(bytes);
  RecordCursor cursor(batch);
  while (cursor.Next()) {
  }
  return cursor.status();
}

TEST(RecordCursor, Log10_Log14_ReadsEveryField) {
  // keys: null and "kk"; values: "a" and null; headers of the second: ("h", "x"), ("", null)
  auto bytes = Batch(2, "0e 00 00 00 01 02 61 00  1c 00 0a 04 04 6b6b 01 04 02 68 02 78 00 01");
  WriteBigEndian<int64_t>(bytes, 43, 5);
  WriteBigEndian<int32_t>(bytes, 53, std::numeric_limits<int32_t>::max() - 1);
  const RecordBatchView batch(bytes);
  RecordCursor cursor(batch);

  ASSERT_TRUE(cursor.Next()) << cursor.status();
  EXPECT_EQ(cursor.record().offset, Offset{100});
  EXPECT_EQ(cursor.record().timestamp, Timestamp{1000});
  EXPECT_EQ(cursor.record().sequence, std::numeric_limits<int32_t>::max() - 1);
  EXPECT_FALSE(cursor.record().key.has_value());
  EXPECT_EQ(AsText(*cursor.record().value), "a");
  EXPECT_EQ(cursor.record().headers.remaining(), 0);

  ASSERT_TRUE(cursor.Next()) << cursor.status();
  EXPECT_EQ(cursor.record().offset, Offset{102}) << "a gap inside a batch is legal (LOG-148)";
  EXPECT_EQ(cursor.record().timestamp, Timestamp{1005});
  EXPECT_EQ(cursor.record().sequence, 0) << "sequences wrap (LOG-06)";
  EXPECT_EQ(AsText(*cursor.record().key), "kk");
  EXPECT_FALSE(cursor.record().value.has_value());
  RecordHeaders headers = cursor.record().headers;
  ASSERT_EQ(headers.remaining(), 2);
  const auto first = headers.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->key, "h");
  EXPECT_EQ(AsText(*first->value), "x");
  const auto second = headers.Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->key, "");
  EXPECT_FALSE(second->value.has_value());
  EXPECT_FALSE(headers.Next().has_value());

  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
}

TEST(RecordCursor, KeysAndValuesAreViewsIntoTheBatch) {
  const auto bytes = Batch(1, "0e 00 00 00 01 02 61 00");
  const RecordBatchView batch(bytes);
  RecordCursor cursor(batch);
  ASSERT_TRUE(cursor.Next());
  EXPECT_GE(cursor.record().value->data(), bytes.data());
  EXPECT_LT(cursor.record().value->data(), bytes.data() + bytes.size());
}

TEST(RecordCursor, Log08_LogAppendTimeOverridesTheDeltas) {
  auto bytes = Batch(1, "0e 00 0a 00 01 02 61 00");
  WriteBigEndian<int16_t>(bytes, 21, 0x08);
  RecordCursor cursor{RecordBatchView(bytes)};
  ASSERT_TRUE(cursor.Next()) << cursor.status();
  EXPECT_EQ(cursor.record().timestamp, Timestamp{2000});
}

TEST(RecordCursor, Log08_DeltasToADeleteHorizonMayBeNegative) {
  auto bytes = Batch(1, "0e 00 09 00 01 02 61 00");
  WriteBigEndian<int16_t>(bytes, 21, 0x40);
  RecordCursor cursor{RecordBatchView(bytes)};
  ASSERT_TRUE(cursor.Next()) << cursor.status();
  EXPECT_EQ(cursor.record().timestamp, Timestamp{995});
}

TEST(RecordCursor, Log08_AForgedTimestampWrapsInsteadOfOverflowing) {
  auto bytes = Batch(1, "20 00 feffffffffffffffff01 00 01 02 61 00");
  RecordCursor cursor{RecordBatchView(bytes)};
  ASSERT_TRUE(cursor.Next()) << cursor.status();
  EXPECT_LT(cursor.record().timestamp, Timestamp{0});
}

TEST(RecordCursor, Log13_Log149_NoRecordsIsLegal) { EXPECT_TRUE(WalkStatus(0, "").ok()); }

struct BadRecords {
  const char* name;
  int32_t count;
  const char* hex;
  const char* message;
};

class BadRecordsTest : public ::testing::TestWithParam<BadRecords> {};

TEST_P(BadRecordsTest, Log12_Log13_IsDataLoss) {
  const absl::Status status = WalkStatus(GetParam().count, GetParam().hex);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("of the batch with base offset 100"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRecordsTest,
    ::testing::Values(
        BadRecords{"count_negative", -1, "", "record count -1"},
        BadRecords{"count_too_high", 2, "0e 00 00 00 01 02 61 00", "its length is cut"},
        BadRecords{"count_huge", 2147483647, "0e 00 00 00 01 02 61 00", "record 1 "},
        BadRecords{"count_too_low", 1, "0e 00 00 00 01 02 61 00 0e 00 00 02 01 02 61 00",
                   "8 bytes follow the last record"},
        BadRecords{"count_zero_with_bytes", 0, "00", "1 bytes follow the last record"},
        BadRecords{"length_past_end", 1, "10 00 00 00 01 02 61 00", "length 8 with 7 bytes left"},
        BadRecords{"length_negative", 1, "01 00", "length -1"},
        BadRecords{"length_endless", 1, "ffffffffffff", "too long"},
        BadRecords{"length_zero", 1, "00", "a field runs past"},
        BadRecords{"length_too_small", 1, "0c 00 00 00 01 02 61 00", "runs past"},
        BadRecords{"length_too_big", 1, "10 00 00 00 01 02 61 00 00", "1 bytes follow its headers"},
        BadRecords{"key_past_end", 1, "0e 00 00 00 7e 02 61 00", "a field runs past"},
        BadRecords{"key_below_null", 1, "0e 00 00 00 03 02 61 00", "a field runs past"},
        BadRecords{"value_past_end", 1, "0e 00 00 00 01 7e 61 00", "a field runs past"},
        BadRecords{"header_count_negative", 1, "0e 00 00 00 01 02 61 01", "header count -1"},
        BadRecords{"header_count_too_high", 1, "0e 00 00 00 01 02 61 02", "header count 1 with 0 bytes"},
        BadRecords{"header_count_huge", 1, "16 00 00 00 01 02 61 feffffff0f", "header count 2147483647"},
        BadRecords{"header_key_null", 1, "12 00 00 00 01 02 61 02 01 01", "no key"},
        BadRecords{"header_key_past_end", 1, "12 00 00 00 01 02 61 02 7e 01", "a header runs past"},
        BadRecords{"header_value_past_end", 1, "12 00 00 00 01 02 61 02 00 7e", "a header runs past"},
        BadRecords{"delta_negative", 1, "0e 00 00 01 01 02 61 00", "offset delta -1"},
        BadRecords{"delta_beyond_last", 1, "0e 00 00 14 01 02 61 00", "offset delta 10 after -1, last of the batch 9"},
        BadRecords{"delta_repeats", 2, "0e 00 00 02 01 02 61 00 0e 00 00 02 01 02 61 00", "offset delta 1 after 1"}),
    [](const auto& test) { return test.param.name; });

TEST(RecordCursor, Log12_CutAtEveryByteIsAnErrorNeverACrash) {
  const auto records = FromHex("0e 00 00 00 01 02 61 00  1c 00 0a 04 04 6b6b 01 04 02 68 02 78 00 01");
  for (size_t size = 0; size < records.size(); ++size) {
    const auto bytes = Batch(2, ToHex(ByteSpan(records).first(size)));
    RecordCursor cursor{RecordBatchView(bytes)};
    int seen = 0;
    while (cursor.Next()) ++seen;
    EXPECT_EQ(seen, size < 8 ? 0 : 1) << size;
    EXPECT_TRUE(absl::IsDataLoss(cursor.status())) << size;
  }
}

TEST(ControlRecord, Log15_Keys) {
  for (int16_t type = 0; type <= 6; ++type) {
    const auto key = FromHex(absl::StrCat("0000000", type));
    EXPECT_EQ(*ParseControlType(key), static_cast<ControlType>(type));
  }
  EXPECT_EQ(*ParseControlType(FromHex("00000007")), ControlType::kUnknown);
  EXPECT_EQ(*ParseControlType(FromHex("0000ffff")), ControlType::kUnknown);
  EXPECT_EQ(*ParseControlType(FromHex("00070001ffff")), ControlType::kCommit) << "a newer version is read as version 0";
  EXPECT_TRUE(absl::IsDataLoss(ParseControlType(FromHex("000000")).status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseControlType(FromHex("ffff0001")).status()));
  EXPECT_EQ(ControlTypeName(ControlType::kAbort), "ABORT");
  EXPECT_EQ(ControlTypeName(ControlType::kKraftVoters), "KRAFT_VOTERS");
  EXPECT_EQ(ControlTypeName(ControlType::kUnknown), "UNKNOWN");
}

TEST(ControlRecord, Log16_EndMarkerValues) {
  EXPECT_EQ(*ParseCoordinatorEpoch(FromHex("000000000009")), 9);
  EXPECT_EQ(*ParseCoordinatorEpoch(FromHex("000300000009ffff")), 9);
  EXPECT_TRUE(absl::IsDataLoss(ParseCoordinatorEpoch(FromHex("0000000009")).status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseCoordinatorEpoch(FromHex("ffff00000009")).status()));
}

}  // namespace
}  // namespace slipstream
