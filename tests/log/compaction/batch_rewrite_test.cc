#include "log/compaction/batch_rewrite.h"

#include <gmock/gmock.h>

#include <string>

#include "log/compression.h"
#include "log/record.h"
#include "log/record_batch_writer.h"
#include "tests/support/batches.h"
#include "tests/support/hex.h"

namespace slipstream {
namespace {

constexpr size_t kPlainMax = 1 << 20;

// Keys "a" to "e" at 1000, 1010 .. 1040; values of 30 bytes, a header each.
std::vector<std::byte> FiveRecords(BatchOptions options) {
  options.base_offset = Offset{100};
  options.partition_leader_epoch = LeaderEpoch{7};
  RecordBatchWriter writer(options);
  const RecordHeader header{"h", AsBytes("x")};
  for (int i = 0; i < 5; ++i) {
    const std::string key(1, static_cast<char>('a' + i)), value(30, 'v');
    writer.Append({.timestamp = Timestamp{1000 + 10 * i},
                   .key = AsBytes(key),
                   .value = AsBytes(value),
                   .headers = std::span(&header, 1)});
  }
  return *std::move(writer).Finish();
}

std::vector<KeptRecord> Kept(const RecordBatchView& batch, absl::string_view keys, std::vector<std::byte>& storage) {
  std::vector<KeptRecord> kept;
  RecordCursor records(batch, *PlainRecords(batch, kPlainMax, storage));
  while (records.Next()) {
    if (keys.find(AsText(*records.record().key)) != absl::string_view::npos)
      kept.push_back({records.bytes(), records.record().timestamp});
  }
  return kept;
}

// "key@offset:timestamp" of each record.
std::vector<std::string> Describe(const RecordBatchView& batch) {
  std::vector<std::byte> storage;
  std::vector<std::string> lines;
  RecordCursor records(batch, *PlainRecords(batch, kPlainMax, storage));
  while (records.Next()) {
    const Record& record = records.record();
    EXPECT_EQ(record.value->size(), 30u);
    EXPECT_EQ(record.headers.remaining(), 1);
    lines.push_back(std::string(AsText(*record.key)) + "@" + std::to_string(record.offset.value) + ":" +
                    std::to_string(record.timestamp.value));
  }
  EXPECT_TRUE(records.status().ok()) << records.status();
  return lines;
}

class RewriteCodecs : public testing::TestWithParam<Compression> {};

TEST_P(RewriteCodecs, Log149_KeepsOffsetsSequencesEpochsAndCodec) {
  const std::vector<std::byte> bytes =
      FiveRecords({.compression = GetParam(), .producer_id = 9, .producer_epoch = 3, .base_sequence = 50});
  const RecordBatchView before(bytes);
  std::vector<std::byte> storage, out;
  RewriteBatch(before, Kept(before, "bd", storage), std::nullopt, out);
  const RecordBatchView after(out);
  EXPECT_TRUE(after.CrcValid());
  EXPECT_EQ(ReadBigEndian<int32_t>(out, 8), static_cast<int32_t>(out.size() - kBatchOverheadBytes));
  EXPECT_EQ(after.record_count(), 2);
  EXPECT_EQ(after.max_timestamp(), Timestamp{1030}) << "of what is left";
  EXPECT_THAT(Describe(after), testing::ElementsAre("b@101:1010", "d@103:1030"));
  EXPECT_EQ(after.base_offset(), before.base_offset());
  EXPECT_EQ(after.last_offset(), before.last_offset());
  EXPECT_EQ(after.partition_leader_epoch(), before.partition_leader_epoch());
  EXPECT_EQ(after.attributes(), before.attributes());
  EXPECT_EQ(after.base_timestamp(), before.base_timestamp());
  EXPECT_EQ(after.producer_id(), 9);
  EXPECT_EQ(after.producer_epoch(), 3);
  EXPECT_EQ(after.base_sequence(), 50);
}

TEST_P(RewriteCodecs, Log04_Log158_ADeleteHorizonMovesNoTimestamp) {
  const std::vector<std::byte> bytes = FiveRecords({.compression = GetParam()});
  const RecordBatchView before(bytes);
  for (const int64_t horizon : {int64_t{0}, int64_t{1010}, int64_t{1'700'000'000'000}}) {
    std::vector<std::byte> storage, out;
    RewriteBatch(before, Kept(before, "ace", storage), Timestamp{horizon}, out);
    const RecordBatchView after(out);
    EXPECT_TRUE(after.CrcValid());
    EXPECT_TRUE(after.has_delete_horizon());
    EXPECT_EQ(after.base_timestamp(), Timestamp{horizon});
    EXPECT_EQ(after.max_timestamp(), Timestamp{1040});
    EXPECT_EQ(after.compression_code(), before.compression_code());
    EXPECT_THAT(Describe(after), testing::ElementsAre("a@100:1000", "c@102:1020", "e@104:1040"));
    // Again without one: it stays.
    std::vector<std::byte> storage_again, again;
    RewriteBatch(after, Kept(after, "c", storage_again), std::nullopt, again);
    EXPECT_TRUE(RecordBatchView(again).CrcValid());
    EXPECT_EQ(RecordBatchView(again).base_timestamp(), Timestamp{horizon});
    EXPECT_THAT(Describe(RecordBatchView(again)), testing::ElementsAre("c@102:1020"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, RewriteCodecs,
                         testing::Values(Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                         Compression::kLz4, Compression::kZstd),
                         [](const auto& test) { return std::string(CompressionName(test.param)); });

TEST(RewriteBatch, Log149_LogAppendTimeStays) {
  const std::vector<std::byte> bytes = FiveRecords({.log_append_time = Timestamp{5000}});
  const RecordBatchView before(bytes);
  std::vector<std::byte> storage, out;
  RewriteBatch(before, Kept(before, "a", storage), std::nullopt, out);
  EXPECT_EQ(RecordBatchView(out).max_timestamp(), Timestamp{5000});
  EXPECT_THAT(Describe(RecordBatchView(out)), testing::ElementsAre("a@100:5000"));
}

TEST(RewriteBatch, Log05_UnknownAttributeBitsStay) {
  std::vector<std::byte> bytes = FiveRecords({});
  WriteBigEndian<int16_t>(bytes, 21, 0x4000);
  SealBatch(bytes);
  std::vector<std::byte> storage, out;
  RewriteBatch(RecordBatchView(bytes), Kept(RecordBatchView(bytes), "a", storage), Timestamp{9000}, out);
  EXPECT_EQ(RecordBatchView(out).attributes(), 0x4040);
}

TEST(EmptyBatch, Log149_Log196_IsABareHeader) {
  BatchOptions options{.base_offset = Offset{50},
                       .partition_leader_epoch = LeaderEpoch{2},
                       .compression = Compression::kZstd,
                       .delete_horizon = Timestamp{77},
                       .producer_id = 42,
                       .producer_epoch = 1,
                       .base_sequence = 10};
  RecordBatchWriter writer(options);
  for (int i = 0; i < 5; ++i) writer.Append({.timestamp = Timestamp{3000}});
  const std::vector<std::byte> bytes = *std::move(writer).Finish();
  std::vector<std::byte> out;
  EmptyBatch(RecordBatchView(bytes), out);
  EXPECT_EQ(ToHex(out),
            "0000000000000032000000310000000202f8229c85000000000004ffffffffffffffff0000000000000bb8"
            "000000000000002a00010000000a00000000");
}

TEST(EmptyBatch, Log149_KeepsTransactionControlAndTimestampType) {
  const std::vector<std::byte> bytes =
      MakeBatch({.producer_id = 1, .producer_epoch = 0, .control_type = 1, .extra_attributes = 0x48});
  std::vector<std::byte> out;
  EmptyBatch(RecordBatchView(bytes), out);
  EXPECT_EQ(RecordBatchView(out).attributes(), 0x38);
  EXPECT_EQ(out.size(), kBatchHeaderBytes);
}

}  // namespace
}  // namespace slipstream
