// Rounds of compaction over a real log: what is left, what its files say, and what a round must not touch.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <fstream>

#include "log/producer_snapshot.h"
#include "log/segment.h"
#include "tests/support/batches.h"
#include "tests/support/compacted_log.h"
#include "tests/support/failing_io.h"
#include "tests/support/maintenance.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CompactionTest : public testing::Test {
 protected:
  void SetUp() override { t_.Open(); }

  // A round that was planned, step by step.
  Compaction Planned() {
    auto plan = t_.log().PlanCompaction(Timestamp{t_.now});
    SLIP_CHECK(plan.ok() && plan->has_value());
    return Compaction(**std::move(plan), t_.limits);
  }
  absl::StatusOr<bool> Step(Compaction& compaction) {
    return t_.log().TakeCompacted(compaction, compaction.CleanNext());
  }
  std::vector<Offset> Snapshots() { return *ListProducerSnapshots(SystemFileIo(), t_.directory()); }

  CompactedLog t_;
  const StoredPath directory_{t_.directory()};
};

TEST_F(CompactionTest, Log158_OfEachKeyTheNewestRecordIsLeftAtItsOffset) {
  for (int i = 0; i < 30; ++i) t_.Put(absl::StrCat("k", i % 3), std::to_string(i));
  t_.Seal();
  const Offset end = t_.log().log_end_offset();
  const uint64_t bytes = t_.log().size_bytes();
  const std::vector<SeenRecord> before = t_.Records();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=27", "k1=28", "k2=29"));
  EXPECT_LT(t_.log().size_bytes(), bytes / 2);
  EXPECT_EQ(t_.log().log_end_offset(), end);
  EXPECT_EQ(t_.log().log_start_offset(), Offset{0});
  for (const SeenRecord& record : t_.Records()) EXPECT_THAT(before, testing::Contains(record)) << "nothing but gone";
  t_.Reopen();
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=27", "k1=28", "k2=29"));
  EXPECT_EQ(t_.log().log_end_offset(), end);
}

TEST_F(CompactionTest, Log157_TheActiveSegmentIsNeverCleaned) {
  t_.Put("a", "1");
  t_.Put("a", "2");
  t_.Flush();
  EXPECT_EQ(t_.log().segment_count(), 1u);
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  EXPECT_THAT(t_.Committed(), ElementsAre("a=1", "a=2"));
}

TEST_F(CompactionTest, Log157_WhatIsNotDurableOrNotCommittedStays) {
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  ASSERT_GT(t_.log().segment_count(), 3u);
  EXPECT_EQ(t_.log().recovery_point(), Offset{0});
  EXPECT_EQ(*t_.TryCompact(), std::nullopt) << "a power cut could take the record that supersedes the others";
  t_.Flush();
  t_.log().UpdateHighWatermark(Offset{2});
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  t_.log().UpdateHighWatermark(t_.log().log_end_offset());
  t_.Compact();
}

TEST_F(CompactionTest, Log157_AnOpenTransactionHoldsTheRoundBack) {
  t_.WriteInTransaction(1, {{"a", "open"}});
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Flush();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  t_.End(1, ControlType::kCommit);
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=29"));
}

TEST_F(CompactionTest, Log157_HowOldASegmentIsIsLearntOnce) {
  SimulatedDisk disk;
  t_.Close();
  t_.io = &disk;
  t_.config.min_compaction_lag = std::chrono::hours(1);
  t_.Open();
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  disk.RecordCalls();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  EXPECT_EQ(disk.recorded_calls().size(), 0u);
  // What is cut and written anew is as young as its newest record.
  t_.now += 3'600'000;
  ASSERT_TRUE(t_.log().TruncateTo(Offset{1}).ok());
  for (int i = 1; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
  t_.now += 3'600'000;
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=29"));
  t_.Abandon();  // before its io
}

TEST_F(CompactionTest, Log157_NothingIsDoneUnlessThePolicySaysSo) {
  t_.config.cleanup_compact = false;
  t_.Reopen();
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Flush();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt);
}

TEST_F(CompactionTest, Log157_CleanedPartsWaitForTheRatioAgain) {
  t_.config.min_cleanable_dirty_ratio = 0.5;
  t_.Reopen();
  for (int i = 0; i < 40; ++i) t_.Put(absl::StrCat("k", i), "value");
  t_.Seal();
  t_.Compact();
  const Offset first_dirty = *t_.log().first_dirty_offset();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt) << "nothing is dirty";
  t_.Put("k0", "new");
  t_.Seal();
  EXPECT_EQ(*t_.TryCompact(), std::nullopt) << "too little is";
  EXPECT_EQ(t_.log().first_dirty_offset(), first_dirty);
}

TEST_F(CompactionTest, Log157_ACheckpointOutsideTheLogIsForgottenWhenItIsOpened) {
  for (int i = 0; i < 10; ++i) t_.Put("a", std::to_string(i));
  t_.Close();
  t_.Open({.clean = true, .log_start_offset = Offset{5}, .first_dirty_offset = Offset{4}});
  EXPECT_EQ(t_.log().first_dirty_offset(), std::nullopt);
  t_.Close();
  t_.Open({.clean = true, .first_dirty_offset = Offset{11}});
  EXPECT_EQ(t_.log().first_dirty_offset(), std::nullopt) << "files were lost";
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=9")) << "also of what lies below that checkpoint, now that it is inside";
}

TEST_F(CompactionTest, Log158_KeysOfCleanedPartsAreSupersededByNewOnes) {
  for (int i = 0; i < 10; ++i) t_.Put(absl::StrCat("k", i % 2), std::to_string(i));
  t_.Seal();
  t_.Compact();
  t_.Put("k0", "new");
  t_.Seal();
  t_.Reopen();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("k1=9", "k0=new"));
}

TEST_F(CompactionTest, Log158_ATombstoneGoesInTheFirstRoundAfterItsHorizon) {
  t_.Put("a", "1");
  t_.Put("b", "1");
  t_.Remove("a");
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("b=1", "a-"));
  t_.now += 900;
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("b=1", "a-"));
  t_.now += 200;
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("b=1"));
}

TEST_F(CompactionTest, Log158_RecordsWithoutAKeyGo) {
  t_.Write({{"a", "1"}, {std::nullopt, "lost"}});
  t_.Seal();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=1"));
}

TEST_F(CompactionTest, Log158_AbortedDataGoesAtOnceAndItsMarkerLast) {
  t_.Put("a", "old");
  t_.WriteInTransaction(1, {{"a", "aborted"}});
  t_.End(1, ControlType::kAbort);
  t_.WriteInTransaction(1, {{"b", "committed"}});
  t_.End(1, ControlType::kCommit);
  t_.Seal();
  t_.Compact();
  const std::vector<std::string> left = {"a=old", "b=committed"};
  EXPECT_EQ(t_.Committed(), left);
  const auto aborted_records = [&] {
    const auto records = t_.Records(/*committed=*/false);
    return std::ranges::count(records, std::optional<std::string>("aborted"), &SeenRecord::value);
  };
  EXPECT_EQ(aborted_records(), 0);
  const auto controls = [&] {
    const auto batches = t_.Batches();
    return std::ranges::count_if(batches, [](const auto& b) { return RecordBatchView(b).is_control(); });
  };
  EXPECT_EQ(controls(), 2);
  t_.Seal();
  t_.Compact();  // no data of the aborted one was seen: its marker is stamped
  EXPECT_EQ(controls(), 2);
  t_.now += 2000;
  t_.Seal();
  t_.Compact();
  EXPECT_EQ(controls(), 1) << "the committed one still has data";
  EXPECT_EQ(t_.Committed(), left);
  EXPECT_THAT(t_.Files(".txnindex"), IsEmpty());
}

TEST_F(CompactionTest, Log158_AnAbortOfDataBelowTheLogStartIsReadAnewAndCompacted) {
  t_.WriteInTransaction(1, {{"a", "aborted"}});
  t_.Put("a", "1");
  t_.End(1, ControlType::kAbort);
  t_.Put("a", "2");
  t_.Seal();
  t_.Abandon();
  // Recovery reads producers from the log start on: it finds nothing for the marker to end.
  t_.Open({.log_start_offset = Offset{1}});
  ASSERT_THAT(t_.Files(".txnindex"), IsEmpty());
  t_.Flush();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=2"));
  EXPECT_TRUE(t_.log().uncleanable().ok());
}

TEST_F(CompactionTest, Log159_NeighboursBecomeOneSegment) {
  for (int i = 0; i < 60; ++i) t_.Put(absl::StrCat("k", i % 2), std::to_string(i));
  t_.Flush();
  const size_t segments = t_.log().segment_count();
  ASSERT_GT(segments, 6u);
  // Groups go by what the segments hold before: a few rounds make one of many.
  for (int round = 0; round < 6; ++round) {
    t_.Put("k0", "again");
    t_.Seal();
    t_.Compact();
  }
  EXPECT_LT(t_.log().segment_count(), 5u);
  EXPECT_EQ(t_.Files(".log").front(), SegmentFileName(Offset{0}, ".log"));
}

TEST_F(CompactionTest, Log108_Log159_ACleanedSegmentIsAsOldAsTheLastOfItsSources) {
  for (int i = 0; i < 12; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  const std::vector<std::string> files = t_.Files(".log");
  for (size_t i = 0; i + 1 < files.size(); ++i) {
    auto file = *SystemFileIo().Open(t_.directory() / files[i], OpenMode::kReadWrite);
    ASSERT_TRUE(file->SetModifiedAt(Timestamp{1'000'000'000'123 + static_cast<int64_t>(i)}).ok());
  }
  Compaction compaction = Planned();
  ASSERT_EQ(*Step(compaction), true);
  auto first = *SystemFileIo().Open(t_.directory() / files[0], OpenMode::kRead);
  const auto last_source = static_cast<int64_t>(compaction.result().segments_before) - 1;
  EXPECT_EQ(*first->ModifiedAt(), Timestamp{1'000'000'000'123 + last_source});
}

TEST_F(CompactionTest, Log159_WhatOutgrowsASegmentGoesOnInASecondOne) {
  // Horizons far from the records' times make every tombstone longer.
  std::vector<KeyedRecord> tombstones;
  for (int i = 0; i < 20; ++i) tombstones.push_back({std::string(1, static_cast<char>('a' + i)), std::nullopt});
  for (int i = 0; i < 2; ++i) {
    t_.Write(tombstones);
    for (KeyedRecord& record : tombstones) record.key->push_back('x');
  }
  t_.Seal();
  t_.now += 1'000'000'000;
  const CompactionResult result = t_.Compact();
  EXPECT_GT(result.bytes_after, result.bytes_before);
  EXPECT_GT(result.segments_after, 1u);
  for (const std::string& name : t_.Files(".log")) EXPECT_LE(std::filesystem::file_size(t_.directory() / name), 500u);
  EXPECT_EQ(t_.Committed().size(), 40u);
}

TEST_F(CompactionTest, Log134_OldSegmentsLeaveTheDiskLaterAndReadersGoOn) {
  t_.config.file_delete_delay = std::chrono::milliseconds(500);
  t_.Reopen();
  for (int i = 0; i < 20; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  const LogSlice slice = *t_.log().Read(Offset{0}, t_.log().log_end_offset(), 1 << 20);
  std::vector<std::byte> before(slice.bytes), after(slice.bytes);
  ASSERT_EQ(*slice.file->ReadAt(before, slice.position), before.size());
  t_.Compact();
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_THAT(t_.Files(".swap"), IsEmpty());
  EXPECT_FALSE(t_.Files(".log.deleted").empty());
  ASSERT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_FALSE(t_.Files(".log.deleted").empty());
  ASSERT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now + 500}).ok());
  EXPECT_THAT(t_.Files(".deleted"), IsEmpty());
  ASSERT_EQ(*slice.file->ReadAt(after, slice.position), after.size());
  EXPECT_EQ(after, before);
}

TEST_F(CompactionTest, Log158_WhatHasNothingToLoseIsLeftAlone) {
  FailingIo io;
  io.before_write = [](const std::filesystem::path& path) {
    return path.extension() == ".cleaned" ? absl::InternalError("not even written") : absl::OkStatus();
  };
  t_.Close();
  t_.io = &io;
  t_.Open();
  for (int i = 0; i < 3; ++i) t_.Put(absl::StrCat("k", i), std::string(300, 'v'));
  t_.Flush();
  ASSERT_EQ(t_.log().segment_count(), 3u);
  const CompactionResult result = t_.Compact();
  EXPECT_EQ(result.bytes_after, result.bytes_before);
  EXPECT_EQ(result.segments_after, result.segments_before);
  EXPECT_EQ(t_.log().segment_count(), 3u);
  EXPECT_THAT(t_.Files(".deleted"), IsEmpty());
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_EQ(t_.log().first_dirty_offset(), Offset{2});
  t_.Abandon();  // before its io
}

TEST_F(CompactionTest, Log158_WhatStaysBeforeTheFirstChangeIsThereWithItsAborts) {
  t_.WriteInTransaction(1, {{"a", "aborted"}});
  t_.End(1, ControlType::kAbort);
  t_.Put("b", std::string(200, '1'));
  t_.Seal();
  t_.Compact();
  t_.Put("b", std::string(300, '2'));
  t_.Seal();
  const std::vector<std::vector<std::byte>> before = t_.Batches();
  Compaction compaction = Planned();
  ASSERT_EQ(*Step(compaction), true);
  ASSERT_EQ(compaction.cleaned().sources.size(), 1u);
  const std::vector<std::vector<std::byte>> after = t_.Batches();
  ASSERT_GT(after.size(), 3u);
  EXPECT_EQ(after[0], before[0]) << "the header of the producer's last data";
  EXPECT_EQ(after[1], before[1]) << "its marker";
  EXPECT_NE(after[2], before[2]);
  EXPECT_THAT(t_.Files(".txnindex"), ElementsAre(SegmentFileName(Offset{0}, ".txnindex")));
  t_.Abandon();
  t_.Open({.clean = false});
  EXPECT_THAT(t_.log().load_notices(), IsEmpty());
  EXPECT_EQ(t_.Batches(), after);
}

TEST_F(CompactionTest, Log158_ARoundGoesAsFarAsItsMemoryReachesAndTheNextGoesOn) {
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 20; ++i) t_.Put(absl::StrCat("k", i), std::to_string(round));
  t_.Seal();
  t_.limits.dedupe_buffer_bytes = 10 * static_cast<int64_t>(OffsetMap::kEntryBytes);
  const CompactionResult first = t_.Compact();
  EXPECT_TRUE(first.map_full);
  EXPECT_EQ(t_.log().first_dirty_offset(), Offset{9}) << "ten slots at 0.9 hold nine keys";
  EXPECT_EQ(t_.Committed().size(), 40u) << "the later records of these keys are not known yet";
  for (int i = 0; i < 20 && t_.TryCompact()->has_value(); ++i) {
  }
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(absl::StrCat("k", i) + "=1");
  EXPECT_THAT(t_.Committed(), testing::ElementsAreArray(expected));
}

TEST_F(CompactionTest, Log161_ABatchWithMoreKeysThanMemoryMakesTheLogUncleanable) {
  t_.Write({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  t_.Seal();
  t_.limits.dedupe_buffer_bytes = 2 * static_cast<int64_t>(OffsetMap::kEntryBytes);
  EXPECT_TRUE(absl::IsFailedPrecondition(t_.TryCompact().status()));
  EXPECT_THAT(std::string(t_.log().uncleanable().message()), HasSubstr("log.cleaner.dedupe.buffer.size"));
}

TEST_F(CompactionTest, Log161_ACorruptBatchEndsCompactionButNotService) {
  for (int i = 0; i < 20; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  {
    std::fstream file(t_.directory() / SegmentFileName(Offset{0}, ".log"), std::ios::in | std::ios::out);
    file.seekp(70 + 30);  // the second batch: under its CRC
    file.put('\x7f');
  }
  const auto failed = t_.TryCompact();
  EXPECT_TRUE(absl::IsDataLoss(failed.status())) << failed.status();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("00000000000000000000.log: batch at byte 70"));
  EXPECT_EQ(t_.log().uncleanable(), failed.status());
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_EQ(*t_.TryCompact(), std::nullopt) << "it is not tried again";
  t_.Put("a", "still served");
  EXPECT_TRUE(t_.log().Read(Offset{19}, t_.log().log_end_offset(), 1).ok());
  EXPECT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now}).ok());
  ASSERT_TRUE(t_.log().TruncateTo(Offset{1}).ok());
  EXPECT_TRUE(t_.log().uncleanable().ok()) << "what made it so may be gone";
}

TEST_F(CompactionTest, Log103_TruncationLowersTheFirstDirtyOffsetAndEndsARound) {
  for (int i = 0; i < 30; ++i) t_.Put(absl::StrCat("k", i % 3), std::to_string(i));
  t_.Seal();
  t_.Compact();
  for (int i = 0; i < 30; ++i) t_.Put(absl::StrCat("k", i % 3), std::to_string(i));
  t_.Seal();
  Compaction compaction = Planned();
  const absl::StatusOr<bool> cleaned = compaction.CleanNext();
  ASSERT_EQ(*cleaned, true);
  ASSERT_TRUE(t_.log().TruncateTo(Offset{10}).ok());
  const Offset end = t_.log().log_end_offset();
  EXPECT_LE(*t_.log().first_dirty_offset(), end);
  EXPECT_TRUE(absl::IsAborted(t_.log().TakeCompacted(compaction, cleaned).status()));
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_EQ(t_.log().log_end_offset(), end);
  EXPECT_TRUE(t_.log().uncleanable().ok());
}

TEST_F(CompactionTest, Log107_RetentionThatOvertakesARoundEndsIt) {
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  Compaction compaction = Planned();
  ASSERT_TRUE(t_.log().MaybeIncrementLogStartOffset(Offset{15}).ok());
  ASSERT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now}).ok());  // the files are gone now
  const absl::StatusOr<bool> cleaned = compaction.CleanNext();
  EXPECT_TRUE(absl::IsNotFound(cleaned.status())) << cleaned.status();
  EXPECT_TRUE(absl::IsAborted(t_.log().TakeCompacted(compaction, cleaned).status()));
  EXPECT_TRUE(t_.log().uncleanable().ok());
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=29"));
}

TEST_F(CompactionTest, Log134_WhatACancelledRoundWroteGoesWithTheOtherDeletedFiles) {
  FailingIo io;
  t_.Close();
  t_.io = &io;
  t_.Open();
  t_.Put("stays", "1");
  for (int i = 0; i < 30; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  Compaction compaction = Planned();
  io.before_write = [&](const std::filesystem::path& path) {
    if (path.extension() == ".cleaned") compaction.Cancel();
    return absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsCancelled(compaction.CleanNext().status()));
  EXPECT_FALSE(t_.Files(".cleaned").empty()) << "whoever cancelled it does not wait for their removal";
  t_.log().AbandonCompaction(compaction);
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_FALSE(t_.Files(".cleaned.deleted").empty());
  io.before_write = nullptr;
  t_.Compact();
  EXPECT_THAT(t_.Files(".log.cleaned.deleted"), IsEmpty()) << "what is large goes on the next round's thread";
  EXPECT_THAT(t_.Committed(), ElementsAre("stays=1", "a=29"));
  ASSERT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_THAT(t_.Files(".deleted"), IsEmpty());
  t_.Abandon();  // before its io
}

TEST_F(CompactionTest, Log156_TheLastBatchOfEachGroupLeavesItsHeader) {
  for (int i = 0; i < 40; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  for (int round = 0; round < 2; ++round) {
    t_.Compact();
    const std::vector<std::string> files = t_.Files(".log");
    for (size_t i = 0; i + 1 < files.size(); ++i) {
      auto segment = *Segment::Open(SystemFileIo(), directory_, *OffsetFromFileName(files[i]), t_.config);
      EXPECT_EQ((*segment->LastBatch())->last_offset + 1, *OffsetFromFileName(files[i + 1])) << files[i];
    }
    t_.Seal();
  }
}

TEST_F(CompactionTest, Log156_ProducersAreTheSameWhenReadAnew) {
  t_.options.producer_id = 7;
  t_.options.producer_epoch = 2;
  for (int i = 0; i < 8; ++i) t_.Put("a", std::to_string(i));
  t_.options = {};
  t_.WriteInTransaction(8, {{"a", "aborted"}});
  t_.End(8, ControlType::kAbort);
  t_.WriteInTransaction(9, {{"a", "fenced"}});
  t_.End(9, ControlType::kAbort, /*epoch=*/1);
  for (int i = 0; i < 20; ++i) t_.Put("a", std::to_string(i));
  t_.Seal();
  const auto before = t_.log().producers().producers();
  for (int round = 0; round < 3; ++round) {
    t_.Compact();
    t_.now += 2000;
    t_.Seal();
  }
  t_.Close();
  for (const Offset offset : Snapshots()) std::filesystem::remove(ProducerSnapshotPath(t_.directory(), offset));
  t_.Open();
  ASSERT_EQ(t_.log().producers().producers().size(), before.size());
  for (const auto& [id, state] : before) {
    const ProducerState* after = t_.log().producers().Find(id);
    ASSERT_NE(after, nullptr);
    EXPECT_EQ(after->epoch, state.epoch);
    EXPECT_EQ(after->last_batch(), state.last_batch());
    EXPECT_EQ(after->transaction_first_offset, std::nullopt);
  }
}

TEST_F(CompactionTest, Log156_Log178_NoSnapshotIsLeftThatShowsATransactionWhoseMarkerMayGo) {
  t_.WriteInTransaction(1, {{"a", "1"}});
  for (int i = 0; i < 20; ++i) t_.Put("a", std::to_string(i));  // snapshots are taken while it is open
  t_.End(1, ControlType::kAbort);
  t_.Seal();
  t_.Compact();
  for (const Offset offset : Snapshots()) EXPECT_GE(offset, *t_.log().first_dirty_offset());
  const Offset stable = t_.log().last_stable_offset();
  t_.Reopen();
  EXPECT_EQ(t_.log().last_stable_offset(), stable);
}

TEST_F(CompactionTest, Log156_Log178_SnapshotsInAGroupGoAlsoBehindTheLastKeyThatMemoryHeld) {
  t_.Put("a", "1");
  t_.Put("a", "2");
  t_.Put("b", "1");
  t_.WriteInTransaction(1, {{"a", "aborted"}});
  t_.Reopen();  // leaves a snapshot inside the segment
  const Offset inside = t_.log().log_end_offset();
  ASSERT_THAT(Snapshots(), ElementsAre(inside));
  t_.End(1, ControlType::kAbort);
  t_.Put("c", "1");
  t_.Put("d", "1");
  t_.Seal();
  t_.limits.dedupe_buffer_bytes = 2 * static_cast<int64_t>(OffsetMap::kEntryBytes);
  Compaction compaction = Planned();
  ASSERT_EQ(*Step(compaction), true);
  ASSERT_LT(compaction.end_offset(), inside);
  const Offset group_end = compaction.cleaned().sources.back().end_offset;
  ASSERT_GT(group_end, inside);
  for (const Offset offset : Snapshots()) EXPECT_GE(offset, group_end);
  ASSERT_TRUE(t_.log().TruncateTo(group_end).ok()) << "it looks for no snapshot that is gone";
}

TEST_F(CompactionTest, Log83_ASegmentIsRolledInTimeForMaxCompactionLag) {
  t_.config.max_compaction_lag = std::chrono::milliseconds(100);
  t_.config.min_cleanable_dirty_ratio = 1;
  t_.Reopen();
  t_.Put("a", "1");
  t_.now += 200;
  t_.Put("a", "2");
  EXPECT_EQ(t_.log().segment_count(), 2u);
  t_.Flush();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=1", "a=2")) << "the newer one is in the active segment";
  t_.now += 200;
  t_.Put("b", "1");
  t_.Flush();
  t_.Compact();
  EXPECT_THAT(t_.Committed(), ElementsAre("a=2", "b=1"));
}

TEST_F(CompactionTest, Log94_Log149_IndexesOfCleanedSegmentsAgreeWithTheirBatches) {
  for (int i = 0; i < 60; ++i) t_.Put(absl::StrCat("k", i % 17), std::string(static_cast<size_t>(i % 9), 'v'));
  t_.Seal();
  t_.Compact();
  t_.Close();
  for (const std::string& name : t_.Files(".log")) {
    auto segment = *Segment::Open(SystemFileIo(), directory_, *OffsetFromFileName(name), t_.config);
    const auto read = [&](absl::string_view suffix) {
      return *ReadWholeFile(SystemFileIo(), t_.directory() / SegmentFileName(segment->base_offset(), suffix));
    };
    const std::string offsets = read(".index"), times = read(".timeindex");
    ASSERT_TRUE(segment->RebuildIndexes().ok());
    EXPECT_EQ(read(".index"), offsets) << name;
    EXPECT_EQ(read(".timeindex"), times) << name;
  }
}

TEST_F(CompactionTest, Log164_SettingsOutOfBoundsAreNamed) {
  const auto refused = [](auto change) {
    LogConfig config;
    change(config);
    return std::string(config.Validate().message());
  };
  using std::chrono::milliseconds;
  EXPECT_THAT(refused([](LogConfig& c) { c.delete_retention = milliseconds(-1); }), HasSubstr("delete.retention.ms"));
  EXPECT_THAT(refused([](LogConfig& c) { c.min_compaction_lag = milliseconds(-1); }), HasSubstr("min.compaction.lag"));
  EXPECT_THAT(refused([](LogConfig& c) { c.max_compaction_lag = milliseconds(0); }), HasSubstr("max.compaction.lag"));
  EXPECT_THAT(refused([](LogConfig& c) {
                c.min_compaction_lag = milliseconds(5);
                c.max_compaction_lag = milliseconds(4);
              }),
              HasSubstr("must be at least min.compaction.lag.ms, 5"));
  EXPECT_THAT(refused([](LogConfig& c) { c.min_cleanable_dirty_ratio = 1.5; }), HasSubstr("min.cleanable.dirty.ratio"));
}

TEST_F(CompactionTest, Log165_CleanerSettingsOutOfBoundsAreNamed) {
  CompactionLimits limits;
  EXPECT_TRUE(limits.Validate().ok());
  limits.dedupe_buffer_bytes = 47;
  EXPECT_THAT(std::string(limits.Validate().message()), HasSubstr("log.cleaner.dedupe.buffer.size"));
  limits = {.backoff = std::chrono::milliseconds(0)};
  EXPECT_THAT(std::string(limits.Validate().message()), HasSubstr("log.cleaner.backoff.ms"));
  limits = {.load_factor = 1};
  EXPECT_THAT(std::string(limits.Validate().message()), HasSubstr("log.cleaner.io.buffer.load.factor"));
}

}  // namespace
}  // namespace slipstream
