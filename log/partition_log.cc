#include "log/partition_log.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/io/make_directory.h"
#include "log/log_recovery.h"
#include "log/partition_metadata.h"
#include "log/producer_snapshot.h"
#include "log/record_batch.h"
#include "log/segment.h"
#include "log/segment_name.h"
#include "log/status.h"
#include "log/transaction_index.h"

namespace slipstream {
namespace {

constexpr char kLeaderEpochFile[] = "leader-epoch-checkpoint";

}  // namespace

PartitionLog::PartitionLog(FileIo& io, const std::filesystem::path& directory, TopicPartition partition,
                           const LogConfig& config)
    : io_(io), directory_(directory), partition_(std::move(partition)), config_(config) {}

PartitionLog::~PartitionLog() = default;

absl::StatusOr<std::unique_ptr<PartitionLog>> PartitionLog::Open(FileIo& io, std::filesystem::path directory,
                                                                 TopicPartition partition, const LogConfig& config,
                                                                 const LogOpenOptions& options) {
  SLIP_RETURN_IF_ERROR(config.Validate());
  SLIP_RETURN_IF_ERROR(MakeDirectory(io, directory));
  std::unique_ptr<PartitionLog> log(new PartitionLog(io, directory, std::move(partition), config));
  log->health_ = options.health;
  SLIP_ASSIGN_OR_RETURN(log->topic_id_, ReadPartitionMetadata(io, log->directory_));
  SLIP_ASSIGN_OR_RETURN(log->epochs_, LeaderEpochCache::Load(io, log->directory_ / kLeaderEpochFile));
  SLIP_ASSIGN_OR_RETURN(LoadedLog loaded, LoadSegments(io, log->directory_, log->config_, options, *log->epochs_));
  log->segments_ = std::move(loaded.segments);
  log->log_end_offset_ = loaded.log_end_offset;
  log->producers_ = std::move(loaded.producers);
  log->snapshots_ = std::move(loaded.producer_snapshots);
  log->load_notices_ = std::move(loaded.notices);
  log->log_start_offset_ = options.log_start_offset;
  if (!options.start_may_be_remote) log->log_start_offset_ = log->local_log_start_offset();
  log->high_watermark_ = std::clamp(options.high_watermark, log->local_log_start_offset(), log->log_end_offset_);
  log->producers_.OnHighWatermark(log->high_watermark_);
  // One that lies outside is of another log, or of what was lost since: where the log grows past it again, it would
  // tell of records as cleaned that no round has seen.
  if (options.first_dirty_offset >= log->local_log_start_offset() && options.first_dirty_offset <= log->log_end_offset_)
    log->first_dirty_offset_ = options.first_dirty_offset;
  // Recovery proves that batches are whole, not that they are on the disk: it never advances the point (LOG-131).
  // What an earlier try changed here may not be on the disk: it died before the fsync, or had no descriptor for it.
  log->names_unsynced_ = !options.clean || loaded.names_unsynced;
  if (options.clean)
    for (const std::unique_ptr<Segment>& segment : log->segments_) segment->MarkSynced();
  log->begun_ = options.begun || log->log_end_offset_ > Offset{0} || log->latest_epoch();
  log->recovery_point_ = options.clean ? log->log_end_offset_ : std::min(loaded.recovery_point, log->log_end_offset_);
  return log;
}

absl::Status PartitionLog::AssignTopicId(Uuid topic_id) {
  if (topic_id_ == topic_id) return absl::OkStatus();
  if (topic_id.IsZero())
    return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": the topic id is zero"));
  if (topic_id_)
    return absl::FailedPreconditionError(absl::StrCat(directory_.native(), " belongs to topic id ",
                                                      topic_id_->ToString(), ", not ", topic_id.ToString(),
                                                      ": the topic was made anew"));
  SLIP_RETURN_IF_ERROR(WritePartitionMetadata(io_, directory_, topic_id));
  topic_id_ = topic_id;
  return absl::OkStatus();
}

uint64_t PartitionLog::size_bytes() const {
  uint64_t sum = 0;
  for (const std::unique_ptr<Segment>& segment : segments_) sum += segment->size_bytes();
  return sum;
}

FilePosition PartitionLog::append_position() const { return {segments_.back()->size_bytes()}; }

Offset PartitionLog::local_log_start_offset() const {
  return std::max(log_start_offset_, segments_.front()->base_offset());
}

bool PartitionLog::log_start_needs_checkpoint() const {
  return start_unsynced_ || log_start_offset_ != segments_.front()->base_offset();
}

size_t PartitionLog::FloorSegment(Offset offset) const {
  const auto above =
      std::ranges::upper_bound(segments_, offset, {}, [](const auto& segment) { return segment->base_offset(); });
  return above == segments_.begin() ? 0 : static_cast<size_t>(above - segments_.begin()) - 1;
}

Offset PartitionLog::SegmentEnd(size_t number) const {
  return number + 1 < segments_.size() ? segments_[number + 1]->base_offset() : log_end_offset_;
}

absl::Status PartitionLog::Usable() const {
  if (healthy()) return absl::OkStatus();
  return failure_.ok() ? Annotate(health_->cause(), "log dir is offline") : failure_;
}

absl::Status PartitionLog::FailUnlessOk(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return failure_;
  failure_ = Annotate(status, absl::StrCat(partition_.ToString(), ": ", what));
  if (IsDiskFailure(status)) health_->TakeOffline(failure_);
  return failure_;
}

void PartitionLog::FailAsBrokenOff(absl::string_view what) {
  (void)FailUnlessOk(absl::InternalError("broken off by an exception"), what);
}

}  // namespace slipstream
