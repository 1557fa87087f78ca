#include "log/segment.h"

#include <gmock/gmock.h>

#include "log/batch_header_reader.h"
#include "log/io/blocking_queue.h"
#include "log/partition_log.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

class SegmentTest : public testing::Test {
 protected:
  std::filesystem::path FilePath(int64_t base, absl::string_view suffix) const {
    return dir_.path() / SegmentFileName(Offset{base}, suffix);
  }
  std::unique_ptr<Segment> Create(int64_t base) {
    return *Segment::Create(SystemFileIo(), directory_, Offset{base}, config_);
  }
  std::unique_ptr<Segment> Open(int64_t base) {
    return *Segment::Open(SystemFileIo(), directory_, Offset{base}, config_);
  }

  absl::Status Append(Segment& segment, ByteSpan run) {
    if (absl::Status loaded = segment.LoadForAppend(); !loaded.ok()) return loaded;
    BatchWalker walker(run);
    while (walker.Next()) {
      SLIP_CHECK(segment.Fits(walker.batch()));
      if (absl::Status staged = segment.Stage(walker.batch()); !staged.ok()) return staged;
    }
    return RunToEnd(segment.WriteStaged(queue_, run, WriteHint::kCached));
  }
  std::vector<OffsetIndexEntry> OffsetEntries(int64_t base) {
    OffsetIndex index(SystemFileIo(), directory_, Offset{base}, 10 << 20);
    std::vector<OffsetIndexEntry> entries;
    SLIP_CHECK(index.Load().ok());
    for (OffsetIndexEntry last = *index.LastEntry(); index.count() > 0; last = *index.LastEntry()) {
      entries.insert(entries.begin(), last);
      SLIP_CHECK(index.TruncateToCount(index.count() - 1).ok());
    }
    return entries;
  }
  uint64_t FileBytes(int64_t base, absl::string_view suffix) {
    return std::filesystem::file_size(FilePath(base, suffix));
  }
  bool Fits(Segment& segment, const BatchSpec& spec) {
    const std::vector<std::byte> batch = MakeBatch(spec);
    return segment.Fits(RecordBatchView(batch));
  }

  TempDir dir_;
  const StoredPath directory_{dir_.path()};
  LogConfig config_;
  FailingQueue queue_;
};

TEST_F(SegmentTest, Log37_FileNamesHaveTwentyDigits) {
  EXPECT_EQ(SegmentFileName(Offset{42}, kLogSuffix), "00000000000000000042.log");
  EXPECT_EQ(SegmentFileName(Offset{9223372036854775807}, ".index"), "09223372036854775807.index");
  EXPECT_EQ(OffsetFromFileName("00000000000000000042.log.swap"), Offset{42});
  EXPECT_EQ(OffsetFromFileName("x42.log"), std::nullopt);
  EXPECT_EQ(OffsetFromFileName("-1.log"), std::nullopt);
}

TEST_F(SegmentTest, Log32_BytesLieBackToBackAsGiven) {
  auto segment = Create(100);
  const std::vector<std::byte> first = MakeRun({.base_offset = 100, .record_count = 3}, 4);
  const std::vector<std::byte> second = MakeBatch({.base_offset = 112});
  ASSERT_TRUE(Append(*segment, first).ok());
  ASSERT_TRUE(Append(*segment, second).ok());
  EXPECT_EQ(queue_.writes, 2) << "one write for a run, however many batches";
  std::string expected(reinterpret_cast<const char*>(first.data()), first.size());
  expected.append(reinterpret_cast<const char*>(second.data()), second.size());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(100, kLogSuffix)), expected);
}

TEST_F(SegmentTest, Log88_EntryPerBatchAfterTheInterval) {
  config_.index_interval_bytes = 150;
  auto segment = Create(0);
  const size_t size = MakeBatch({.record_count = 2}).size();
  ASSERT_GT(2 * size, 150u);
  ASSERT_LT(size, 150u);
  ASSERT_TRUE(Append(*segment, MakeRun({.record_count = 2, .timestamp_step = 5}, 7)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  // Entries for batches 2, 4, 6: never for the first, and the offset is the last one of the batch at the position.
  EXPECT_EQ(OffsetEntries(0), (std::vector<OffsetIndexEntry>{{Offset{5}, FilePosition{2 * size}},
                                                             {Offset{9}, FilePosition{4 * size}},
                                                             {Offset{13}, FilePosition{6 * size}}}));
}

TEST_F(SegmentTest, Log89_ManySmallCallsAndOneBigCallIndexTheSame) {
  config_.index_interval_bytes = 300;
  auto big = Create(0);
  const std::vector<std::byte> run = MakeRun({}, 50);
  ASSERT_TRUE(Append(*big, run).ok());
  ASSERT_TRUE(big->Seal().ok());
  const std::string index = *ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix));
  const std::string time_index = *ReadWholeFile(SystemFileIo(), FilePath(0, kTimeIndexSuffix));
  ASSERT_FALSE(index.empty());
  auto small = Create(0);
  BatchWalker walker(run);
  while (walker.Next()) ASSERT_TRUE(Append(*small, walker.batch().bytes()).ok());
  ASSERT_TRUE(small->Seal().ok());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix)), index);
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(0, kTimeIndexSuffix)), time_index);
}

TEST_F(SegmentTest, Log82_ExactFillIsAllowedOneByteMoreIsNot) {
  const size_t size = MakeBatch({}).size();
  config_.segment_bytes = static_cast<int32_t>(2 * size);
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeBatch({})).ok());
  EXPECT_TRUE(Fits(*segment, {.base_offset = 1}));
  EXPECT_FALSE(Fits(*segment, {.base_offset = 1, .value_bytes = 11}));
}

TEST_F(SegmentTest, Log82_FullIndexRollsButNeverAnEmptySegment) {
  config_.index_interval_bytes = 0;
  config_.segment_index_bytes = 36;  // 4 offset entries, 3 - 1 time entries
  auto segment = Create(0);
  EXPECT_TRUE(Fits(*segment, {}));
  ASSERT_TRUE(Append(*segment, MakeRun({}, 3)).ok());
  EXPECT_FALSE(Fits(*segment, {.base_offset = 3}));
  config_.segment_index_bytes = 12;  // no room for any entry
  auto tiny = Create(50);
  EXPECT_TRUE(Fits(*tiny, {.base_offset = 50})) << "or it would roll to the same name for ever (LOG-171)";
}

TEST_F(SegmentTest, Log82_Log170_OffsetsBeyond31BitsDoNotFit) {
  auto segment = Create(0);
  EXPECT_TRUE(Fits(*segment, {.base_offset = (int64_t{1} << 31) - 1}));
  EXPECT_FALSE(Fits(*segment, {.base_offset = int64_t{1} << 31}));
}

TEST_F(SegmentTest, Log83_RecordTimeDrivesTheRoll) {
  config_.segment_ms = std::chrono::milliseconds(100);
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeBatch({.base_timestamp = 5000})).ok());
  EXPECT_TRUE(Fits(*segment, {.base_offset = 1, .base_timestamp = 5100}));
  EXPECT_FALSE(Fits(*segment, {.base_offset = 1, .base_timestamp = 5101}));
  EXPECT_TRUE(Fits(*segment, {.base_offset = 1, .base_timestamp = -1}));
  segment->Release();
  ASSERT_TRUE(segment->LoadForAppend().ok());
  EXPECT_FALSE(Fits(*segment, {.base_offset = 1, .base_timestamp = 5101}))
      << "the first batch counts after a reload too";
}

TEST_F(SegmentTest, Log86_SealAddsTheLastTimeEntry) {
  auto segment = Create(10);
  ASSERT_TRUE(Append(*segment, MakeBatches({{.base_offset = 10, .record_count = 2, .base_timestamp = 70},
                                            {.base_offset = 12, .base_timestamp = 50}}))
                  .ok());
  EXPECT_EQ(FileBytes(10, kTimeIndexSuffix), 0u);
  ASSERT_TRUE(segment->Seal().ok());
  TimeIndex index(SystemFileIo(), directory_, Offset{10}, 1 << 20);
  EXPECT_EQ(*index.LastEntry(), (TimeIndexEntry{Timestamp{71}, Offset{11}}));
  ASSERT_TRUE(segment->Seal().ok());
  EXPECT_EQ(FileBytes(10, kTimeIndexSuffix), 12u) << "sealing twice adds nothing";
}

TEST_F(SegmentTest, Log72_TornWriteIsCutAndTheNextLandsAtTheTail) {
  auto segment = Create(0);
  const std::vector<std::byte> good = MakeRun({}, 2);
  ASSERT_TRUE(Append(*segment, good).ok());
  queue_.write_bytes_left = 40;
  EXPECT_TRUE(absl::IsResourceExhausted(Append(*segment, MakeBatch({.base_offset = 2}))));
  EXPECT_EQ(segment->size_bytes(), good.size());
  EXPECT_EQ(FileBytes(0, kLogSuffix), good.size());
  queue_.write_bytes_left = 1 << 20;
  ASSERT_TRUE(Append(*segment, MakeBatch({.base_offset = 2, .fill = 'w'})).ok());
  EXPECT_EQ((*segment->LastBatch())->base_offset, Offset{2});
}

TEST_F(SegmentTest, Log72_FailedRunLeavesNoIndexEntries) {
  config_.index_interval_bytes = 0;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 3)).ok());
  queue_.write_bytes_left = 100;
  // Enough entries that full chunks of them were written to the index files before the data failed.
  EXPECT_FALSE(Append(*segment, MakeRun({.base_offset = 3, .base_timestamp = 5000}, 2000)).ok());
  queue_.write_bytes_left = 1 << 20;
  ASSERT_TRUE(Append(*segment, MakeRun({.base_offset = 3}, 2)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  EXPECT_EQ(FileBytes(0, kOffsetIndexSuffix), 4 * 8u);
  EXPECT_EQ(*segment->MaxTimestamp(), Timestamp{1002});
}

TEST_F(SegmentTest, Log99_CutsAtTheFirstBatchThatReachesTheOffset) {
  auto segment = Create(0);
  const std::vector<std::byte> run = MakeRun({.record_count = 10}, 3);
  ASSERT_TRUE(Append(*segment, run).ok());
  EXPECT_EQ(*segment->TruncateTo(Offset{35}), Offset{35});
  EXPECT_EQ(segment->size_bytes(), run.size());
  EXPECT_EQ(*segment->TruncateTo(Offset{20}), Offset{20});
  EXPECT_EQ(segment->size_bytes(), run.size() / 3 * 2);
  EXPECT_EQ(FileBytes(0, kLogSuffix), run.size() / 3 * 2);
}

TEST_F(SegmentTest, Log100_InsideABatchTheCutGoesToItsBase) {
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({.record_count = 10}, 3)).ok());
  EXPECT_EQ(*segment->TruncateTo(Offset{12}), Offset{10});
  EXPECT_EQ((*segment->LastBatch())->last_offset, Offset{9});
}

TEST_F(SegmentTest, Log99_OffsetInAGap) {
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeBatches({{.record_count = 10}, {.base_offset = 30}})).ok());
  EXPECT_EQ(*segment->TruncateTo(Offset{20}), Offset{20});
  EXPECT_EQ((*segment->LastBatch())->last_offset, Offset{9});
}

TEST_F(SegmentTest, Log99_TruncationCutsBothIndexes) {
  config_.index_interval_bytes = 0;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 100)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  ASSERT_EQ(*segment->TruncateTo(Offset{50}), Offset{50});
  segment->Release();
  EXPECT_EQ(FileBytes(0, kOffsetIndexSuffix), 49 * 8u);  // offsets 1..49
  EXPECT_EQ(FileBytes(0, kTimeIndexSuffix), 49 * 12u);
  EXPECT_EQ(OffsetEntries(0).back().offset, Offset{49});
}

TEST_F(SegmentTest, Log92_Log173_MaxTimestampIsReadAgainAfterTruncation) {
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeBatches({{.base_timestamp = 300}, {.base_offset = 1, .base_timestamp = 900}})).ok());
  EXPECT_EQ(*segment->MaxTimestamp(), Timestamp{900});
  ASSERT_TRUE(segment->TruncateTo(Offset{1}).ok());
  EXPECT_EQ(*segment->MaxTimestamp(), Timestamp{300});
}

TEST_F(SegmentTest, Log104_Log184_NothingToCutLeavesTheFileAlone) {
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 3)).ok());
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(100);
  std::filesystem::last_write_time(FilePath(0, kLogSuffix), old);
  ASSERT_TRUE(segment->TruncateTo(Offset{3}).ok());
  std::vector<std::byte> buffer;
  ASSERT_TRUE(segment->Recover(buffer, [](const RecordBatchView&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(std::filesystem::last_write_time(FilePath(0, kLogSuffix)), old);
}

TEST_F(SegmentTest, Log146_FindsTheFirstBatchThatReachesTheOffset) {
  config_.index_interval_bytes = 200;
  auto segment = Create(0);
  std::vector<std::byte> run = MakeRun({.record_count = 5}, 40);
  AppendBatch(run, {.base_offset = 300, .record_count = 5});
  ASSERT_TRUE(Append(*segment, run).ok());
  for (int64_t offset = 0; offset < 200; ++offset) {
    const std::optional<BatchPlace> found = *segment->Find(Offset{offset});
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->base_offset, Offset{offset / 5 * 5});
  }
  EXPECT_EQ((*segment->Find(Offset{250}))->base_offset, Offset{300}) << "a hole is skipped";
  EXPECT_FALSE(segment->Find(Offset{305})->has_value());
}

TEST_F(SegmentTest, Rel45_ScrambledIndexIsRebuiltAndReadsAreRight) {
  config_.index_interval_bytes = 200;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 100)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  segment->Release();
  const std::string good = *ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix));
  for (const uint64_t shift : {1u, 1u << 20}) {  // into the middle of batches; beyond the file
    {
      OffsetIndex index(SystemFileIo(), directory_, Offset{0}, 10 << 20);
      const std::vector<OffsetIndexEntry> entries = OffsetEntries(0);
      ASSERT_TRUE(index.Load().ok());
      ASSERT_TRUE(index.TruncateToCount(0).ok());
      for (const OffsetIndexEntry& entry : entries)
        ASSERT_TRUE(index.Append(entry.offset, entry.position + shift).ok());
      ASSERT_TRUE(index.Release().ok());
    }
    auto reopened = Open(0);
    EXPECT_EQ((*reopened->Find(Offset{90}))->base_offset, Offset{90});
    EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix)), good);
  }
}

// What happened: the index was rebuilt under the append, which then took the length from before itself for the
// segment's: what it had written was overwritten by the next.
TEST_F(SegmentTest, Rel45_AScrambledIndexIsLeftAloneWhileAnAppendIsUnderWay) {
  config_.index_interval_bytes = 200;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 100)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  segment->Release();
  {
    OffsetIndex index(SystemFileIo(), directory_, Offset{0}, 10 << 20);
    const std::vector<OffsetIndexEntry> entries = OffsetEntries(0);
    ASSERT_TRUE(index.Load().ok());
    ASSERT_TRUE(index.TruncateToCount(0).ok());
    for (const OffsetIndexEntry& entry : entries) ASSERT_TRUE(index.Append(entry.offset, entry.position + 1).ok());
    ASSERT_TRUE(index.Release().ok());
  }
  const uint64_t size = segment->size_bytes();
  const std::vector<std::byte> batch = MakeBatch({.base_offset = 100});
  queue_.before_write = [&] {
    const absl::StatusOr<std::optional<BatchPlace>> found = segment->Find(Offset{90});
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ((*found)->base_offset, Offset{90});
  };
  ASSERT_TRUE(Append(*segment, batch).ok());
  queue_.before_write = nullptr;
  EXPECT_EQ(segment->size_bytes(), size + batch.size());
  EXPECT_EQ((*segment->Find(Offset{90}))->base_offset, Offset{90}) << "now it is rebuilt";
  EXPECT_EQ((*segment->Find(Offset{100}))->base_offset, Offset{100});
}

TEST_F(SegmentTest, Log155_FindsTheFirstBatchWithATimestamp) {
  config_.index_interval_bytes = 100;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({.record_count = 2, .base_timestamp = 1000, .timestamp_step = 10}, 50)).ok());
  EXPECT_EQ((*segment->FindTimestamp(Timestamp{0}, Offset{0}))->base_offset, Offset{0});
  EXPECT_EQ((*segment->FindTimestamp(Timestamp{1015}, Offset{0}))->base_offset, Offset{2});
  EXPECT_EQ((*segment->FindTimestamp(Timestamp{1990}, Offset{0}))->base_offset, Offset{98});
  EXPECT_EQ((*segment->FindTimestamp(Timestamp{1015}, Offset{40}))->base_offset, Offset{40});
  EXPECT_FALSE(segment->FindTimestamp(Timestamp{1991}, Offset{0})->has_value());
}

class SegmentRecoveryTest : public SegmentTest {
 protected:
  void WriteFile(ByteSpan bytes) {
    Create(0);
    const auto file = *SystemFileIo().Open(FilePath(0, kLogSuffix), OpenMode::kReadWrite);
    ASSERT_TRUE(file->WriteAt(bytes, FilePosition{0}).ok());
  }
  // Recovers and returns the number of good bytes; offsets_ are those of the batches seen.
  uint64_t Recover(Segment& segment) {
    std::vector<std::byte> buffer;
    const auto good = segment.Recover(buffer, [this](const RecordBatchView& batch) {
      offsets_.push_back(batch.base_offset().value);
      return absl::OkStatus();
    });
    SLIP_CHECK(good.ok());
    return *good;
  }

  std::vector<int64_t> offsets_;
};

TEST_F(SegmentRecoveryTest, Log138_RebuildsBothIndexesAsAppendMadeThem) {
  config_.index_interval_bytes = 200;
  auto segment = Create(0);
  ASSERT_TRUE(Append(*segment, MakeRun({}, 100)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  segment->Release();
  const std::string index = *ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix));
  const std::string time_index = *ReadWholeFile(SystemFileIo(), FilePath(0, kTimeIndexSuffix));
  std::filesystem::resize_file(FilePath(0, kOffsetIndexSuffix), 8 * 3 + 1);
  std::filesystem::resize_file(FilePath(0, kTimeIndexSuffix), 4000);
  auto reopened = Open(0);
  EXPECT_EQ(Recover(*reopened), reopened->size_bytes());
  reopened->Release();
  EXPECT_EQ(offsets_.size(), 100u);
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(0, kOffsetIndexSuffix)), index);
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), FilePath(0, kTimeIndexSuffix)), time_index);
}

TEST_F(SegmentRecoveryTest, Log139_CutsAfterTheLastGoodBatchAtEveryTornLength) {
  const std::vector<std::byte> run = MakeRun({}, 3);
  const size_t size = run.size() / 3;
  for (size_t torn = 0; torn < size; torn += 7) {
    offsets_.clear();
    WriteFile(ByteSpan(run).first(2 * size + torn));
    auto segment = Open(0);
    const uint64_t good = Recover(*segment);
    EXPECT_EQ(good, 2 * size);
    ASSERT_TRUE(segment->CutTo(good).ok());
    EXPECT_EQ(FileBytes(0, kLogSuffix), 2 * size);
    EXPECT_EQ(offsets_, (std::vector<int64_t>{0, 1}));
  }
}

TEST_F(SegmentRecoveryTest, Log139_FlippedByteEndsTheGoodPart) {
  std::vector<std::byte> run = MakeRun({}, 4);
  const size_t size = run.size() / 4;
  run[2 * size + 70] ^= std::byte{1};
  WriteFile(run);
  EXPECT_EQ(Recover(*Open(0)), 2 * size);
}

TEST_F(SegmentRecoveryTest, Log185_ZeroTailIsCut) {
  std::vector<std::byte> run = MakeRun({}, 2);
  const size_t good = run.size();
  run.resize(good + 10'000);
  WriteFile(run);
  EXPECT_EQ(Recover(*Open(0)), good);
}

TEST_F(SegmentRecoveryTest, Log140_OffsetsThatDoNotRiseEndTheGoodPart) {
  // Base offsets lie outside the CRC: a flipped one shows only by its order.
  std::vector<std::byte> run =
      MakeBatches({{.base_offset = 5}, {.base_offset = 6}, {.base_offset = 6}, {.base_offset = 7}});
  WriteFile(run);
  EXPECT_EQ(Recover(*Open(0)), run.size() / 2);
  run = MakeBatches({{.base_offset = 5}, {.base_offset = int64_t{1} << 32}});
  WriteFile(run);
  EXPECT_EQ(Recover(*Open(0)), run.size() / 2);
}

TEST_F(SegmentRecoveryTest, Log138_BatchLargerThanTheBuffer) {
  const std::vector<std::byte> run = MakeBatches({{}, {.base_offset = 1, .value_bytes = 3 << 20}, {.base_offset = 2}});
  WriteFile(run);
  EXPECT_EQ(Recover(*Open(0)), run.size());
  EXPECT_EQ(offsets_, (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(SegmentRecoveryTest, Log29_OldFormatIsAnErrorAndNotCorruption) {
  std::vector<std::byte> run = MakeBatch({});
  const std::vector<std::byte> message = MakeOldMessage();
  run.insert(run.end(), message.begin(), message.end());
  WriteFile(run);
  std::vector<std::byte> buffer;
  auto segment = Open(0);
  const auto recovered = segment->Recover(buffer, [](const RecordBatchView&) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsUnimplemented(recovered.status())) << recovered.status();
  EXPECT_EQ(FileBytes(0, kLogSuffix), run.size());
}

TEST_F(SegmentRecoveryTest, Inv18_ATornBatchWhoseMagicIsZeroIsNoOldMessage) {
  std::vector<std::byte> run = MakeRun({}, 2);
  std::fill(run.begin() + static_cast<ptrdiff_t>(run.size() / 2 + 12), run.end(), std::byte{0});
  WriteFile(run);
  std::vector<std::byte> buffer;
  auto segment = Open(0);
  const auto recovered = segment->Recover(buffer, [](const RecordBatchView&) { return absl::OkStatus(); });
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(*recovered, run.size() / 2);
}

TEST_F(SegmentRecoveryTest, Log141_OversizeLogIsRefused) {
  Create(0);
  std::filesystem::resize_file(FilePath(0, kLogSuffix), uint64_t{1} << 31);
  EXPECT_TRUE(absl::IsDataLoss(Segment::Open(SystemFileIo(), directory_, Offset{0}, config_).status()));
}

TEST_F(SegmentTest, Log136_EndsOnBatchTellsATornTail) {
  auto segment = Create(0);
  EXPECT_TRUE(*segment->EndsOnBatch());
  ASSERT_TRUE(Append(*segment, MakeRun({}, 3)).ok());
  ASSERT_TRUE(segment->Seal().ok());
  EXPECT_TRUE(*segment->EndsOnBatch());
  std::filesystem::resize_file(FilePath(0, kLogSuffix), segment->size_bytes() - 1);
  EXPECT_FALSE(*Open(0)->EndsOnBatch());
}

TEST_F(SegmentTest, Log87_LeftoverFilesOfTheNameAreReplaced) {
  {
    auto old = Create(7);
    ASSERT_TRUE(Append(*old, MakeBatch({.base_offset = 7})).ok());
    ASSERT_TRUE(old->Seal().ok());
  }
  auto fresh = Create(7);
  EXPECT_EQ(fresh->size_bytes(), 0u);
  EXPECT_EQ(FileBytes(7, kLogSuffix), 0u);
  EXPECT_EQ(FileBytes(7, kTimeIndexSuffix), 0u);
}

TEST_F(SegmentTest, Log58_ReadersKeepTheFileOfARemovedSegment) {
  auto segment = Create(0);
  const std::vector<std::byte> run = MakeRun({}, 2);
  ASSERT_TRUE(Append(*segment, run).ok());
  const std::shared_ptr<File> file = *segment->LogFile();
  ASSERT_TRUE(Segment::RemoveFiles(SystemFileIo(), dir_.path(), Offset{0}).ok());
  segment.reset();
  EXPECT_FALSE(SystemFileIo().Exists(FilePath(0, kLogSuffix)));
  std::vector<std::byte> read(run.size());
  EXPECT_EQ(*file->ReadAt(read, FilePosition{0}), run.size());
  EXPECT_EQ(read, run);
}

// What happened: a flipped bit in the last entry had every later batch refused.
TEST_F(SegmentTest, Rel45_AnIndexThatPointsBehindTheEndIsMadeAnewBeforeAnAppend) {
  config_.index_interval_bytes = 0;
  auto segment = Create(0);
  const std::vector<std::byte> run = MakeRun({}, 4);
  ASSERT_TRUE(Append(*segment, run).ok());
  ASSERT_TRUE(segment->Seal().ok());
  const auto content = [&](absl::string_view suffix) { return *ReadWholeFile(SystemFileIo(), FilePath(0, suffix)); };
  const std::string offsets = content(kOffsetIndexSuffix), times = content(kTimeIndexSuffix);
  for (const absl::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
    SCOPED_TRACE(suffix);
    const auto file = SystemFileIo().Open(FilePath(0, suffix), OpenMode::kReadWrite);
    const uint64_t entry_bytes = suffix == kOffsetIndexSuffix ? OffsetIndex::kEntryBytes : TimeIndex::kEntryBytes;
    const uint64_t offset_at = FileBytes(0, suffix) - (suffix == kOffsetIndexSuffix ? entry_bytes : 4);
    ASSERT_TRUE((*file)->WriteAt(std::vector<std::byte>{std::byte{1}}, FilePosition{offset_at}).ok());
    segment = Open(0);
    ASSERT_TRUE(segment->LoadForAppend(Offset{4}).ok());
    ASSERT_TRUE(segment->Seal().ok());
    EXPECT_EQ(content(kOffsetIndexSuffix), offsets);
    EXPECT_EQ(content(kTimeIndexSuffix), times);
  }
  EXPECT_TRUE(Append(*segment, MakeBatch({.base_offset = 4})).ok());
}

}  // namespace
}  // namespace slipstream
