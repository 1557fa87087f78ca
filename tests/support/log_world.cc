#include "tests/support/log_world.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/compaction/compaction.h"
#include "log/io/blocking_queue.h"
#include "log/producer_snapshot.h"
#include "log/record_batch.h"
#include "log/status.h"
#include "tests/support/batches.h"
#include "tests/support/log_checks.h"
#include "tests/support/maintenance.h"
#include "tests/support/run.h"

namespace slipstream {
namespace {

const TopicPartition kPartition{"orders", 0};
const Uuid kTopicId{11, 12};
constexpr int64_t kDeleteDelayMs = 60'000;

// Records of tests are of the year 1970, and so is the clock: no producer expires.
class StandingClock final : public Clock {
 public:
  Timestamp WallTime() override { return Timestamp{1'000'000}; }
};

LogDirectoryConfig SmallSegments(WriteMode write_mode) {
  static StandingClock clock;
  LogDirectoryConfig config{.log_dir = "/disk/logs", .num_recovery_threads = 1, .num_sync_threads = 1, .clock = &clock};
  config.log.segment_bytes = 700;
  config.log.index_interval_bytes = 150;
  config.log.retention_ms = std::chrono::milliseconds(-1);
  config.log.retention_bytes = 1500;
  config.log.file_delete_delay = std::chrono::milliseconds(kDeleteDelayMs);
  config.log.write_mode = write_mode;
  return config;
}

}  // namespace

LogWorld::LogWorld(WriteMode write_mode)
    : config_(SmallSegments(write_mode)), disk_(std::make_unique<SimulatedDisk>()) {
  SLIP_CHECK(disk_->CreateDirectories("/disk").ok() && disk_->SyncDirectory("/").ok());
}

LogWorld::LogWorld(const LogDirectoryConfig& config, std::unique_ptr<SimulatedDisk> disk, const LogHistory& history,
                   int32_t epoch)
    : config_(config), disk_(std::move(disk)), history_(history), epoch_(epoch) {}

LogWorld::~LogWorld() = default;

std::unique_ptr<LogWorld> LogWorld::AfterPowerCut(Survives survives, uint64_t seed) const {
  return std::unique_ptr<LogWorld>(new LogWorld(config_, disk_->AfterPowerCut(survives, seed), history_, epoch_));
}

std::unique_ptr<LogWorld> LogWorld::AfterKill() && {
  SLIP_CHECK(disk_->crashed());
  directory_.reset();
  disk_->Restart();
  return std::unique_ptr<LogWorld>(new LogWorld(config_, std::move(disk_), history_, epoch_));
}

template <typename Operation>
bool LogWorld::Do(const char* verb, Operation operation) {
  if (Dead()) return false;
  absl::Status done = operation();
  if (!done.ok() && retry_) done = operation();
  if (!disk_->crashed()) error_ = Annotate(done, verb);
  return !Dead();
}

void LogWorld::Open() {
  (void)Do("open", [&] {
    auto opened = LogDirectory::Open(*disk_, config_);
    if (!opened.ok()) return opened.status();
    directory_ = *std::move(opened);
    return absl::OkStatus();
  });
}

void LogWorld::MakeLog() {
  if (Dead()) return;
  if (directory_->Find(kPartition) == nullptr) history_ = LogHistory{};
  const bool made = Do("make the log", [&] {
    const auto log = directory_->GetOrCreate(kPartition, kTopicId);
    if (log.ok()) log_ = *log;
    return log.status();
  });
  if (made) history_.may_be_absent = history_.must_be_absent = false;
}

void LogWorld::MakeFuture() {
  const bool made = Do("make the future log", [&] {
    const auto log = directory_->GetOrCreateFuture(kPartition, kTopicId);
    if (log.ok()) log_ = *log;
    return log.status();
  });
  if (made) history_.may_be_absent = false;
}

void LogWorld::PromoteFuture() {
  const bool promoted = Do("promote", [&] {
    if (directory_->FindFuture(kPartition) == nullptr) return absl::InternalError("the future log is lost");
    const auto log = directory_->PromoteFuture(kPartition);
    if (log.ok()) log_ = *log;
    return log.status();
  });
  if (!promoted) return;
  OnlyTheCurrentVersionIsLeft();
  history_.durable = log_->recovery_point();
}

// What a batch is depends on its offset and epoch alone: the same one, fetched again, is the same. Plain ones, those of
// an idempotent producer, and transactions of two batches, of which every other is aborted.
LogHistory::Batch LogWorld::NextBatch(const LogHistory::Version& version) const {
  const int64_t base = version.end.value;
  BatchSpec spec{.base_offset = base,
                 .record_count = 2,
                 .leader_epoch = epoch_,
                 .base_timestamp = 1000 + 10 * base,
                 .value_bytes = static_cast<size_t>(10 + base % 7 * 5),
                 .fill = static_cast<uint8_t>('a' + epoch_)};
  const int64_t place = base / 2 % 5;
  if (place == 1) {
    spec.producer_id = 200;
    spec.base_sequence = static_cast<int32_t>(base);
  } else if (place >= 2) {
    spec.producer_id = 100;
    spec.base_sequence = static_cast<int32_t>(base);
    spec.transactional = true;
  }
  if (spec.producer_id >= 0) spec.producer_epoch = 0;
  if (place == 4) {
    spec.control_type = static_cast<int16_t>(base / 10 % 2);
    spec.base_sequence = -1;
    spec.record_count = 1;
    spec.last_offset_delta = 1;  // so that all batches have two offsets
  }
  return MakeBatch(spec);
}

void LogWorld::Append(int batches, WriteHint hint) {
  BlockingIoQueue queue;
  AppendBy(batches, [&](ByteSpan run) { return RunToEnd(log_->AppendAsFollower(queue, run, hint)); });
}

void LogWorld::AppendNow(int batches) {
  BlockingIoQueue queue;
  AppendBy(batches, [&](ByteSpan run) -> absl::Status {
    SLIP_RETURN_IF_ERROR(log_->CheckBatches(run));
    if (const std::optional<absl::Status> appended = log_->AppendNow(queue, run)) return *appended;
    return RunToEnd(log_->AppendAsFollower(queue, run, WriteHint::kCached, /*checked=*/true));
  });
}

void LogWorld::AppendBy(int batches, const std::function<absl::Status(ByteSpan run)>& append) {
  if (Dead()) return;
  LogHistory::Version& version = current();
  for (int i = 0; i < batches; ++i) {
    version.batches.push_back(NextBatch(version));
    if (!version.written.empty()) version.written.push_back(version.batches.back());
    version.end = RecordBatchView(version.batches.back()).next_offset();
  }
  const bool appended = Do("append", [&] {
    std::vector<std::byte> run;  // what a try before this one did not write
    for (const LogHistory::Batch& batch : version.batches)
      if (RecordBatchView(batch).base_offset() >= log_->log_end_offset())
        run.insert(run.end(), batch.begin(), batch.end());
    return append(run);
  });
  if (!appended) return;
  log_->UpdateHighWatermark(log_->log_end_offset());
  history_.durable = std::max(history_.durable, log_->recovery_point());  // a bulk roll has flushed
  if (log_->FlushDue()) Flush();
}

void LogWorld::Flush() {
  const bool flushed = Do("flush", [&] {
    BlockingIoQueue queue;
    return RunToEnd(log_->Flush(queue));
  });
  if (!flushed) return;
  OnlyTheCurrentVersionIsLeft();
  history_.durable = log_->recovery_point();
}

void LogWorld::Checkpoint() {
  (void)Do("checkpoint", [&] { return directory_->WriteCheckpoints({OffsetsOf(*log_)}); });
}

bool LogWorld::CheckpointForCut(const LogOffsets& offsets) {
  return Do("checkpoint before a cut", [&] { return directory_->WriteCheckpoints({offsets}); });
}

void LogWorld::TruncateTo(int64_t offset) {
  if (Dead() || !CheckpointForCut(OffsetsForCut(*log_, Offset{offset}))) return;
  LogHistory::Version cut = current();
  while (!cut.batches.empty() && RecordBatchView(cut.batches.back()).last_offset().value >= offset) {
    cut.end = RecordBatchView(cut.batches.back()).base_offset();
    cut.batches.pop_back();
  }
  history_.versions.push_back(std::move(cut));
  history_.durable = std::min(history_.durable, current().end);
  history_.log_start = std::min(history_.log_start, current().end);
  (void)Do("truncate", [&] { return log_->TruncateTo(Offset{offset}); });
}

void LogWorld::StartAnewAt(int64_t offset) {
  if (Dead()) return;
  // From the checkpoint on: a log start beyond the end of what is found means that all of it is to go.
  const Offset start_before = history_.log_start;
  history_.versions.push_back({.end = start_before});  // half way there is no log at all
  history_.versions.push_back({.first = Offset{offset}, .end = Offset{offset}});
  history_.durable = Offset{0};
  history_.log_start = std::max(start_before, Offset{offset});
  if (!CheckpointForCut(OffsetsForStartAnew(*log_, Offset{offset}))) return;
  (void)Do("start anew", [&] { return log_->TruncateFullyAndStartAt(Offset{offset}); });
}

void LogWorld::UseRemoteStorage() { config_.log.remote_storage = true; }

void LogWorld::RebuildBehind(int batches, int64_t log_start) {
  if (Dead()) return;
  LogHistory::Version rebuilt = current();
  for (int i = 0; i < batches; ++i) {
    rebuilt.batches.push_back(NextBatch(rebuilt));
    rebuilt.end = RecordBatchView(rebuilt.batches.back()).next_offset();
  }
  rebuilt.first = rebuilt.end;
  RemoteLogState state{.log_start_offset = Offset{log_start}, .next_offset = rebuilt.end};
  ProducerStateTable producers;
  for (const LogHistory::Batch& bytes : rebuilt.batches) {
    const RecordBatchView batch(bytes);
    (void)producers.Apply(batch);
    if (state.epochs.empty() || state.epochs.back().epoch < batch.partition_leader_epoch())
      state.epochs.push_back({batch.partition_leader_epoch(), batch.base_offset()});
  }
  state.producer_snapshot = EncodeProducerSnapshot(producers);
  const Offset start = std::max(log_->log_start_offset(), state.log_start_offset);
  history_.versions.push_back({.first = start, .end = start});  // half way there is no log at all
  history_.log_start = std::max(history_.log_start, start);
  history_.durable = Offset{0};
  history_.versions.push_back(std::move(rebuilt));
  if (!CheckpointForCut(OffsetsForRebuild(*log_, state))) return;
  const bool done = Do("rebuild behind remote storage", [&] {
    return log_->RebuildFrom(state, [&] { return directory_->WriteCheckpoints({OffsetsOfRebuilt(*log_, state)}); });
  });
  if (!done) return;
  OnlyTheCurrentVersionIsLeft();
  history_.durable = state.next_offset;
}

void LogWorld::RaiseLogStartTo(int64_t offset) {
  if (Dead()) return;
  history_.log_start = std::max(history_.log_start, Offset{offset});
  (void)Do("raise the log start", [&] { return log_->MaybeIncrementLogStartOffset(Offset{offset}); });
}

void LogWorld::Maintain() {
  if (Dead()) return;
  history_.log_start = current().end;
  now_ += kDeleteDelayMs;
  if (Do("maintain", [&] { return MaintainAndRemove(*log_, Timestamp{now_}); }))
    history_.log_start = log_->log_start_offset();
}

void LogWorld::CleanUpByCompaction() {
  config_.log.cleanup_compact = true;
  config_.log.cleanup_delete = false;
  config_.log.min_cleanable_dirty_ratio = 0;
}

// After each of its swaps, as a log of the same content gives them whose disk does not fail: what compaction makes of a
// log is for others to test, here it is whether a crash leaves one of these.
absl::StatusOr<std::vector<LogHistory::Version>> LogWorld::VersionsOfCompaction() const {
  const std::unique_ptr<LogWorld> twin = AfterPowerCut(Survives::kEverything, 0);
  SLIP_RETURN_IF_ERROR(twin->Recover());
  PartitionLog& log = twin->log();
  log.UpdateHighWatermark(log.log_end_offset());
  SLIP_ASSIGN_OR_RETURN(std::optional<CompactionPlan> plan, log.PlanCompaction(Timestamp{now_}));
  if (!plan) return absl::InternalError("no round is due");
  Compaction compaction(*std::move(plan), {});
  std::vector<LogHistory::Version> versions;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, log.TakeCompacted(compaction, compaction.CleanNext()));
    if (!more) return versions;
    LogHistory::Version& version = versions.emplace_back(twin->current());
    if (version.written.empty()) version.written = version.batches;
    SLIP_ASSIGN_OR_RETURN(version.batches, ReadBatches(log));
  }
}

void LogWorld::Compact() {
  const bool compacted = Do("compact", [&]() -> absl::Status {
    // Of each try its own: a round that goes on where one ended half way may merge what that one left apart.
    SLIP_ASSIGN_OR_RETURN(const std::vector<LogHistory::Version> versions, VersionsOfCompaction());
    history_.versions.insert(history_.versions.end(), versions.begin(), versions.end());
    return log_->Compact(Timestamp{now_}, {}).status();
  });
  if (compacted) OnlyTheCurrentVersionIsLeft();
}

void LogWorld::Delete() {
  if (Dead()) return;
  history_.may_be_absent = true;
  if (!Do("delete", [&] { return directory_->Delete(kPartition); })) return;
  log_ = nullptr;
  history_ = LogHistory{.must_be_absent = true};
}

void LogWorld::RemoveDeleted() {
  for (int round = 0; round < 2; ++round) {
    now_ += kDeleteDelayMs;
    if (!Do("remove what was deleted", [&] { return directory_->RemoveDeleted(Timestamp{now_}); })) return;
  }
}

void LogWorld::Close() {
  if (!Do("close", [&] { return directory_->Close(); })) return;
  log_ = nullptr;
  directory_.reset();
  OnlyTheCurrentVersionIsLeft();
  history_.durable = current().end;
}

absl::Status LogWorld::Recover() {
  Open();
  if (Dead()) return error_.ok() ? absl::UnavailableError("dead") : error_;
  log_ = directory_->Find(kPartition);
  if (log_ == nullptr) log_ = directory_->FindFuture(kPartition);
  if (log_ == nullptr) {
    if (!history_.may_be_absent) return absl::InternalError("the partition is gone");
    return absl::OkStatus();
  }
  if (history_.must_be_absent) return absl::InternalError("a deleted partition is back");
  return CheckFound();
}

void LogWorld::GoOn() {
  if (Dead()) return;
  if (directory_->FindFuture(kPartition) != nullptr) PromoteFuture();
  MakeLog();
}

absl::Status LogWorld::Compare(const LogHistory::Version& version, const std::vector<LogHistory::Batch>& found) const {
  const Offset start = log_->local_log_start_offset(), end = log_->log_end_offset();
  if (start < version.first || start > std::max(version.first, history_.log_start) || end > version.end)
    return absl::InternalError(absl::StrCat("it has offsets ", start.value, " to ", end.value, ", not within ",
                                            version.first.value, " to ", version.end.value));
  auto expected = std::ranges::find_if(
      version.batches, [&](const LogHistory::Batch& batch) { return RecordBatchView(batch).last_offset() >= start; });
  for (const LogHistory::Batch& batch : found) {
    if (expected == version.batches.end() || *expected != batch)
      return absl::InternalError(absl::StrCat("the batch at offset ", RecordBatchView(batch).base_offset().value,
                                              ", epoch ", RecordBatchView(batch).partition_leader_epoch().value,
                                              ", was not there"));
    ++expected;
  }
  return absl::OkStatus();
}

// What a log knows that begins behind remote storage: a leader asks for it, and nothing makes it anew from batches.
absl::Status LogWorld::CheckEpochsInRemoteStorage() const {
  if (log_->log_start_offset() == log_->local_log_start_offset()) return absl::OkStatus();
  for (const LogHistory::Batch& bytes : history_.versions.back().batches) {
    const RecordBatchView batch(bytes);
    if (batch.last_offset() < log_->log_start_offset() || batch.base_offset() >= log_->local_log_start_offset())
      continue;
    const Offset at = std::max(batch.base_offset(), log_->log_start_offset());
    if (log_->epochs().EpochForOffset(at) != batch.partition_leader_epoch())
      return absl::InternalError(absl::StrCat("the epoch of offset ", at.value, " is lost (TS-09)"));
  }
  return absl::OkStatus();
}

absl::Status LogWorld::CheckFound() {
  SLIP_RETURN_IF_ERROR(CheckAgreesWithItsBatches(*disk_, *log_));
  SLIP_ASSIGN_OR_RETURN(const std::vector<LogHistory::Batch> found, ReadBatches(*log_));
  absl::Status same;
  for (auto version = history_.versions.rbegin(); version != history_.versions.rend(); ++version) {
    same = Compare(*version, found);
    if (!same.ok()) continue;
    LogHistory::Version now = *version;
    now.end = log_->log_end_offset();
    for (std::vector<LogHistory::Batch>* const batches : {&now.batches, &now.written})
      std::erase_if(*batches,
                    [&](const LogHistory::Batch& batch) { return RecordBatchView(batch).base_offset() >= now.end; });
    history_.versions = {std::move(now)};
    break;
  }
  SLIP_RETURN_IF_ERROR(Annotate(same, "it is no prefix of what it was (INV-18)"));
  SLIP_RETURN_IF_ERROR(CheckEpochsInRemoteStorage());
  if (log_->log_end_offset() < history_.durable)
    return absl::InternalError(absl::StrCat("it ends at offset ", log_->log_end_offset().value, ", and all below ",
                                            history_.durable.value, " was durable (INV-18)"));
  // Of a compacted log the part that is left may tell less of them, as of one that lost its older part.
  const bool compacted = !current().written.empty();
  SLIP_RETURN_IF_ERROR(CheckProducers(*disk_, *log_, compacted ? current().written : current().batches,
                                      compacted ? Offset{} : current().first));
  if (!found.empty() && log_->topic_id() != kTopicId) return absl::InternalError("its topic id is lost (LOG-48)");
  history_.durable = std::max(history_.durable, log_->recovery_point());
  history_.log_start = log_->log_start_offset();
  // After a deletion that was cut short it may be there, and gone all the same.
  return absl::OkStatus();
}

}  // namespace slipstream
