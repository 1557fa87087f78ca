#include "tests/sim/replica_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/support/batches.h"

namespace slipstream::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Left = ReplicaHistory::Left;

class ReplicaHistoryTest : public ::testing::Test {
 protected:
  const ModelBatch& Batch(int64_t base, int32_t epoch, const ModelBatch* before) {
    ModelBatch& batch = batches_.emplace_back();
    batch.base = Offset{base};
    batch.next = Offset{base + 2};
    batch.epoch = LeaderEpoch{epoch};
    batch.bytes = MakeBatch({.base_offset = base, .record_count = 2, .leader_epoch = epoch});
    batch.before = before;
    return batch;
  }
  // Appends batches that follow each other, `count` of them.
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      last_ = &Batch(2 * i, 1, last_);
      history_.Deliver(history_.end(), {last_});
      ASSERT_TRUE(history_.Grow(last_->next, {LeaderEpoch{1}}).ok());
    }
  }
  // The log is begun at offset 100, and the batch there is on the disk.
  void StartAnewWithADurableBatch() {
    history_.StartAnewAt(Offset{100});
    const ModelBatch& batch = Batch(100, 1, nullptr);
    history_.Deliver(Offset{100}, {&batch});
    ASSERT_TRUE(history_.Grow(Offset{102}, {LeaderEpoch{1}}).ok());
    history_.Sync(Offset{102}, Offset{100});
  }
  static std::vector<std::vector<std::byte>> Bytes(const ModelBatches& batches) {
    std::vector<std::vector<std::byte>> bytes;
    for (const ModelBatch* batch : batches) bytes.push_back(batch->bytes);
    return bytes;
  }
  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  std::deque<ModelBatch> batches_;
  ReplicaHistory history_;
  const ModelBatch* last_ = nullptr;
};

// What happened: seed 9000248. Beginning anew was cut short by a power cut, after which the log was empty there: a
// batch of an older leader is right then, whatever lay below.
TEST_F(ReplicaHistoryTest, Inv09_AnEmptyLogThatKnowsNoEpochTakesWhatComes) {
  Fill(3);
  ASSERT_TRUE(history_.Recover(Offset{4}, Offset{4}, {}, Left::kDisk, /*claims_hold=*/false).ok());
  history_.ForgetBelow(Offset{4});
  const ModelBatch& older = Batch(4, 0, nullptr);
  history_.Deliver(Offset{4}, {&older});
  EXPECT_EQ(history_.Grow(Offset{6}, {LeaderEpoch{0}}), absl::OkStatus());
}

TEST_F(ReplicaHistoryTest, Inv10_WhatNoAnswerBroughtIsFound) {
  Fill(1);
  EXPECT_THAT(Message(history_.Grow(Offset{4}, {LeaderEpoch{1}})), HasSubstr("INV-10"));
}

TEST_F(ReplicaHistoryTest, Inv02_ABatchBehindAnotherThanInItsLeadersLogIsFound) {
  Fill(2);
  const ModelBatch& other = Batch(2, 2, &batches_[0]);
  const ModelBatch& next = Batch(4, 2, &other);
  history_.Deliver(Offset{4}, {&next});
  EXPECT_THAT(Message(history_.Grow(Offset{6}, {LeaderEpoch{2}})), HasSubstr("INV-02"));
}

// What happened: seed 6938, where that was begun and written in one step, was told to break INV-08.
TEST_F(ReplicaHistoryTest, Inv08_OnlyALogThatLiesBelowTheLeadersStartIsBegunAnewByABatchOverIt) {
  Fill(3);
  const ModelBatch& batch = Batch(5, 2, nullptr);
  history_.Deliver(Offset{6}, {&batch});
  EXPECT_THAT(Message(ReplicaHistory(history_).Grow(Offset{7}, {LeaderEpoch{2}, Offset{5}})), HasSubstr("INV-08"));
  EXPECT_EQ(history_.Grow(Offset{7}, {LeaderEpoch{2}, Offset{6}}), absl::OkStatus());
  EXPECT_THAT(history_.batches(), ElementsAre(&batch));
}

TEST_F(ReplicaHistoryTest, Inv09_ABatchOfAnEpochAboveTheCurrentOneIsFound) {
  const ModelBatch& batch = Batch(0, 3, nullptr);
  history_.Deliver(Offset{0}, {&batch});
  EXPECT_THAT(Message(history_.Grow(Offset{2}, {LeaderEpoch{2}})), HasSubstr("INV-09"));
}

TEST_F(ReplicaHistoryTest, Inv09_ABatchOfAnEpochBelowTheLastIsFound) {
  const ModelBatch& first = Batch(0, 3, nullptr);
  const ModelBatch& second = Batch(2, 2, &first);
  history_.Deliver(Offset{0}, {&first, &second});
  EXPECT_THAT(Message(history_.Grow(Offset{4}, {LeaderEpoch{3}})), HasSubstr("INV-09"));
}

TEST_F(ReplicaHistoryTest, Inv02_OtherBytesAreFound) {
  Fill(2);
  std::vector<std::vector<std::byte>> found = Bytes(history_.batches());
  EXPECT_TRUE(history_.Compare(Offset{0}, found).ok());
  found[1].back() ^= std::byte{1};
  EXPECT_THAT(Message(history_.Compare(Offset{0}, found)), HasSubstr("INV-02"));
  found.pop_back();
  EXPECT_THAT(Message(history_.Compare(Offset{0}, found)), HasSubstr("INV-02"));
}

TEST_F(ReplicaHistoryTest, Inv18_APrefixDownToWhatIsDurableMayBeLeft) {
  Fill(3);
  history_.Sync(Offset{2}, Offset{0});
  EXPECT_TRUE(history_.Recover(Offset{0}, Offset{4}, {batches_[0].bytes, batches_[1].bytes}, Left::kDisk, false).ok());
  EXPECT_EQ(history_.end(), Offset{4});
}

TEST_F(ReplicaHistoryTest, Inv18_ABeginningAnewBelowAllOfItMayLeaveNothing) {
  StartAnewWithADurableBatch();
  history_.BeginCut(Offset{20});
  EXPECT_TRUE(history_.Recover(Offset{0}, Offset{0}, {}, Left::kDisk, true).ok());
}

TEST_F(ReplicaHistoryTest, Inv18_WhatIsDurableDoesNotGoAsAWhole) {
  StartAnewWithADurableBatch();
  EXPECT_THAT(Message(history_.Recover(Offset{0}, Offset{0}, {}, Left::kDisk, true)), HasSubstr("INV-18"));
}

TEST_F(ReplicaHistoryTest, Inv18_WhatWasWrittenInVainMayBeBackInPlaceOfWhatFollowed) {
  Fill(1);
  const ModelBatch& in_vain = Batch(2, 1, last_);
  history_.Deliver(Offset{2}, {&in_vain});
  const ModelBatch& written = Batch(2, 2, last_);
  history_.Deliver(Offset{2}, {&written});
  ASSERT_TRUE(history_.Grow(Offset{4}, {LeaderEpoch{2}}).ok());
  EXPECT_TRUE(history_.Recover(Offset{0}, Offset{4}, {batches_[0].bytes, in_vain.bytes}, Left::kDisk, false).ok());
}

// What happened: a process was killed while it wrote the batch that its leader's log starts in (seed 9235).
TEST_F(ReplicaHistoryTest, Inv18_ALogBegunAnewMayBeginWithTheWholeBatchThatHoldsItsStart) {
  Fill(2);
  history_.StartAnewAt(Offset{101});
  const ModelBatch& batch = Batch(100, 1, nullptr);
  history_.Deliver(Offset{101}, {&batch});
  EXPECT_TRUE(history_.Recover(Offset{100}, Offset{102}, Bytes({&batch}), Left::kAll, true).ok());
}

TEST_F(ReplicaHistoryTest, Inv18_LessThanWhatIsDurableIsFound) {
  Fill(3);
  history_.Sync(Offset{4}, Offset{0});
  EXPECT_THAT(Message(history_.Recover(Offset{0}, Offset{2}, {batches_[0].bytes}, Left::kDisk, false)),
              HasSubstr("INV-18"));
}

TEST_F(ReplicaHistoryTest, Inv18_WhatWasNeverThereIsFound) {
  Fill(2);
  const ModelBatch& other = Batch(2, 1, &batches_[0]);
  std::vector<std::byte> bytes = other.bytes;
  bytes.back() ^= std::byte{1};
  EXPECT_THAT(Message(history_.Recover(Offset{0}, Offset{4}, {batches_[0].bytes, bytes}, Left::kDisk, false)),
              HasSubstr("INV-18"));
}

TEST_F(ReplicaHistoryTest, Inv18_WhatWasCutMayComeBackUntilAllIsDurable) {
  Fill(3);
  history_.Cut(Offset{2});
  EXPECT_TRUE(
      history_
          .Recover(Offset{0}, Offset{6}, {batches_[0].bytes, batches_[1].bytes, batches_[2].bytes}, Left::kDisk, false)
          .ok());
}

TEST_F(ReplicaHistoryTest, Inv19_WhatWasAskedPastMustBeThere) {
  Fill(3);
  history_.Claim(Offset{6});
  EXPECT_THAT(
      Message(history_.Recover(Offset{0}, Offset{4}, {batches_[0].bytes, batches_[1].bytes}, Left::kDisk, true)),
      HasSubstr("INV-19"));
}

}  // namespace
}  // namespace slipstream::sim
