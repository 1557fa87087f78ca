// Goal: whatever was written and however often it is compacted, a reader of committed records ends with what a naive
// list of all writes says, and a crash at any point of a round, or of the recovery after it, leaves such a log.
// Method: seeded batches, tombstones and transactions on the real log and on the list; rounds and restarts in between;
// after each the log is read back and its parts are held against each other. Then a round dies at each of its changes
// to the disk in turn, by a kill or a power cut.
#include <gmock/gmock.h>

#include <random>

#include "log/batch_header_reader.h"
#include "log/producer_snapshot.h"
#include "log/segment.h"
#include "tests/support/compacted_log.h"
#include "tests/support/maintenance.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

constexpr int kKeys = 12;
constexpr int kProducers = 3;

// What was written to the log, and what became of it.
class WrittenRecords {
 public:
  void Add(int64_t offset, const std::vector<KeyedRecord>& records, std::optional<int64_t> producer = std::nullopt) {
    for (const KeyedRecord& record : records) written_.push_back({offset++, record, producer, !producer});
  }
  void End(int64_t producer, bool commit) {
    std::erase_if(written_, [&](const Written& one) { return one.producer == producer && !one.decided && !commit; });
    for (Written& one : written_) one.decided |= one.producer == producer;
  }
  // Key to value, of what is committed below `end`.
  std::map<std::string, std::string> Newest(Offset end) const {
    std::map<std::string, std::string> newest;
    for (const Written& one : written_) {
      if (!one.decided || one.offset >= end.value) continue;
      newest.erase(*one.record.key);
      if (one.record.value) newest[*one.record.key] = *one.record.value;
    }
    return newest;
  }
  bool Holds(const SeenRecord& seen) const {
    return std::ranges::any_of(written_, [&](const Written& one) {
      return one.decided && one.offset == seen.offset && one.record.key == seen.key && one.record.value == seen.value;
    });
  }

 private:
  struct Written {
    int64_t offset;
    KeyedRecord record;
    std::optional<int64_t> producer;  // of the transaction
    bool decided;                     // committed; what is aborted is not here any more
  };
  std::vector<Written> written_;
};

std::map<std::string, std::string> Newest(const std::vector<SeenRecord>& records) {
  std::map<std::string, std::string> newest;
  for (const SeenRecord& record : records) {
    newest.erase(*record.key);
    if (record.value) newest[*record.key] = *record.value;
  }
  return newest;
}

class CompactionModel : public testing::TestWithParam<uint64_t> {
 protected:
  CompactionModel() : random_(GetParam()) {
    t_.config.segment_bytes = 400 + static_cast<int32_t>(Below(600));
    t_.config.delete_retention = std::chrono::milliseconds(Below(400));
    t_.options.compression = static_cast<Compression>(GetParam() % 5);
    // Now and then a round ends for want of memory.
    if (Below(2) == 0) t_.limits.dedupe_buffer_bytes = static_cast<int64_t>(OffsetMap::kEntryBytes) * (8 + Below(8));
    t_.io = disk_.get();
    t_.Open();
  }

  int64_t Below(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }

  std::vector<KeyedRecord> SomeRecords() {
    std::vector<KeyedRecord> records;
    for (int64_t i = Below(4); i >= 0; --i) {
      KeyedRecord& record = records.emplace_back(KeyedRecord{"key " + std::to_string(Below(kKeys)), std::nullopt});
      if (Below(4) != 0) record.value = "value " + std::to_string(++values_);
    }
    return records;
  }
  void WriteSome() {
    t_.now += Below(50);
    if (Below(20) == 0) t_.options.partition_leader_epoch.value += 1;
    const Offset at = t_.log().log_end_offset();
    const std::vector<KeyedRecord> records = SomeRecords();
    const int64_t producer = Below(kProducers);
    const int64_t dice = Below(10);
    if (dice < 5) {
      t_.Write(records);
      written_.Add(at.value, records);
    } else if (dice < 8) {
      t_.WriteInTransaction(producer, records);
      written_.Add(at.value, records, producer);
      open_[producer] = true;
    } else if (open_[producer]) {
      End(producer);
    }
  }
  void End(int64_t producer) {
    const bool commit = Below(2) == 0;
    t_.End(producer, commit ? ControlType::kCommit : ControlType::kAbort);
    written_.End(producer, commit);
    open_[producer] = false;
  }
  void EndAll() {
    for (int64_t producer = 0; producer < kProducers; ++producer)
      if (open_[producer]) End(producer);
  }

  void CompactAndCheck() {
    const Offset end = t_.log().log_end_offset(), stable = t_.log().last_stable_offset();
    const auto epochs = t_.log().epochs().entries();
    const auto producers = t_.log().producers().producers();
    const auto compacted = t_.TryCompact();
    ASSERT_TRUE(compacted.ok()) << compacted.status();
    EXPECT_EQ(t_.log().log_end_offset(), end);
    EXPECT_EQ(t_.log().last_stable_offset(), stable);
    EXPECT_EQ(t_.log().epochs().entries(), epochs);
    EXPECT_EQ(t_.log().producers().producers(), producers);
    CheckAll();
  }
  void CheckAll() {
    const std::vector<SeenRecord> seen = t_.Records();
    ASSERT_EQ(Newest(seen), written_.Newest(t_.log().last_stable_offset()));
    for (const SeenRecord& record : seen) ASSERT_TRUE(written_.Holds(record)) << "offset " << record.offset;
    CheckIndexes();
  }
  void CheckIndexes() {
    for (const std::string& name : t_.Files(".log")) {
      auto segment = *Segment::Open(*t_.io, directory_, *OffsetFromFileName(name), t_.config);
      ASSERT_TRUE(*segment->EndsOnBatch()) << name;
      ASSERT_TRUE(segment->CheckTransactionIndex().ok()) << name;
      const absl::Status walked = segment->ForEachHeader([&](const BatchHeaderReader& reader) {
        const auto found = segment->Find(reader.header().last_offset());
        EXPECT_TRUE(found.ok() && found->has_value() && (*found)->position == reader.position()) << name;
        return absl::OkStatus();
      });
      ASSERT_TRUE(walked.ok()) << walked;
    }
  }

  // What is known of producers follows from the batches that are left.
  void ReadProducersAnew() {
    const auto before = t_.log().producers().producers();
    const Offset first_dirty = t_.log().first_dirty_offset().value_or(Offset{});
    t_.Close();
    const std::vector<Offset> snapshots = *ListProducerSnapshots(*t_.io, directory_);
    for (const Offset offset : snapshots) ASSERT_TRUE(t_.io->Remove(ProducerSnapshotPath(directory_, offset)).ok());
    t_.Open({.clean = true, .first_dirty_offset = first_dirty});
    for (const auto& [id, state] : before) {
      const ProducerState* after = t_.log().producers().Find(id);
      ASSERT_NE(after, nullptr) << id;
      EXPECT_EQ(after->epoch, state.epoch);
      EXPECT_EQ(after->transaction_first_offset, state.transaction_first_offset);
      ASSERT_EQ(after->last_batch().has_value(), state.last_batch().has_value());
      if (!state.last_batch()) continue;
      EXPECT_EQ(after->last_batch()->last_offset, state.last_batch()->last_offset);
      EXPECT_EQ(after->last_batch()->last_sequence, state.last_batch()->last_sequence);
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  CompactedLog t_;
  const StoredPath directory_{t_.directory()};
  WrittenRecords written_;
  std::map<int64_t, bool> open_;
  int values_ = 0;
};

TEST_P(CompactionModel, Log158_ReadersEndWithTheNewestOfEachKey) {
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << GetParam() << " round " << round);
    for (int64_t i = Below(60); i >= 0; --i) WriteSome();
    if (Below(3) == 0) EndAll();
    t_.Flush();
    CompactAndCheck();
    if (HasFailure()) return;
    if (Below(3) == 0) t_.Reopen();
    if (Below(4) == 0) ReadProducersAnew();
    ASSERT_TRUE(MaintainAndRemove(t_.log(), Timestamp{t_.now}).ok());
    CheckAll();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CompactionModel, testing::Range<uint64_t>(0, 12));

// What the disk may hold when the process dies: all of it, as after a kill, or less.
struct Aftermath {
  const char* name;
  Survives survives;
};
constexpr Aftermath kAftermaths[] = {{"all of it", Survives::kEverything},
                                     {"only what was synced", Survives::kNothing},
                                     {"some of it", Survives::kRandomPart},
                                     {"names in any order", Survives::kNamesInAnyOrder},
                                     {"names in another order", Survives::kNamesInAnyOrder}};

class CompactionCrash : public CompactionModel {
 protected:
  using Files = std::map<std::filesystem::path, std::string>;

  LogOpenOptions AfterCrash() const { return {.clean = false, .recovery_point = end_, .high_watermark = end_}; }

  std::unique_ptr<SimulatedDisk> After(const Aftermath& aftermath, const SimulatedDisk& disk) {
    return disk.AfterPowerCut(aftermath.survives, random_());
  }

  // The round once for each of its changes to the disk, after which it dies.
  void DieEverywhere() {
    t_.Flush();
    end_ = t_.log().log_end_offset();
    t_.Close();
    const std::unique_ptr<SimulatedDisk> before = std::move(disk_);
    const std::unique_ptr<SimulatedDisk> counted = before->AfterPowerCut(Survives::kEverything, 0);
    Run(*counted, std::nullopt);
    known_ = {before->Files(), counted->Files()};
    for (size_t call = 0; call < calls_.size() && !HasFailure(); ++call) {
      if (!calls_[call].changes && !calls_[call].syncs) continue;
      const std::unique_ptr<SimulatedDisk> disk = before->AfterPowerCut(Survives::kEverything, 0);
      Run(*disk, call);
      for (const Aftermath& aftermath : kAftermaths) {
        SCOPED_TRACE(testing::Message() << "seed " << GetParam() << ", died after call " << call << " ("
                                        << calls_[call].what << " " << calls_[call].path
                                        << "), left: " << aftermath.name);
        Recover(*After(aftermath, *disk));
        if (HasFailure()) return;
      }
    }
  }
  void Run(SimulatedDisk& disk, std::optional<size_t> last_call) {
    t_.io = &disk;
    t_.Open(AfterCrash());
    if (last_call) {
      disk.CrashAfter(*last_call + 1);
    } else {
      disk.RecordCalls();
    }
    const auto compacted = t_.TryCompact();
    t_.Abandon();
    if (last_call) return;
    ASSERT_TRUE(compacted.ok() && compacted->has_value()) << "no round was due";
    calls_ = disk.recorded_calls();
    result_ = **compacted;
    EXPECT_EQ(disk.AfterPowerCut(Survives::kNothing, 0)->Files(), disk.Files()) << "not durable when it returns";
  }
  // The next start may die too, and the one after it finds the rest.
  void Recover(SimulatedDisk& disk) {
    disk.CrashAfter(static_cast<uint64_t>(Below(40)));
    (void)PartitionLog::Open(disk, directory_, {"t", 0}, t_.config, AfterCrash());
    const std::unique_ptr<SimulatedDisk> last = After(kAftermaths[Below(std::size(kAftermaths))], disk);
    t_.io = last.get();
    t_.Open(AfterCrash());
    ASSERT_EQ(t_.log().log_end_offset(), end_);
    for (const char* left : {".cleaned", ".swap", ".deleted"}) ASSERT_THAT(t_.Files(left), testing::IsEmpty());
    CheckAll();
    CheckAborted(last->Files());
    if (!HasFailure() && Below(8) == 0) CompactAndCheck();
    t_.Abandon();
  }
  // A segment has its transaction index: the one that it had, or the one that it was cleaned with.
  void CheckAborted(const Files& found) {
    for (const auto& [path, content] : found) {
      if (path.extension() != ".log") continue;
      EXPECT_TRUE(std::ranges::any_of(known_, [&](const Files& known) {
        const auto same = known.find(path);
        return same != known.end() && same->second == content && AbortedOf(known, path) == AbortedOf(found, path);
      })) << path;
    }
  }
  static std::string AbortedOf(const Files& files, std::filesystem::path log) {
    const auto index = files.find(log.replace_extension(".txnindex"));
    return index == files.end() ? "" : index->second;
  }

  Offset end_;
  std::vector<Files> known_;                // before the round and after it
  std::vector<SimulatedDisk::Call> calls_;  // of the round when nothing stops it
  CompactionResult result_;                 // likewise
};

TEST_P(CompactionCrash, Log134_Inv18_Rel40_DyingAnywhereLeavesTheOldOrTheNew) {
  for (int i = 0; i < 22; ++i) WriteSome();
  EndAll();
  for (int i = 0; i < 4; ++i) WriteSome();
  DieEverywhere();
}

TEST_P(CompactionCrash, Log134_Inv18_DyingAmongSeveralNewSegmentsLeavesTheOldOrTheNew) {
  t_.options.compression = Compression::kNone;
  t_.limits = {};
  t_.config.segment_bytes = 1000;
  t_.Reopen();
  // A delete horizon far from the records' times makes tombstones outgrow their segment.
  for (int round = 0; round < 2; ++round) {
    std::vector<KeyedRecord> records = {{"live " + std::to_string(round), "value"}};
    for (int i = 0; i < 20; ++i) records.push_back({"tombstone " + std::to_string(round * 20 + i), std::nullopt});
    written_.Add(t_.log().log_end_offset().value, records);
    t_.Write(records);
  }
  written_.Add(t_.log().log_end_offset().value, {{"last", std::string(900, 'v')}});
  t_.Put("last", std::string(900, 'v'));
  t_.now += 1'000'000'000;
  DieEverywhere();
  EXPECT_GT(result_.segments_after, result_.segments_before);
}

TEST_P(CompactionCrash, Log134_Inv18_DyingWhileSegmentsAreMergedLeavesTheOldOrTheNew) {
  t_.limits = {};
  for (int i = 0; i < 22; ++i) WriteSome();
  EndAll();
  t_.Flush();
  CompactAndCheck();  // leaves small ones
  for (int i = 0; i < 12; ++i) WriteSome();
  EndAll();
  DieEverywhere();
  EXPECT_LT(result_.segments_after, result_.segments_before);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CompactionCrash, testing::Range<uint64_t>(0, 5));

}  // namespace
}  // namespace slipstream
