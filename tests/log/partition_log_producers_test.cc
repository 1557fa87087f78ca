// What a PartitionLog keeps of its producers: through rolls, truncations, stops and crashes.
#include <gmock/gmock.h>

#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/segment_name.h"
#include "log/transaction_index.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int16_t kAbort = 0, kCommit = 1;

class PartitionLogProducersTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.segment_bytes = 400;  // transactions span segments
    Reopen({.clean = true});
  }

  void Reopen(LogOpenOptions options) {
    log_.reset();
    auto opened = PartitionLog::Open(SystemFileIo(), directory(), {"t", 0}, config_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  void StopCleanly() {
    ASSERT_TRUE(log_->Close().ok());
    Reopen({.clean = true});
  }
  void Crash() { Reopen({.recovery_point = log_->recovery_point()}); }
  std::filesystem::path directory() const { return dir_.path() / "t-0"; }

  absl::Status TryAppend(BatchSpec spec) {
    spec.base_offset = log_->log_end_offset().value;
    const std::vector<std::byte> batch = MakeBatch(spec);
    const absl::Status appended = RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached));
    log_->UpdateHighWatermark(log_->log_end_offset());
    return appended;
  }
  void Append(BatchSpec spec) {
    const absl::Status appended = TryAppend(spec);
    ASSERT_TRUE(appended.ok()) << appended;
  }
  void Data(int64_t producer, int32_t count = 2) {
    Append({.record_count = count,
            .producer_id = producer,
            .producer_epoch = 0,
            .base_sequence = 0,
            .transactional = true});
  }
  void End(int64_t producer, int16_t how) {
    Append({.producer_id = producer, .producer_epoch = 0, .control_type = how});
  }
  // Four segments: 1@0 aborted, 2@2 committed, 3@6 open, 1@10 aborted, of two records each.
  void FillWithTransactions() {
    Data(1);          // 0
    Data(2);          // 2
    End(1, kAbort);   // 4
    End(2, kCommit);  // 5
    Data(3);          // 6
    Append({.record_count = 2});
    Data(1);         // 10
    End(1, kAbort);  // 12
    Append({.record_count = 2});
  }

  // "producer@first offset" of what a reader of committed records leaves out, reading all from `offset`.
  std::vector<std::string> Aborted(int64_t offset) {
    std::vector<std::string> names;
    while (Offset{offset} < log_->last_stable_offset()) {
      const auto slice = log_->Read(Offset{offset}, log_->last_stable_offset(), 1);
      EXPECT_TRUE(slice.ok()) << slice.status();
      const auto aborted = log_->AbortedTransactions(Offset{offset}, *slice);
      EXPECT_TRUE(aborted.ok()) << aborted.status();
      for (const AbortedTransactionEntry& entry : *aborted) {
        const std::string name = std::to_string(entry.producer_id) + "@" + std::to_string(entry.first_offset.value);
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
      std::vector<std::byte> batch(slice->bytes);
      EXPECT_EQ(*slice->file->ReadAt(batch, slice->position), batch.size());
      offset = RecordBatchView(batch).next_offset().value;
    }
    return names;
  }
  std::vector<Offset> Snapshots() { return *ListProducerSnapshots(SystemFileIo(), directory()); }

  TempDir dir_;
  LogConfig config_;
  FailingQueue queue_;
  std::unique_ptr<PartitionLog> log_;
};

TEST_F(PartitionLogProducersTest, Log122_Log151_ReadersAreToldTheAbortedTransactions) {
  FillWithTransactions();
  ASSERT_GT(log_->segment_count(), 2u);
  EXPECT_EQ(log_->last_stable_offset(), Offset{6});
  EXPECT_THAT(Aborted(0), ElementsAre("1@0"));
  End(3, kCommit);
  EXPECT_EQ(log_->last_stable_offset(), log_->high_watermark());
  EXPECT_THAT(Aborted(0), ElementsAre("1@0", "1@10"));
  EXPECT_THAT(Aborted(5), ElementsAre("1@10"));
  EXPECT_THAT(Aborted(13), IsEmpty());
}

TEST_F(PartitionLogProducersTest, Log112_Log113_TheMarkerMustBeBelowTheHighWatermark) {
  Data(1);  // 0
  EXPECT_EQ(log_->last_stable_offset(), Offset{0});
  const std::vector<std::byte> marker =
      MakeBatch({.base_offset = 2, .producer_id = 1, .producer_epoch = 0, .control_type = kCommit});
  ASSERT_TRUE(RunToEnd(log_->AppendAsFollower(queue_, marker, WriteHint::kCached)).ok());
  EXPECT_EQ(log_->last_stable_offset(), Offset{0}) << "the marker is written and not replicated";
  log_->UpdateHighWatermark(Offset{3});
  EXPECT_EQ(log_->last_stable_offset(), Offset{3});
}

TEST_F(PartitionLogProducersTest, Log177_BelowTheLogStartNothingHoldsReadersBack) {
  Data(1);
  Append({.record_count = 2});
  ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{3}).ok());
  EXPECT_EQ(log_->last_stable_offset(), Offset{3});
}

TEST_F(PartitionLogProducersTest, Log70_OutsideTheOpenTransactionIsRefusedAndNothingWritten) {
  Data(1);
  const absl::Status refused = TryAppend({.producer_id = 1, .producer_epoch = 0, .base_sequence = 2});
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_EQ(log_->log_end_offset(), Offset{2});
}

TEST_F(PartitionLogProducersTest, Log117_Log180_ARollTakesASnapshotOfWhatIsBeforeTheNewSegment) {
  FillWithTransactions();
  ASSERT_THAT(Snapshots(), testing::SizeIs(log_->segment_count() - 1));
  for (const Offset base : Snapshots()) {
    EXPECT_TRUE(std::filesystem::exists(directory() / SegmentFileName(base, kLogSuffix)));
    std::vector<Offset> snapshots = {base};
    const auto table = LoadProducerSnapshot(SystemFileIo(), directory(), snapshots, base, Offset{0});
    ASSERT_TRUE(table.ok());
    for (const auto& [producer, state] : table->producers()) EXPECT_LT(state.last_batch()->last_offset, base);
  }
}

TEST_F(PartitionLogProducersTest, Log117_Log119_ACleanStopLeavesASnapshotAtTheEnd) {
  FillWithTransactions();
  const auto before = log_->producers().producers();
  StopCleanly();
  EXPECT_EQ(Snapshots().back(), log_->log_end_offset());
  EXPECT_EQ(log_->last_stable_offset(), Offset{6});
  ASSERT_EQ(log_->producers().producers().size(), before.size());
  for (const auto& [producer, state] : before) {
    const ProducerState* after = log_->producers().Find(producer);
    ASSERT_NE(after, nullptr) << producer;
    EXPECT_EQ(after->last_batch()->last_offset, state.last_batch()->last_offset);
    EXPECT_EQ(after->transaction_first_offset, state.transaction_first_offset);
    EXPECT_EQ(after->last_timestamp, state.last_timestamp);
  }
  EXPECT_THAT(Aborted(0), ElementsAre("1@0"));
}

TEST_F(PartitionLogProducersTest, Log138_ACrashRebuildsProducersAndTheTransactionIndexes) {
  FillWithTransactions();
  const auto before = log_->producers().producers();
  for (const auto& file : std::filesystem::directory_iterator(directory())) {
    const std::string name = file.path().filename();
    if (name.ends_with(".txnindex") || name.ends_with(".snapshot")) std::filesystem::remove(file);
  }
  Reopen({});
  EXPECT_EQ(log_->last_stable_offset(), Offset{6});
  EXPECT_EQ(log_->producers().producers(), before);
  End(3, kCommit);
  EXPECT_THAT(Aborted(0), ElementsAre("1@0", "1@10"));
}

TEST_F(PartitionLogProducersTest, Log118_SnapshotsAboveTheRecoveryPointAreNotTrustedAfterACrash) {
  Data(1);
  ASSERT_TRUE(RunToEnd(log_->Flush(queue_)).ok());
  FillWithTransactions();
  ProducerStateTable lie;
  lie.AdvanceEndTo(Snapshots().back());
  lie.Restore(99, {});
  ASSERT_TRUE(WriteProducerSnapshot(SystemFileIo(), directory(), lie).ok());
  Crash();
  EXPECT_EQ(log_->producers().Find(99), nullptr);
  EXPECT_NE(log_->producers().Find(3), nullptr);
}

TEST_F(PartitionLogProducersTest, Log101_TruncationReopensWhatWasClosed) {
  FillWithTransactions();
  ASSERT_TRUE(log_->TruncateTo(Offset{4}).ok());  // before both markers
  EXPECT_EQ(log_->last_stable_offset(), Offset{0});
  EXPECT_EQ(log_->producers().Find(3), nullptr);
  EXPECT_THAT(Aborted(0), IsEmpty());
  End(1, kCommit);
  End(2, kAbort);
  EXPECT_THAT(Aborted(0), ElementsAre("2@2"));
  StopCleanly();
  EXPECT_THAT(Aborted(0), ElementsAre("2@2"));
}

TEST_F(PartitionLogProducersTest, Log102_FullTruncationForgetsAllProducers) {
  FillWithTransactions();
  ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{100}).ok());
  EXPECT_TRUE(log_->producers().producers().empty());
  EXPECT_THAT(Snapshots(), IsEmpty());
  EXPECT_EQ(log_->last_stable_offset(), Offset{100});
}

TEST_F(PartitionLogProducersTest, Log178_ASnapshotPastTheEndIsRemoved) {
  Data(1);
  End(1, kCommit);
  ASSERT_TRUE(log_->Close().ok());
  ProducerStateTable phantom;
  ProducerState open;
  open.transaction_first_offset = Offset{1};
  phantom.Restore(7, open);
  phantom.AdvanceEndTo(Offset{50});
  ASSERT_TRUE(WriteProducerSnapshot(SystemFileIo(), directory(), phantom).ok());
  Reopen({.clean = true});
  EXPECT_EQ(log_->last_stable_offset(), Offset{3});
  EXPECT_THAT(Snapshots(), IsEmpty());
}

TEST_F(PartitionLogProducersTest, Log119_WithoutAnySnapshotTheBatchesAreRead) {
  FillWithTransactions();
  ASSERT_TRUE(log_->Close().ok());
  for (const Offset offset : Snapshots()) std::filesystem::remove(ProducerSnapshotPath(directory(), offset));
  Reopen({.clean = true});
  EXPECT_EQ(log_->last_stable_offset(), Offset{6});
}

TEST_F(PartitionLogProducersTest, Log120_SnapshotsOffSegmentBasesGoButTheLastOne) {
  FillWithTransactions();
  StopCleanly();
  Data(4);
  StopCleanly();  // the snapshot of the first stop is of no use any more
  const std::vector<Offset> kept = Snapshots();
  EXPECT_EQ(kept.back(), log_->log_end_offset());
  for (size_t i = 0; i + 1 < kept.size(); ++i)
    EXPECT_TRUE(std::filesystem::exists(directory() / SegmentFileName(kept[i], kLogSuffix))) << kept[i].value;
}

TEST_F(PartitionLogProducersTest, Log116_ProducersExpireWhenTheLogIsOpened) {
  Append({.base_timestamp = 1000, .producer_id = 1, .producer_epoch = 0, .base_sequence = 0});
  ASSERT_TRUE(log_->Close().ok());
  Reopen({.clean = true, .now = Timestamp{1000 + config_.producer_id_expiration.count() - 1}});
  EXPECT_NE(log_->producers().Find(1), nullptr);
  ASSERT_TRUE(log_->Close().ok());
  Reopen({.clean = true, .now = Timestamp{1000 + config_.producer_id_expiration.count()}});
  EXPECT_EQ(log_->producers().Find(1), nullptr);
}

TEST_F(PartitionLogProducersTest, Log123_ATransactionIndexThatDoesNotFitIsMadeAnew) {
  FillWithTransactions();
  End(3, kCommit);
  ASSERT_TRUE(log_->Close().ok());
  std::filesystem::path last_index;
  for (const auto& file : std::filesystem::directory_iterator(directory()))
    if (file.path().extension() == ".txnindex") last_index = std::max(last_index, file.path());
  const Offset base = *OffsetFromFileName(last_index.filename().native());
  ASSERT_GT(base, Offset{1});
  std::filesystem::remove(last_index);
  const StoredPath outlives_it(directory());
  TransactionIndex wrong(SystemFileIo(), outlives_it, base);
  ASSERT_TRUE(wrong.Append({1, Offset{0}, Offset{1}, Offset{2}}).ok());
  Reopen({.clean = true});
  EXPECT_THAT(Aborted(0), ElementsAre("1@0", "1@10"));
}

}  // namespace
}  // namespace slipstream
