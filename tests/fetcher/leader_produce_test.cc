#include "fetcher/leader/produce_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <set>

#include "fetcher/leader/produce_checks.h"
#include "fetcher/leader/producer_ids.h"
#include "fetcher/leader/producer_table.h"
#include "log/compression.h"
#include "log/record_batch_writer.h"
#include "session/wire/messages/init_producer_id.h"
#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

constexpr int16_t kVersion = 12;
constexpr int32_t kBatchBytesMax = 1'048'588;

// One partition's records, as a produce request carries them; `batch` outlives it.
ProduceRequest Request(const HostedTopic& topic, ByteSpan batch, int16_t acks = -1, int32_t partition = 0) {
  ProduceRequest request;
  request.acks = acks;
  request.topic_data.push_back({.name = topic.name,
                                .topic_id = topic.id,
                                .partition_data = {{.index = partition, .records = {.bytes = batch}}}});
  return request;
}

class LeaderProduceTest : public LeaderTest {
 protected:
  PartitionProduceResponse Produce(const HostedTopic& topic, const std::vector<std::byte>& batch,
                                   int16_t version = kVersion) {
    const std::optional<ProduceResponse> response = Call(Request(topic, batch), version);
    SLIP_CHECK(response && response->responses.size() == 1);
    return response->responses[0].partition_responses.at(0);
  }
  // The whole log, in memory.
  std::vector<std::byte> Stored(HostedPartition& partition) {
    const absl::StatusOr<LogSlice> slice = partition.log.Read({0}, partition.log.log_end_offset(), 1 << 30);
    SLIP_CHECK(slice.ok());
    std::vector<std::byte> bytes(slice->bytes);
    SLIP_CHECK_EQ(slice->file->ReadAt(bytes, slice->position).value_or(0), bytes.size());
    return bytes;
  }
};

TEST_F(LeaderProduceTest, AppendsInEveryVersionAndCommitsAtOnce) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  ASSERT_TRUE(partition.Elect({7}).ok());
  int64_t expected = 0;
  for (int16_t version = ProduceRequest::kVersionMin; version <= ProduceRequest::kVersionMax; ++version) {
    SCOPED_TRACE(version);
    const PartitionProduceResponse answer = Produce(topic, MakeBatch({.record_count = 2}), version);
    EXPECT_EQ(answer.error_code, KafkaError::kNone);
    EXPECT_EQ(answer.base_offset, Offset{expected});
    EXPECT_EQ(answer.log_append_time_ms, Timestamp{-1});
    expected += 2;
    EXPECT_EQ(partition.log.high_watermark(), Offset{expected});
  }
  const std::vector<std::byte> stored = Stored(partition);
  BatchWalker walker(stored);
  for (int64_t base = 0; walker.Next(); base += 2) {
    EXPECT_EQ(walker.batch().base_offset(), Offset{base});
    EXPECT_EQ(walker.batch().partition_leader_epoch(), LeaderEpoch{7});
    EXPECT_TRUE(walker.batch().CrcValid());
  }
}

TEST_F(LeaderProduceTest, AcksZeroIsNotAnswered) {
  HostedTopic& topic = Create("t");
  const std::vector<std::byte> batch = MakeBatch({});
  EXPECT_FALSE(Call(Request(topic, batch, 0), kVersion).has_value());
  EXPECT_TRUE(refused_.ok());
  EXPECT_EQ(topic.Find(0)->log.log_end_offset(), Offset{1});
  // The only way to tell an error is to close the connection.
  EXPECT_FALSE(Call(Request(topic, batch, 0, 5), kVersion).has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused_)) << refused_;
}

TEST_F(LeaderProduceTest, ErrorsAreToldPerPartition) {
  HostedTopic& topic = Create("t");
  const std::vector<std::byte> good = MakeBatch({}), bad = MakeBatch({.base_offset = 3});
  ProduceRequest request = Request(topic, good, 1);
  request.topic_data[0].partition_data.push_back({.index = 1, .records = {.bytes = good}});
  request.topic_data[0].partition_data.push_back({.index = 0, .records = {.bytes = bad}});
  request.topic_data.push_back(
      {.name = "nowhere", .topic_id = {}, .partition_data = {{.index = 0, .records = {.bytes = good}}}});
  const std::optional<ProduceResponse> response = Call(request, kVersion);
  ASSERT_TRUE(response);
  const auto& answers = response->responses[0].partition_responses;
  EXPECT_EQ(answers[0].error_code, KafkaError::kNone);
  EXPECT_EQ(answers[1].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(answers[2].error_code, KafkaError::kInvalidRecord);
  EXPECT_THAT(answers[2].error_message.value_or(""), HasSubstr("base offset should be 0, it is 3"));
  EXPECT_EQ(response->responses[1].partition_responses[0].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(topic.Find(0)->log.log_end_offset(), Offset{1});
}

// A producer that is told of a storage error tries again for ever.
TEST_F(LeaderProduceTest, Log76_ABatchThatNoSegmentHoldsIsNoStorageError) {
  HostedTopic& topic = Create("t");
  const std::vector<std::byte> batch = MakeBatch({.value_bytes = kSegmentBytes - 65});
  ASSERT_GT(batch.size(), size_t{kSegmentBytes});
  ASSERT_LE(batch.size(), size_t{kBatchBytesMax});
  const PartitionProduceResponse answer = Produce(topic, batch);
  EXPECT_EQ(answer.error_code, KafkaError::kRecordListTooLarge);
  EXPECT_THAT(answer.error_message.value_or(""), HasSubstr("above segment.bytes, 1048576"));
  EXPECT_EQ(Produce(topic, MakeBatch({})).base_offset, Offset{0});
}

TEST_F(LeaderProduceTest, AnUnknownTopicIdIsTold) {
  HostedTopic elsewhere;
  elsewhere.id = {4, 4};
  EXPECT_EQ(Produce(elsewhere, MakeBatch({}), 13).error_code, KafkaError::kUnknownTopicId);
}

TEST_F(LeaderProduceTest, TransactionsAndOddAcksAreRefused) {
  HostedTopic& topic = Create("t");
  const std::vector<std::byte> batch = MakeBatch({});
  ProduceRequest request = Request(topic, batch);
  request.transactional_id = "tx";
  EXPECT_EQ(Call(request, kVersion)->responses[0].partition_responses[0].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(Call(Request(topic, batch, 2), kVersion)->responses[0].partition_responses[0].error_code,
            KafkaError::kInvalidRequiredAcks);
  EXPECT_EQ(topic.Find(0)->log.log_end_offset(), Offset{0});
}

TEST_F(LeaderProduceTest, Log80_ARetriedBatchIsStoredOnce) {
  HostedTopic& topic = Create("t");
  const auto batch = [](int32_t sequence) {
    return MakeBatch({.record_count = 2, .producer_id = 9, .producer_epoch = 0, .base_sequence = sequence});
  };
  EXPECT_EQ(Produce(topic, batch(0)).base_offset, Offset{0});
  EXPECT_EQ(Produce(topic, batch(2)).base_offset, Offset{2});
  const PartitionProduceResponse again = Produce(topic, batch(0));
  EXPECT_EQ(again.error_code, KafkaError::kNone);
  EXPECT_EQ(again.base_offset, Offset{0});
  EXPECT_EQ(Produce(topic, batch(6)).error_code, KafkaError::kOutOfOrderSequenceNumber);
  EXPECT_EQ(topic.Find(0)->log.log_end_offset(), Offset{4});
}

TEST_F(LeaderProduceTest, InitProducerIdGivesEachItsOwn) {
  std::set<int64_t> ids;
  for (int16_t version = InitProducerIdRequest::kVersionMin; version <= InitProducerIdRequest::kVersionMax; ++version) {
    const std::optional<InitProducerIdResponse> response = Call(InitProducerIdRequest{}, version);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error_code, KafkaError::kNone);
    EXPECT_GE(response->producer_id, 0);
    EXPECT_EQ(response->producer_epoch, 0);
    EXPECT_TRUE(ids.insert(response->producer_id).second);
  }
  InitProducerIdRequest transactional;
  transactional.transactional_id = "tx";
  EXPECT_EQ(Call(transactional, 4)->error_code, KafkaError::kInvalidRequest);
}

TEST(ProducerIds, StartsDoNotMeet) {
  ProducerIds first(1), second(2);
  std::set<int64_t> ids;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(ids.insert(first.Next()).second);
    EXPECT_TRUE(ids.insert(second.Next()).second);
  }
  EXPECT_GE(*ids.begin(), 0);
}

// What a client may not send, and what it is told.
struct Refused {
  const char* name;
  std::vector<std::byte> records;
  KafkaError error;
  int16_t version = kVersion;

  friend void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }
};

std::vector<std::byte> Changed(BatchSpec spec, size_t at, uint8_t value, bool seal = true) {
  std::vector<std::byte> batch = MakeBatch(spec);
  batch[at] = std::byte{value};
  if (seal) SealBatch(batch);
  return batch;
}

std::vector<std::byte> Zstd() {
  RecordBatchWriter writer({.compression = Compression::kZstd});
  writer.Append({.timestamp = Timestamp{1}, .key = std::nullopt, .value = AsBytes("v"), .headers = {}});
  return *std::move(writer).Finish();
}

std::vector<Refused> RefusedRecords() {
  std::vector<std::byte> cut = MakeBatch({});
  cut.pop_back();
  return {
      {"Nothing", {}, KafkaError::kInvalidRecord},
      {"Log76_TwoBatches", MakeRun({}, 2), KafkaError::kInvalidRecord},
      {"Log76_BaseOffsetNotZero", MakeBatch({.base_offset = 1}), KafkaError::kInvalidRecord},
      {"Log76_TooLarge", MakeBatch({.value_bytes = 1'100'000}), KafkaError::kMessageTooLarge},
      {"Log76_CutBatch", cut, KafkaError::kInvalidRecord},
      {"OldFormat", Changed({}, 16, 1), KafkaError::kInvalidRecord},
      {"Log64_WrongCrc", Changed({}, 70, 0xee, false), KafkaError::kCorruptMessage},
      {"Log77_NoRecords", MakeBatch({.record_count = 0}), KafkaError::kInvalidRecord},
      {"Log77_CountAndDeltaDisagree", MakeBatch({.record_count = 2, .last_offset_delta = 4}),
       KafkaError::kInvalidRecord},
      {"Log77_FewerRecordsThanSaid", Changed({.record_count = 2, .last_offset_delta = 2}, 60, 3),
       KafkaError::kInvalidRecord},
      {"Log77_ControlBatch", MakeBatch({.producer_id = 1, .producer_epoch = 0, .control_type = 1}),
       KafkaError::kInvalidRecord},
      {"Log77_ProducerWithoutSequence", MakeBatch({.producer_id = 5, .producer_epoch = 0}), KafkaError::kInvalidRecord},
      {"Log78_LogAppendTime", MakeBatch({.extra_attributes = 0x08}), KafkaError::kInvalidRecord},
      {"Transactional", MakeBatch({.producer_id = 5, .producer_epoch = 0, .base_sequence = 0, .transactional = true}),
       KafkaError::kInvalidRequest},
      {"IllegalCodec", MakeBatch({.extra_attributes = 5}), KafkaError::kUnsupportedCompressionType},
      {"GarbledCodec", MakeBatch({.extra_attributes = 1}), KafkaError::kCorruptMessage},
      {"ZstdTooEarly", Zstd(), KafkaError::kUnsupportedCompressionType, 6},
  };
}

class RefusedRecordsTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedRecordsTest, IsToldWhy) {
  const ProduceVerdict verdict = CheckProducedRecords(GetParam().records, GetParam().version, kBatchBytesMax, false);
  EXPECT_EQ(verdict.error, GetParam().error) << verdict.message;
  EXPECT_FALSE(verdict.message.empty());
}

INSTANTIATE_TEST_SUITE_P(Log76_Log77_Log78, RefusedRecordsTest, ::testing::ValuesIn(RefusedRecords()),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(ProduceChecks, Log79_EveryCodecIsTakenAsItIs) {
  for (const Compression codec :
       {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    RecordBatchWriter writer({.compression = codec});
    for (int i = 0; i < 3; ++i)
      writer.Append({.timestamp = Timestamp{i}, .key = std::nullopt, .value = AsBytes("some value"), .headers = {}});
    const std::vector<std::byte> batch = *std::move(writer).Finish();
    const ProduceVerdict verdict = CheckProducedRecords(batch, 7, kBatchBytesMax, false);
    EXPECT_EQ(verdict.error, KafkaError::kNone) << CompressionName(codec) << ": " << verdict.message;
  }
}

TEST(ProduceChecks, Log77_RecordsOfACompactedTopicNeedKeys) {
  const ProduceVerdict refused = CheckProducedRecords(MakeBatch({}), 7, kBatchBytesMax, true);
  EXPECT_EQ(refused.error, KafkaError::kInvalidRecord);
  EXPECT_NE(refused.message.find("no key"), std::string::npos) << refused.message;
  RecordBatchWriter writer({});
  writer.Append({.timestamp = Timestamp{0}, .key = AsBytes(""), .value = std::nullopt, .headers = {}});
  const std::vector<std::byte> batch = *std::move(writer).Finish();
  EXPECT_EQ(CheckProducedRecords(batch, 7, kBatchBytesMax, true).error, KafkaError::kNone) << "an empty key is one";
}

class ProducerTableTest : public ::testing::Test {
 protected:
  static std::vector<std::byte> Batch(int16_t epoch, int32_t sequence, int32_t records = 1, int64_t producer = 7) {
    return MakeBatch(
        {.record_count = records, .producer_id = producer, .producer_epoch = epoch, .base_sequence = sequence});
  }
  ProducerTable::Verdict Check(const std::vector<std::byte>& batch) const {
    return table_.Check(RecordBatchView(batch));
  }
  void Store(const std::vector<std::byte>& batch, int64_t base_offset) {
    table_.Remember(RecordBatchView(batch), {base_offset});
  }

  ProducerTable table_;
};

TEST_F(ProducerTableTest, Log80_TheLastFiveBatchesAreKnownAgain) {
  for (int i = 0; i < 6; ++i) Store(Batch(0, i), 100 + i);
  for (int i = 1; i < 6; ++i) EXPECT_EQ(Check(Batch(0, i)).duplicate_of, Offset{100 + i}) << i;
  EXPECT_EQ(Check(Batch(0, 0)).error, KafkaError::kOutOfOrderSequenceNumber);
  EXPECT_FALSE(Check(Batch(0, 6)).duplicate_of.has_value());
  EXPECT_EQ(Check(Batch(0, 6)).error, KafkaError::kNone);
}

TEST_F(ProducerTableTest, Log80_ABatchOfAnotherLengthIsNoDuplicate) {
  Store(Batch(0, 0, 3), 0);
  EXPECT_EQ(Check(Batch(0, 0, 2)).error, KafkaError::kOutOfOrderSequenceNumber);
}

TEST_F(ProducerTableTest, Log80_AnUnknownProducerMayBeginAnywhere) {
  EXPECT_EQ(Check(Batch(3, 500)).error, KafkaError::kNone);
}

TEST_F(ProducerTableTest, Log80_ANewEpochBeginsAtZero) {
  Store(Batch(0, 0), 0);
  EXPECT_EQ(Check(Batch(1, 1)).error, KafkaError::kOutOfOrderSequenceNumber);
  EXPECT_EQ(Check(Batch(1, 0)).error, KafkaError::kNone);
  Store(Batch(1, 0), 1);
  EXPECT_EQ(Check(Batch(1, 0)).duplicate_of, Offset{1});
}

TEST_F(ProducerTableTest, Log81_AnOlderEpochIsFenced) {
  Store(Batch(2, 0), 0);
  EXPECT_EQ(Check(Batch(1, 1)).error, KafkaError::kInvalidProducerEpoch);
}

TEST_F(ProducerTableTest, Log80_SequencesWrap) {
  constexpr int32_t kLast = std::numeric_limits<int32_t>::max();
  Store(Batch(0, kLast - 1, 2), 0);
  EXPECT_EQ(Check(Batch(0, 0)).error, KafkaError::kNone);
  EXPECT_EQ(Check(Batch(0, 1)).error, KafkaError::kOutOfOrderSequenceNumber);
}

TEST_F(ProducerTableTest, TheProducerThatWroteLongestAgoIsForgotten) {
  for (size_t i = 0; i < ProducerTable::kProducersMax; ++i) Store(Batch(0, 0, 1, static_cast<int64_t>(i)), 0);
  Store(Batch(0, 1, 1, 0), 1);
  Store(Batch(0, 0, 1, 1'000'000), 2);
  EXPECT_EQ(table_.size(), ProducerTable::kProducersMax);
  EXPECT_EQ(Check(Batch(0, 99, 1, 0)).error, KafkaError::kOutOfOrderSequenceNumber);
  EXPECT_EQ(Check(Batch(0, 99, 1, 1)).error, KafkaError::kNone);
}

TEST(AppendTurn, IsTakenInTheOrderOfAsking) {
  asio::io_context io;
  AppendTurn turn;
  std::vector<int> order;
  const auto take = [](AppendTurn& t, std::vector<int>& out, int number) -> asio::awaitable<void> {
    co_await t.Take();
    out.push_back(number);
  };
  const auto ignore = [](std::exception_ptr) {};
  for (const int number : {1, 2, 3}) asio::co_spawn(io, take(turn, order, number), ignore);
  io.poll();
  EXPECT_EQ(order, std::vector<int>{1});
  turn.Release();
  asio::co_spawn(io, take(turn, order, 4), ignore);
  io.restart();
  io.poll();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  for (int i = 0; i < 3; ++i) {
    turn.Release();
    io.restart();
    io.poll();
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace slipstream
