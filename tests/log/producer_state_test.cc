#include "log/producer_state.h"

#include <gmock/gmock.h>

#include <limits>

#include "tests/support/batches.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

constexpr int16_t kAbort = 0, kCommit = 1;
constexpr int32_t kSequenceMax = std::numeric_limits<int32_t>::max();

// What a table makes of a history; offsets follow one another.
class ProducerStateTest : public testing::Test {
 protected:
  std::optional<CompletedTransaction> Apply(BatchSpec spec) {
    spec.base_offset = next_;
    const std::vector<std::byte> batch = MakeBatch(spec);
    next_ = RecordBatchView(batch).next_offset().value;
    return table_.Apply(RecordBatchView(batch));
  }
  std::optional<CompletedTransaction> Data(int64_t producer, int32_t sequence, int32_t count = 1, int16_t epoch = 0) {
    return Apply({.record_count = count, .producer_id = producer, .producer_epoch = epoch, .base_sequence = sequence});
  }
  std::optional<CompletedTransaction> InTransaction(int64_t producer, int32_t count = 1) {
    return Apply({.record_count = count,
                  .producer_id = producer,
                  .producer_epoch = 0,
                  .base_sequence = 0,
                  .transactional = true});
  }
  std::optional<CompletedTransaction> End(int64_t producer, int16_t how, int16_t epoch = 0) {
    return Apply({.producer_id = producer, .producer_epoch = epoch, .control_type = how});
  }
  std::vector<int32_t> LastSequences(int64_t producer) {
    std::vector<int32_t> sequences;
    const ProducerState* state = table_.Find(producer);
    for (size_t i = 0; state != nullptr && i < state->batch_count; ++i)
      sequences.push_back(state->batches[i].last_sequence);
    return sequences;
  }

  int64_t next_ = 0;
  ProducerStateTable table_;
};

TEST_F(ProducerStateTest, Log114_TheLastFiveBatchesOfAProducerAreKept) {
  for (int32_t i = 0; i < 7; ++i) Data(9, 10 * i, 10);
  EXPECT_THAT(LastSequences(9), ElementsAre(29, 39, 49, 59, 69));
  const ProducerBatch last = *table_.Find(9)->last_batch();
  EXPECT_EQ(last.last_offset, Offset{69});
  EXPECT_EQ(last.offset_delta, 9);
}

TEST_F(ProducerStateTest, Log114_AnotherEpochForgetsTheBatches) {
  Data(9, 0, 4);
  Data(9, 0, 2, /*epoch=*/1);
  EXPECT_THAT(LastSequences(9), ElementsAre(1));
  EXPECT_EQ(table_.Find(9)->epoch, 1);
}

TEST_F(ProducerStateTest, Log69_WhatIsInTheLogIsHistory) {
  Data(9, 0, 1, /*epoch=*/3);
  Data(9, 77, 1, /*epoch=*/2);  // an older epoch, with a gap: refused by a leader, taken by a replica
  EXPECT_EQ(table_.Find(9)->epoch, 2);
  EXPECT_THAT(LastSequences(9), ElementsAre(77));
}

TEST_F(ProducerStateTest, Log188_TheLastSequenceWraps) {
  Data(9, kSequenceMax - 1, 4);
  EXPECT_THAT(LastSequences(9), ElementsAre(1));
}

TEST_F(ProducerStateTest, Log115_AMarkerClosesTheTransactionOfItsProducer) {
  InTransaction(1, 2);  // 0, 1
  InTransaction(2, 3);  // 2, 3, 4
  InTransaction(1, 1);  // 5
  EXPECT_EQ(End(1, kAbort), (CompletedTransaction{1, Offset{0}, Offset{6}, true}));
  EXPECT_EQ(End(2, kCommit), (CompletedTransaction{2, Offset{2}, Offset{7}, false}));
}

TEST_F(ProducerStateTest, Log115_AMarkerWithoutATransactionMeansNothing) {
  EXPECT_EQ(End(5, kAbort, /*epoch=*/7), std::nullopt);
  EXPECT_EQ(table_.Find(5)->epoch, 7);  // but it may raise the epoch of a producer nobody knew
  EXPECT_EQ(table_.FirstUnstableOffset(), std::nullopt);
}

TEST_F(ProducerStateTest, Log112_Log113_UnstableUntilTheMarkerIsBelowTheHighWatermark) {
  InTransaction(1);  // 0
  InTransaction(2);  // 1
  EXPECT_EQ(table_.FirstUnstableOffset(), Offset{0});
  End(1, kCommit);  // 2
  table_.OnHighWatermark(Offset{2});
  EXPECT_EQ(table_.FirstUnstableOffset(), Offset{0});
  table_.OnHighWatermark(Offset{3});
  EXPECT_EQ(table_.FirstUnstableOffset(), Offset{1});
  End(2, kAbort);  // 3
  table_.OnHighWatermark(Offset{4});
  EXPECT_EQ(table_.FirstUnstableOffset(), std::nullopt);
}

// The oracle of Kafka's own test: (1, 0, 29, 8) and (2, 8, 74, 36).
TEST_F(ProducerStateTest, Log121_LastStableOffsetOfAnAbort) {
  InTransaction(1, 8);                                 // 0..7
  InTransaction(2, 21);                                // 8..28
  const CompletedTransaction first = *End(1, kAbort);  // 29
  EXPECT_EQ(first, (CompletedTransaction{1, Offset{0}, Offset{29}, true}));
  EXPECT_EQ(table_.LastStableOffsetAt(first), Offset{8});
  InTransaction(2, 6);                                  // 30..35
  InTransaction(3, 38);                                 // 36..73
  const CompletedTransaction second = *End(2, kAbort);  // 74
  EXPECT_EQ(second, (CompletedTransaction{2, Offset{8}, Offset{74}, true}));
  EXPECT_EQ(table_.LastStableOffsetAt(second), Offset{36});
  const CompletedTransaction third = *End(3, kAbort);  // 75
  EXPECT_EQ(table_.LastStableOffsetAt(third), Offset{76});
}

TEST_F(ProducerStateTest, Log116_Log189_ProducersExpireButNotInATransaction) {
  Apply({.base_timestamp = 1000, .producer_id = 1, .producer_epoch = 0, .base_sequence = 0});
  Apply({.base_timestamp = 5000, .producer_id = 2, .producer_epoch = 0, .base_sequence = 0});
  Apply({.base_timestamp = 1000, .producer_id = 3, .producer_epoch = 0, .base_sequence = 0, .transactional = true});
  table_.ExpireBefore(Timestamp{5999}, std::chrono::milliseconds(5000));
  EXPECT_NE(table_.Find(1), nullptr);
  table_.ExpireBefore(Timestamp{6000}, std::chrono::milliseconds(5000));
  EXPECT_EQ(table_.Find(1), nullptr);
  EXPECT_NE(table_.Find(2), nullptr);
  EXPECT_NE(table_.Find(3), nullptr);
}

TEST_F(ProducerStateTest, Log116_TimestampsMayBeAnyNumber) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  Apply({.base_timestamp = kMin, .timestamp_step = 0, .producer_id = 1, .producer_epoch = 0, .base_sequence = 0});
  Apply({.base_timestamp = kMax, .timestamp_step = 0, .producer_id = 2, .producer_epoch = 0, .base_sequence = 0});
  table_.ExpireBefore(Timestamp{6000}, std::chrono::milliseconds(5000));
  EXPECT_EQ(table_.Find(1), nullptr);
  EXPECT_NE(table_.Find(2), nullptr);
  table_.ExpireBefore(Timestamp{-1}, std::chrono::milliseconds(kMax));
  EXPECT_NE(table_.Find(2), nullptr);
}

TEST_F(ProducerStateTest, Log18_Log187_AnEmptiedControlBatchOnlyMovesTheEnd) {
  InTransaction(1);
  Apply({.record_count = 0, .producer_id = 1, .producer_epoch = 0, .control_type = kAbort});
  EXPECT_EQ(table_.end_offset(), Offset{2});
  EXPECT_EQ(table_.FirstUnstableOffset(), Offset{0});
}

TEST_F(ProducerStateTest, BatchesWithoutAProducerOnlyMoveTheEnd) {
  Apply({.record_count = 12});
  EXPECT_EQ(table_.end_offset(), Offset{12});
  EXPECT_TRUE(table_.producers().empty());
}

TEST(ProducerRunCheckTest, Log70_OutsideTheOpenTransactionIsRefused) {
  ProducerStateTable table;
  const BatchSpec plain{.producer_id = 1, .producer_epoch = 0, .base_sequence = 0};
  BatchSpec inside = plain, marker = plain;
  inside.transactional = true;
  marker.control_type = kCommit;
  marker.base_sequence = -1;
  const auto check = [&](std::initializer_list<BatchSpec> run) {
    ProducerRunCheck checked(table);
    absl::Status status;
    for (const BatchSpec& spec : run) status.Update(checked.Check(RecordBatchView(MakeBatch(spec))));
    return status;
  };
  EXPECT_TRUE(check({plain, inside, marker, plain}).ok());
  EXPECT_EQ(check({inside, plain}).message(), "producer 1 writes outside its open transaction");
  (void)table.Apply(RecordBatchView(MakeBatch(inside)));
  EXPECT_FALSE(check({plain}).ok());
  EXPECT_TRUE(check({marker, plain}).ok());
  EXPECT_TRUE(check({inside}).ok());
}

TEST(ProducerRunCheckTest, Log16_AMarkerThatCannotBeReadIsRefused) {
  std::vector<std::byte> batch = MakeBatch({.producer_id = 1, .producer_epoch = 0, .control_type = kAbort});
  batch[kBatchHeaderBytes] = std::byte{0x02};  // a record of one byte
  SealBatch(batch);
  const ProducerStateTable table;
  ProducerRunCheck checked(table);
  EXPECT_TRUE(absl::IsDataLoss(checked.Check(RecordBatchView(batch))));
}

}  // namespace
}  // namespace slipstream
