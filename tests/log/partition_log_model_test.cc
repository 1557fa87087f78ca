// Goal: whatever is done to a log in whatever order, it holds what a naive list of batches holds.
// Method: seeded steps on the real log, over a disk in memory, and on the list: 100,000 in all. What a step returns is
// compared at once; the whole log is read back after each opening and every so often. A log that grew long is cut back
// by retention, so that a step stays cheap.
#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <random>

#include "log/partition_log.h"
#include "log/record_batch.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/maintenance.h"
#include "tests/support/run.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

struct ModelBatch {
  int64_t base, last;
  int32_t epoch;
  std::vector<std::byte> bytes;
};

class LogModel : public testing::TestWithParam<uint64_t> {
 protected:
  static constexpr int kSteps = 5000;
  static constexpr int kStepsBetweenChecks = 16;

  LogModel() : random_(GetParam()) {
    queue_.set_write_now_bytes_max(1 << 16);
    config_.segment_bytes = 700;
    config_.index_interval_bytes = 100;
    config_.segment_ms = std::chrono::milliseconds(400);
    config_.write_mode = static_cast<WriteMode>(GetParam() % 4);  // the same for all of them
    config_.retention_bytes = 2500;
    config_.retention_ms = std::chrono::milliseconds(-1);
    config_.file_delete_delay = std::chrono::milliseconds(0);
    Open({.clean = true});
  }

  int64_t Below(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }
  int64_t LogStart() const { return log_->log_start_offset().value; }
  int64_t LogEnd() const { return log_->log_end_offset().value; }
  int64_t Pick() { return LogStart() + Below(LogEnd() - LogStart() + 4); }  // within the log or a little above

  void Open(LogOpenOptions options) {
    log_.reset();
    auto opened = PartitionLog::Open(*disk_, "/orders-0", {"orders", 0}, config_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
  }

  void Append() {
    std::vector<std::byte> run;
    std::vector<ModelBatch> batches;
    int64_t next = LogEnd();
    for (int64_t i = Below(6); i >= 0; --i) {
      if (Below(10) == 0) next += Below(30);
      if (Below(12) == 0) ++epoch_;
      timestamp_ += Below(40) - 10;
      BatchSpec spec{.base_offset = next,
                     .record_count = static_cast<int32_t>(1 + Below(5)),
                     .leader_epoch = epoch_,
                     .base_timestamp = timestamp_,
                     .value_bytes = static_cast<size_t>(Below(60)),
                     .fill = static_cast<uint8_t>(Below(256))};
      std::vector<std::byte> bytes = MakeBatch(spec);
      run.insert(run.end(), bytes.begin(), bytes.end());
      batches.push_back({next, next + spec.record_count - 1, epoch_, std::move(bytes)});
      next += spec.record_count;
    }
    const bool torn = Below(8) == 0;
    if (torn) queue_.write_bytes_left = static_cast<uint64_t>(Below(static_cast<int64_t>(run.size())));
    const WriteHint hint = Below(2) == 0 ? WriteHint::kBulk : WriteHint::kCached;
    const bool at_once = hint == WriteHint::kCached && Below(2) == 0;
    const std::optional<absl::Status> now = at_once ? AppendNow(run) : std::nullopt;
    const absl::Status appended = now ? *now : RunToEnd(log_->AppendAsFollower(queue_, run, hint));
    queue_.write_bytes_left = 1 << 30;
    ASSERT_EQ(appended.ok(), !torn) << appended;
    cut_since_flush_ |= torn;
    for (ModelBatch& batch : batches) {
      if (batch.last < LogEnd()) model_.push_back(std::move(batch));
    }
    ASSERT_TRUE(torn || LogEnd() == next);
  }

  std::optional<absl::Status> AppendNow(ByteSpan run) {
    const absl::Status sound = log_->CheckBatches(run);
    return sound.ok() ? log_->AppendNow(queue_, run) : std::optional(sound);
  }

  void Truncate() {
    const int64_t to = Pick();
    const int64_t start_before = LogStart(), end_before = LogEnd();
    const absl::Status cut = log_->TruncateTo(Offset{to});
    ASSERT_TRUE(cut.ok()) << cut;
    int64_t expected = std::min(to, end_before);
    if (to < end_before && to <= start_before) model_.clear();  // it starts anew, right there
    std::erase_if(model_, [&](const ModelBatch& batch) {
      if (batch.last < to) return false;
      expected = std::min(expected, batch.base);
      return true;
    });
    ASSERT_EQ(LogEnd(), expected);
    durable_ = std::min(durable_, expected);
    cut_since_flush_ = true;
  }

  void StartAnew() {
    const int64_t at = Below(3) == 0 ? LogEnd() + Below(100) : Pick();
    ASSERT_TRUE(log_->TruncateFullyAndStartAt(Offset{at}).ok());
    model_.clear();
    ASSERT_EQ(LogStart(), at);
    ASSERT_EQ(LogEnd(), at);
    durable_ = std::min(durable_, at);
    cut_since_flush_ = true;
  }

  void RaiseLogStart() {
    log_->UpdateHighWatermark(Offset{Pick()});
    const int64_t to = LogStart() + Below(log_->high_watermark().value - LogStart() + 1);
    ASSERT_TRUE(log_->MaybeIncrementLogStartOffset(Offset{to}).ok());
    ASSERT_EQ(LogStart(), to);
  }

  void Retain() {
    log_->UpdateHighWatermark(Offset{Pick()});
    const Offset end = log_->log_end_offset(), start = log_->log_start_offset();
    // A crash may have brought back whole segments below the log start, which go whatever the size is.
    uint64_t bytes = 0;
    for (const ModelBatch& batch : model_)
      if (batch.last >= LogStart()) bytes += batch.bytes.size();
    ASSERT_TRUE(MaintainAndRemove(*log_, Timestamp{timestamp_}).ok());
    ASSERT_EQ(log_->log_end_offset(), end);
    ASSERT_GE(log_->log_start_offset(), start);
    ASSERT_LE(log_->log_start_offset(), log_->high_watermark());
    ASSERT_GE(log_->size_bytes(), std::min<uint64_t>(bytes, static_cast<uint64_t>(config_.retention_bytes)));
    ForgetBelowLogStart();
  }
  // Batches that no segment holds any more would only make the model slow.
  void ForgetBelowLogStart() {
    while (!model_.empty() && model_.front().last < LogStart()) model_.pop_front();
  }

  void Flush() {
    ASSERT_TRUE(RunToEnd(log_->Flush(queue_)).ok());
    ASSERT_EQ(log_->recovery_point(), log_->log_end_offset());
    durable_ = LogEnd();
    cut_since_flush_ = false;
  }

  LogOpenOptions OptionsNow(bool clean) {
    return {.clean = clean,
            .recovery_point = log_->recovery_point(),
            .log_start_offset = log_->log_start_offset(),
            .high_watermark = log_->high_watermark()};
  }
  // A hole at the end is known only in memory: an opened log ends after its last batch, or where its last segment
  // begins.
  void CheckEndAfterOpen(int64_t end_before) {
    const int64_t data_end = model_.empty() ? 0 : model_.back().last + 1;
    ASSERT_LE(LogEnd(), std::max(end_before, LogStart()));
    ASSERT_GE(LogEnd(), data_end);
  }

  void CloseAndOpen() {
    const int64_t end_before = LogEnd();
    ASSERT_TRUE(log_->Close().ok());
    Open(OptionsNow(/*clean=*/true));
    CheckEndAfterOpen(end_before);
    durable_ = LogEnd();
    cut_since_flush_ = false;
  }

  // Flips a bit of one batch, of those that its CRC or its framing protects: base offset and epoch are not among them.
  void Scramble(const LogSlice& slice) {
    std::vector<std::byte> bytes(slice.bytes);
    ASSERT_EQ(*slice.file->ReadAt(bytes, slice.position), bytes.size());
    std::vector<ByteSpan> batches;
    BatchWalker walker(bytes);
    while (walker.Next()) batches.push_back(walker.batch().bytes());
    const ByteSpan batch = batches[static_cast<size_t>(Below(static_cast<int64_t>(batches.size())))];
    const size_t at = static_cast<size_t>(batch.data() - bytes.data()) + 17 +
                      static_cast<size_t>(Below(static_cast<int64_t>(batch.size()) - 17));
    bytes[at] ^= std::byte{0x10};
    ASSERT_TRUE(slice.file->WriteAt(ByteSpan(bytes).subspan(at, 1), slice.position + at).ok());
  }

  // A crash: some of what was not flushed is torn off, or its bytes are scrambled, or nothing is lost.
  void CrashAndOpen() {
    const int64_t end_before = LogEnd();
    const LogOpenOptions options = OptionsNow(/*clean=*/false);
    ASSERT_GE(options.recovery_point, Offset{std::min(durable_, end_before)});
    const LogSlice unflushed =
        *log_->Read(std::max(options.recovery_point, log_->log_start_offset()), log_->log_end_offset(), 1 << 30);
    if (unflushed.file != nullptr && Below(3) == 0) {
      const FilePosition at = unflushed.position + static_cast<uint64_t>(Below(static_cast<int64_t>(unflushed.bytes)));
      ASSERT_TRUE(unflushed.file->Truncate(at.value).ok());
    } else if (unflushed.file != nullptr && Below(2) == 0) {
      Scramble(unflushed);
    }
    Open(options);
    DropWhatIsGone(options.recovery_point);
    CheckEndAfterOpen(end_before);
  }

  void CheckOffsets() {
    ASSERT_LE(log_->log_start_offset(), log_->high_watermark());
    ASSERT_LE(log_->high_watermark(), log_->log_end_offset());
    ASSERT_LE(log_->recovery_point(), log_->log_end_offset());
  }

  // A power cut: any part of what no fsync covered is lost. A log that was cut since its last flush may come back as it
  // was before the cut, which tests/log/crash looks into; here it is flushed first.
  void CutPowerAndOpen() {
    if (cut_since_flush_) Flush();
    if (HasFatalFailure()) return;
    const LogOpenOptions options = OptionsNow(/*clean=*/false);
    log_.reset();
    disk_ = disk_->AfterPowerCut(Survives::kRandomPart, random_());
    Open(options);
    DropWhatIsGone(options.recovery_point);
  }
  void DropWhatIsGone(Offset recovery_point) {
    std::erase_if(model_, [&](const ModelBatch& batch) {
      if (batch.last < LogEnd()) return false;
      EXPECT_GE(batch.last, recovery_point.value) << "flushed data was lost (INV-18)";
      return true;
    });
    durable_ = std::min(durable_, LogEnd());
  }

  void CheckAll() {
    CheckContent();
    CheckEpochs();
    CheckBoundedRead();
  }

  void CheckContent() {
    std::vector<std::byte> expected, actual;
    for (const ModelBatch& batch : model_) {
      if (batch.last >= LogStart()) expected.insert(expected.end(), batch.bytes.begin(), batch.bytes.end());
    }
    for (Offset next = log_->log_start_offset(); next < log_->log_end_offset();) {
      const auto slice = log_->Read(next, log_->log_end_offset(), static_cast<uint64_t>(Below(1500)));
      ASSERT_TRUE(slice.ok()) << slice.status();
      if (slice->file == nullptr) break;
      std::vector<std::byte> bytes(slice->bytes);
      ASSERT_EQ(*slice->file->ReadAt(bytes, slice->position), bytes.size());
      BatchWalker walker(bytes);
      while (walker.Next()) next = walker.batch().next_offset();
      ASSERT_GT(walker.valid_bytes(), 0u) << "at least one batch";
      actual.insert(actual.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(walker.valid_bytes()));
    }
    ASSERT_TRUE(actual == expected) << "offsets " << BasesOf(actual) << " instead of " << BasesOf(expected);
  }
  static std::string BasesOf(ByteSpan batches) {
    std::string bases;
    BatchWalker walker(batches);
    while (walker.Next()) absl::StrAppend(&bases, " ", walker.batch().base_offset().value);
    return bases;
  }

  // Every entry is the first retained offset of its epoch (INV-07).
  void CheckEpochs() {
    std::map<int32_t, int64_t> first_of_epoch;
    for (const ModelBatch& batch : model_) {
      if (batch.last < LogStart()) continue;
      const int64_t from = std::max(batch.base, LogStart());
      first_of_epoch.emplace(batch.epoch, from);
      ASSERT_EQ(log_->epochs().EpochForOffset(Offset{from}), LeaderEpoch{batch.epoch});
    }
    for (const EpochStart& entry : log_->epochs().entries()) {
      // What lay below the log start may leave its epoch there.
      if (entry.start_offset == log_->log_start_offset()) continue;
      ASSERT_TRUE(first_of_epoch.contains(entry.epoch.value)) << "epoch " << entry.epoch.value;
      ASSERT_EQ(entry.start_offset.value, first_of_epoch[entry.epoch.value]);
    }
  }

  void CheckBoundedRead() {
    const Offset from{std::min(Pick(), LogEnd())}, bound{Pick()};
    const LogSlice slice = *log_->Read(from, bound, 1 << 30);
    if (slice.file == nullptr) return;
    std::vector<std::byte> bytes(slice.bytes);
    ASSERT_EQ(*slice.file->ReadAt(bytes, slice.position), bytes.size());
    BatchWalker walker(bytes);
    while (walker.Next()) {
      ASSERT_GE(walker.batch().last_offset(), from);
      ASSERT_LT(walker.batch().last_offset(), bound);
    }
    ASSERT_EQ(walker.valid_bytes(), bytes.size()) << "without a limit only whole batches are read";
  }

  std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  LogConfig config_;
  FailingQueue queue_;
  std::mt19937_64 random_;
  std::unique_ptr<PartitionLog> log_;
  std::deque<ModelBatch> model_;
  int64_t durable_ = 0;           // flushed and not truncated since
  bool cut_since_flush_ = false;  // also by an append that failed
  int32_t epoch_ = 0;
  int64_t timestamp_ = 1'000'000;
};

TEST_P(LogModel, Inv05_Inv07_Inv18_TheLogHoldsWhatTheModelHolds) {
  for (int step = 0; step < kSteps; ++step) {
    SCOPED_TRACE(testing::Message() << "seed " << GetParam() << " step " << step);
    const int64_t dice = Below(100);
    const bool opens = dice >= 90;
    if (dice < 55) {
      Append();
    } else if (dice < 67) {
      Truncate();
    } else if (dice < 69) {
      StartAnew();
    } else if (dice < 75) {
      RaiseLogStart();
    } else if (dice < 83) {
      Retain();
    } else if (dice < 90) {
      Flush();
    } else if (dice < 94) {
      CloseAndOpen();
    } else if (dice < 97) {
      CrashAndOpen();
    } else {
      CutPowerAndOpen();
    }
    if (HasFatalFailure()) return;
    CheckOffsets();
    if (opens || step % kStepsBetweenChecks == 0) CheckAll();
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogModel, testing::Range<uint64_t>(0, 20));

}  // namespace
}  // namespace slipstream
