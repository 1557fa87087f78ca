#include "log/compaction/batch_filter.h"

#include <gmock/gmock.h>

#include <string>

#include "log/record_batch_writer.h"

namespace slipstream {
namespace {

constexpr int64_t kNow = 50'000, kRetention = 1000;

struct SurvivesCase {
  const char* name;
  bool has_key, has_value;
  std::optional<int64_t> newest;  // of its key; the record has offset 10
  int64_t map_end;
  bool tombstones_may_go;
  bool survives;
};

class SurvivesTest : public testing::TestWithParam<SurvivesCase> {};

TEST_P(SurvivesTest, Log158_TheNewestOfItsKeyAndTombstonesForAWhile) {
  const SurvivesCase& c = GetParam();
  Record record;
  record.offset = Offset{10};
  if (c.has_key) record.key = AsBytes("k");
  if (c.has_value) record.value = AsBytes("v");
  const std::optional<Offset> newest = c.newest ? std::optional(Offset{*c.newest}) : std::nullopt;
  EXPECT_EQ(RecordSurvives(record, newest, Offset{c.map_end}, c.tombstones_may_go), c.survives);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SurvivesTest,
    testing::Values(SurvivesCase{"newest", true, true, 10, 20, false, true},
                    SurvivesCase{"superseded", true, true, 11, 20, false, false},
                    SurvivesCase{"cleaned_before", true, true, std::nullopt, 20, true, true},
                    SurvivesCase{"beyond_the_map", true, true, std::nullopt, 10, true, true},
                    SurvivesCase{"superseded_in_the_batch_that_overfilled_the_map", true, true, 11, 10, true, true},
                    SurvivesCase{"last_of_the_map", true, true, 11, 11, false, false},
                    SurvivesCase{"no_key", false, true, std::nullopt, 20, false, false},
                    SurvivesCase{"no_key_beyond", false, true, std::nullopt, 10, false, true},
                    SurvivesCase{"tombstone", true, false, 10, 20, false, true},
                    SurvivesCase{"tombstone_may_go", true, false, 10, 20, true, false},
                    SurvivesCase{"tombstone_of_before", true, false, std::nullopt, 20, true, false},
                    SurvivesCase{"tombstone_superseded", true, false, 12, 20, false, false},
                    SurvivesCase{"tombstone_beyond", true, false, std::nullopt, 10, true, true}),
    [](const auto& test) { return test.param.name; });

TEST(HoldsProducerState, Log156_TheLastDataOfAnActiveProducerOrTheMarkerOfItsEpoch) {
  const ActiveProducers producers = {{1, {.last_data_offset = Offset{14}, .epoch = 0}}, {2, {.epoch = 5}}};
  const auto holds = [&](BatchOptions options, int64_t base) {
    options.base_offset = Offset{base};
    options.producer_epoch = options.producer_id < 0 ? int16_t{-1} : options.producer_epoch;
    options.base_sequence = options.producer_id < 0 || options.is_control ? -1 : 0;
    RecordBatchWriter writer(options);
    writer.SkipTo(5);
    return HoldsProducerState(RecordBatchView(*std::move(writer).Finish()), producers);
  };
  EXPECT_TRUE(holds({.producer_id = 1, .producer_epoch = 0}, 10));
  EXPECT_FALSE(holds({.producer_id = 1, .producer_epoch = 0}, 5));
  EXPECT_FALSE(holds({.producer_id = 3, .producer_epoch = 0}, 10)) << "it has expired";
  EXPECT_FALSE(holds({}, 10));
  EXPECT_TRUE(holds({.producer_id = 2, .producer_epoch = 5, .is_transactional = true, .is_control = true}, 10));
  EXPECT_FALSE(holds({.producer_id = 2, .producer_epoch = 4, .is_transactional = true, .is_control = true}, 10));
  EXPECT_FALSE(holds({.producer_id = 2, .producer_epoch = 5}, 10));
}

// Batches of a log, one after the other, through one filter.
class BatchFilterTest : public testing::Test {
 protected:
  void Aborted(int64_t producer, int64_t first, int64_t last) {
    aborted_.push_back({producer, Offset{first}, Offset{last}, Offset{last + 1}});
  }
  // REQUIRES: all aborted transactions are known.
  RecordBatchView Filter(std::vector<std::byte> batch) {
    if (!filter_) {
      transactions_.emplace(aborted_, log_start_);
      filter_.emplace(map_, producers_, *transactions_,
                      FilterRules{Timestamp{kNow}, std::chrono::milliseconds(kRetention), Offset{1000}});
    }
    input_ = std::move(batch);
    const absl::StatusOr<ByteSpan> left = filter_->Filter(RecordBatchView(input_));
    EXPECT_TRUE(left.ok()) << left.status();
    dropped_ = left->empty();
    untouched_ = left->data() == input_.data();
    return RecordBatchView(dropped_ ? ByteSpan(input_) : *left);
  }
  static std::vector<std::byte> Batch(BatchOptions options, const std::vector<const char*>& keys, bool tombstones) {
    RecordBatchWriter writer(options);
    for (const char* key : keys) {
      std::optional<ByteSpan> value;
      if (!tombstones) value = AsBytes("value");
      writer.Append({.timestamp = Timestamp{2000}, .key = AsBytes(key), .value = value});
    }
    return *std::move(writer).Finish();
  }
  static std::vector<std::byte> Data(int64_t base, std::vector<const char*> keys, int64_t producer = -1) {
    BatchOptions options{.base_offset = Offset{base}};
    if (producer >= 0) {
      options.producer_id = producer;
      options.producer_epoch = 0;
      options.base_sequence = 0;
      options.is_transactional = true;
    }
    return Batch(options, keys, /*tombstones=*/false);
  }
  static std::vector<std::byte> Marker(int64_t offset, int64_t producer, ControlType type) {
    return BuildEndTransactionMarker({.base_offset = Offset{offset}, .producer_id = producer, .producer_epoch = 0},
                                     type, 0, Timestamp{2000});
  }
  // The same marker with a delete horizon, as an earlier round stamped it.
  static std::vector<std::byte> Stamped(const std::vector<std::byte>& marker, int64_t horizon) {
    std::vector<std::byte> out;
    RecordCursor records{RecordBatchView(marker)};
    EXPECT_TRUE(records.Next());
    const KeptRecord kept{records.bytes(), records.record().timestamp};
    RewriteBatch(RecordBatchView(marker), std::span(&kept, 1), Timestamp{horizon}, out);
    return out;
  }

  OffsetMap map_{100, 1 << 20, 0.9};
  ActiveProducers producers_;
  std::vector<AbortedTransactionEntry> aborted_;
  Offset log_start_{0};
  std::optional<TransactionFilter> transactions_;
  std::optional<BatchFilter> filter_;
  std::vector<std::byte> input_;
  bool dropped_ = false, untouched_ = false;
};

TEST_F(BatchFilterTest, Log158_WhatKeepsAllIsNotTouched) {
  ASSERT_TRUE(map_.Put(AsBytes("a"), Offset{0}));
  Filter(Data(0, {"a", "b"}));
  EXPECT_TRUE(untouched_);
}

TEST_F(BatchFilterTest, Log158_WhatIsSupersededGoes) {
  ASSERT_TRUE(map_.Put(AsBytes("a"), Offset{9}));
  const RecordBatchView left = Filter(Data(0, {"a", "b"}));
  EXPECT_EQ(left.record_count(), 1);
  EXPECT_EQ(left.last_offset(), Offset{1});
  Filter(Data(2, {"a"}));
  EXPECT_TRUE(dropped_);
  EXPECT_EQ(filter_->records_seen(), 3u);
  EXPECT_EQ(filter_->records_kept(), 1u);
}

TEST_F(BatchFilterTest, Log158_TombstonesAreStampedOnceAndGoWhenTheHorizonHasPassed) {
  const RecordBatchView stamped = Filter(Batch({}, {"a", "b"}, /*tombstones=*/true));
  EXPECT_TRUE(stamped.has_delete_horizon());
  EXPECT_EQ(stamped.base_timestamp(), Timestamp{kNow + kRetention});
  EXPECT_EQ(stamped.max_timestamp(), Timestamp{2000});
  Filter(Batch({.delete_horizon = Timestamp{kNow + 1}}, {"a"}, /*tombstones=*/true));
  EXPECT_TRUE(untouched_) << "the horizon of the first time stays";
  Filter(Batch({.delete_horizon = Timestamp{kNow}}, {"a"}, /*tombstones=*/true));
  EXPECT_TRUE(dropped_);
}

TEST_F(BatchFilterTest, Log158_DataOfAbortedTransactionsGoesAndTheirMarkerStays) {
  Aborted(1, 0, 4);
  Filter(Data(0, {"a"}, 1));
  EXPECT_TRUE(dropped_);
  Filter(Data(1, {"a"}, 2));
  EXPECT_TRUE(untouched_) << "another producer's transaction";
  Filter(Data(2, {"a"}));
  EXPECT_TRUE(untouched_) << "outside any";
  Filter(Data(3, {"b"}, 1));
  EXPECT_TRUE(dropped_);
  Filter(Marker(4, 1, ControlType::kAbort));
  EXPECT_TRUE(untouched_);
  EXPECT_EQ(filter_->aborted(), aborted_[0]);
  Filter(Data(5, {"a"}, 1));
  EXPECT_TRUE(untouched_) << "its next transaction";
  EXPECT_EQ(filter_->aborted(), std::nullopt);
  Filter(Marker(6, 1, ControlType::kCommit));
  EXPECT_TRUE(untouched_);
}

TEST_F(BatchFilterTest, Log158_AMarkerWithoutDataWaitsForItsHorizon) {
  for (const ControlType type : {ControlType::kAbort, ControlType::kCommit}) {
    const std::vector<std::byte> marker = Marker(4, 1, type);
    const RecordBatchView stamped = Filter(marker);
    EXPECT_TRUE(stamped.has_delete_horizon());
    EXPECT_EQ(stamped.base_timestamp(), Timestamp{kNow + kRetention});
    EXPECT_TRUE(stamped.CrcValid());
    EXPECT_EQ((*ReadTransactionMarker(stamped))->type, type);
    EXPECT_EQ(filter_->aborted(), std::nullopt) << "nobody needs to be told of it any more";
    Filter(Stamped(marker, kNow + 1));
    EXPECT_TRUE(untouched_);
    Filter(Stamped(marker, kNow));
    EXPECT_TRUE(dropped_);
  }
}

TEST_F(BatchFilterTest, Log158_AMarkerWithDataOutlivesItsHorizon) {
  Filter(Data(0, {"a"}, 1));
  Filter(Stamped(Marker(1, 1, ControlType::kCommit), kNow - 5));
  EXPECT_TRUE(untouched_);
}

TEST_F(BatchFilterTest, Log156_TheLastDataOfAProducerLeavesItsHeader) {
  producers_[1] = {.last_data_offset = Offset{3}, .epoch = 0};
  Aborted(1, 0, 4);
  Filter(Data(0, {"a"}, 1));
  EXPECT_TRUE(dropped_);
  const RecordBatchView left = Filter(Data(2, {"a", "b"}, 1));
  EXPECT_EQ(left.record_count(), 0);
  EXPECT_EQ(left.last_offset(), Offset{3});
  const std::vector<std::byte> emptied(left.bytes().begin(), left.bytes().end());
  Filter(emptied);
  EXPECT_TRUE(untouched_) << "empty already";
  Filter(Marker(4, 1, ControlType::kAbort));
  EXPECT_TRUE(untouched_) << "the header is data that is left";
  EXPECT_EQ(filter_->aborted(), aborted_[0]);
}

TEST_F(BatchFilterTest, Log156_TheMarkerThatTellsAProducersEpochKeepsItsRecord) {
  producers_[1] = {.epoch = 0};
  const std::vector<std::byte> marker = Marker(4, 1, ControlType::kAbort);
  EXPECT_TRUE(Filter(marker).has_delete_horizon()) << "for when the producer has expired";
  Filter(Stamped(marker, kNow));
  EXPECT_TRUE(untouched_);
  producers_.clear();
  Filter(Stamped(marker, kNow));
  EXPECT_TRUE(dropped_);
}

TEST_F(BatchFilterTest, Log18_Log158_AnEmptiedControlBatchGoesOnceNobodyNeedsIt) {
  std::vector<std::byte> emptied;
  EmptyBatch(RecordBatchView(Marker(4, 1, ControlType::kCommit)), emptied);
  Filter(emptied);
  EXPECT_TRUE(dropped_);
}

TEST_F(BatchFilterTest, Log161_AnAbortThatNoIndexNamesIsAnError) {
  Filter(Data(0, {"a"}, 1));
  const std::vector<std::byte> marker = Marker(1, 1, ControlType::kAbort);
  const absl::StatusOr<ByteSpan> left = filter_->Filter(RecordBatchView(marker));
  EXPECT_TRUE(absl::IsDataLoss(left.status())) << left.status();
}

TEST_F(BatchFilterTest, Log158_AnAbortOfDataBelowTheLogStartNeedsNoIndex) {
  log_start_ = Offset{1};
  Filter(Data(0, {"a"}, 1));
  EXPECT_TRUE(untouched_) << "nobody knows that it was aborted";
  Filter(Data(1, {"b"}, 2));
  Filter(Marker(2, 1, ControlType::kAbort));
  EXPECT_TRUE(untouched_) << "the data is there, though nobody may read it";
  EXPECT_EQ(filter_->aborted(), std::nullopt);
  const std::vector<std::byte> marker = Marker(3, 2, ControlType::kAbort);
  EXPECT_TRUE(absl::IsDataLoss(filter_->Filter(RecordBatchView(marker)).status())) << "readers see that one";
}

}  // namespace
}  // namespace slipstream
