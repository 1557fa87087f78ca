#include "log/record_batch_writer.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "log/compression.h"
#include "tests/support/hex.h"

namespace slipstream {
namespace {

NewRecord Plain(int64_t timestamp, std::optional<absl::string_view> key, std::optional<absl::string_view> value) {
  NewRecord record{.timestamp = {timestamp}};
  if (key) record.key = AsBytes(*key);
  if (value) record.value = AsBytes(*value);
  return record;
}

std::string Hex(absl::string_view digits) { return absl::StrReplaceAll(digits, {{" ", ""}}); }

TEST(RecordBatchWriter, Log193_OneRecordByteForByte) {
  RecordBatchWriter writer({});
  writer.Append(Plain(1000, "k", "v"));
  EXPECT_EQ(ToHex(*std::move(writer).Finish()), Hex("0000000000000000 0000003a 00000000 02 716a6189 0000 00000000 "
                                                    "00000000000003e8 00000000000003e8 ffffffffffffffff ffff "
                                                    "ffffffff 00000001 10 00 00 00 02 6b 02 76 00"));
}

TEST(RecordBatchWriter, Log194_NullsByteForByte) {
  RecordBatchWriter writer({.base_offset = {7}, .partition_leader_epoch = {3}});
  writer.Append(Plain(1000, std::nullopt, "a"));
  writer.Append(Plain(1005, "kk", std::nullopt));
  EXPECT_EQ(ToHex(*std::move(writer).Finish()),
            Hex("0000000000000007 00000042 00000003 02 ae827a4d 0000 00000001 00000000000003e8 00000000000003ed "
                "ffffffffffffffff ffff "
                "ffffffff 00000002 0e 00 00 00 01 02 61 00 10 00 0a 02 04 6b6b 01 00"));
}

TEST(RecordBatchWriter, Log17_Log195_CommitMarkerByteForByte) {
  const BatchOptions options{
      .base_offset = {100}, .partition_leader_epoch = {5}, .producer_id = 42, .producer_epoch = 1};
  EXPECT_EQ(ToHex(BuildEndTransactionMarker(options, ControlType::kCommit, 9, {2000})),
            Hex("0000000000000064 00000042 00000005 02 d3f07462 0030 00000000 00000000000007d0 00000000000007d0 "
                "000000000000002a 0001 "
                "ffffffff 00000001 20 00 00 00 08 00000001 0c 0000 00000009 00"));
  const auto abort = BuildEndTransactionMarker(options, ControlType::kAbort, 9, {2000});
  EXPECT_EQ(abort.size(), 78u);
  EXPECT_TRUE(RecordBatchView(abort).CrcValid());
}

TEST(RecordBatchWriter, Log149_ABatchThatLostItsRecordsIsAHeader) {
  RecordBatchWriter writer({.base_offset = {50}, .producer_id = 42, .producer_epoch = 1, .base_sequence = 10});
  writer.SkipTo(5);
  const auto bytes = std::move(writer).Finish();
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->size(), kBatchHeaderBytes);
  const RecordBatchView batch(*bytes);
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.last_offset(), Offset{54});
  EXPECT_EQ(batch.record_count(), 0);
  EXPECT_EQ(batch.last_sequence(), 14);
}

TEST(RecordBatchWriter, Log148_GapsBetweenAndAfterRecords) {
  RecordBatchWriter writer({.base_offset = {10}});
  writer.AppendAt(2, Plain(1, "a", "1"));
  writer.AppendAt(5, Plain(2, "b", "2"));
  writer.SkipTo(9);
  const auto bytes = std::move(writer).Finish();
  ASSERT_TRUE(bytes.ok());
  const RecordBatchView batch(*bytes);
  EXPECT_EQ(batch.last_offset(), Offset{18});
  RecordCursor cursor(batch);
  ASSERT_TRUE(cursor.Next());
  EXPECT_EQ(cursor.record().offset, Offset{12});
  ASSERT_TRUE(cursor.Next());
  EXPECT_EQ(cursor.record().offset, Offset{15});
  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(cursor.status().ok());
}

TEST(RecordBatchWriter, Log08_TimestampsOfAllKinds) {
  RecordBatchWriter create({});
  create.Append(Plain(5000, "a", "1"));
  create.Append(Plain(4000, "b", "2"));  // a delta below zero
  const auto created = *std::move(create).Finish();
  EXPECT_EQ(RecordBatchView(created).base_timestamp(), Timestamp{5000});
  EXPECT_EQ(RecordBatchView(created).max_timestamp(), Timestamp{5000});
  RecordCursor cursor{RecordBatchView(created)};
  ASSERT_TRUE(cursor.Next() && cursor.Next());
  EXPECT_EQ(cursor.record().timestamp, Timestamp{4000});

  RecordBatchWriter append({.log_append_time = Timestamp{9000}});
  append.Append(Plain(5000, "a", "1"));
  const auto appended = *std::move(append).Finish();
  EXPECT_TRUE(RecordBatchView(appended).has_log_append_time());
  EXPECT_EQ(RecordBatchView(appended).max_timestamp(), Timestamp{9000});

  RecordBatchWriter horizon({.delete_horizon = Timestamp{7000}});
  horizon.Append(Plain(5000, "a", std::nullopt));
  const auto kept = *std::move(horizon).Finish();
  EXPECT_TRUE(RecordBatchView(kept).has_delete_horizon());
  EXPECT_EQ(RecordBatchView(kept).base_timestamp(), Timestamp{7000});
  RecordCursor kept_cursor{RecordBatchView(kept)};
  ASSERT_TRUE(kept_cursor.Next());
  EXPECT_EQ(kept_cursor.record().timestamp, Timestamp{5000});
}

TEST(RecordBatchWriter, Log09_OptionsThatContradictEachOtherAreRefused) {
  for (const BatchOptions& options :
       {BatchOptions{.is_transactional = true}, BatchOptions{.producer_id = 1, .base_sequence = 0},
        BatchOptions{.producer_id = 1, .producer_epoch = 0}}) {
    RecordBatchWriter writer(options);
    writer.Append(Plain(1, "k", "v"));
    EXPECT_TRUE(absl::IsInvalidArgument(std::move(writer).Finish().status()));
  }
}

class WriterCompressionTest : public ::testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(All, WriterCompressionTest,
                         ::testing::Values(Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                           Compression::kLz4, Compression::kZstd),
                         [](const auto& test) { return std::string(CompressionName(test.param)); });

// What went in comes out: random records, sizes across every varint width, with and without headers.
TEST_P(WriterCompressionTest, Log10_RandomRecordsRoundTrip) {
  std::mt19937 random(11);
  std::vector<std::string> texts;
  for (const size_t size : {0, 1, 63, 64, 200, 8191, 8192, 70000})
    texts.emplace_back(size, static_cast<char>('a' + size % 26));
  RecordBatchWriter writer(
      {.base_offset = {1000}, .compression = GetParam(), .producer_id = 3, .producer_epoch = 0, .base_sequence = 0});
  std::vector<NewRecord> sent;
  std::vector<std::vector<RecordHeader>> headers(200);
  for (auto& list : headers) {
    for (uint32_t i = random() % 4; i > 0; --i) {
      const std::string& text = texts[random() % 6];
      list.push_back({text, random() % 3 == 0 ? std::nullopt : std::optional<ByteSpan>(AsBytes(text))});
    }
    const auto pick = [&]() -> std::optional<ByteSpan> {
      if (random() % 4 == 0) return std::nullopt;
      return AsBytes(texts[random() % texts.size()]);
    };
    sent.push_back({.timestamp = {static_cast<int64_t>(random())}, .key = pick(), .value = pick(), .headers = list});
    writer.Append(sent.back());
  }
  EXPECT_EQ(writer.record_count(), 200);
  const auto bytes = std::move(writer).Finish();
  ASSERT_TRUE(bytes.ok()) << bytes.status();

  BatchWalker walker(*bytes);
  ASSERT_TRUE(walker.Next()) << walker.status();
  EXPECT_EQ(walker.valid_bytes(), bytes->size());
  const RecordBatchView batch = walker.batch();
  EXPECT_TRUE(batch.CrcValid());
  EXPECT_EQ(batch.compression_code(), static_cast<int8_t>(GetParam()));
  std::vector<std::byte> storage;
  const auto plain = PlainRecords(batch, 64 << 20, storage);
  ASSERT_TRUE(plain.ok()) << plain.status();
  RecordCursor cursor(batch, *plain);
  for (size_t i = 0; i < sent.size(); ++i) {
    ASSERT_TRUE(cursor.Next()) << i << ": " << cursor.status();
    const Record& record = cursor.record();
    EXPECT_EQ(record.offset, Offset{1000} + static_cast<int64_t>(i));
    EXPECT_EQ(record.timestamp, sent[i].timestamp);
    EXPECT_EQ(record.sequence, static_cast<int32_t>(i));
    const auto same = [](std::optional<ByteSpan> left, std::optional<ByteSpan> right) {
      return left.has_value() == right.has_value() && (!left || AsText(*left) == AsText(*right));
    };
    EXPECT_TRUE(same(record.key, sent[i].key)) << i;
    EXPECT_TRUE(same(record.value, sent[i].value)) << i;
    RecordHeaders read = record.headers;
    ASSERT_EQ(read.remaining(), static_cast<int32_t>(headers[i].size()));
    for (const RecordHeader& header : headers[i]) {
      const auto next = read.Next();
      ASSERT_TRUE(next.has_value());
      EXPECT_EQ(next->key, header.key);
      EXPECT_TRUE(same(next->value, header.value));
    }
  }
  EXPECT_FALSE(cursor.Next());
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
}

}  // namespace
}  // namespace slipstream
