// LogDirectory: the text files that say where the next start may begin.
#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/log_directory.h"
#include "log/status.h"

namespace slipstream {
namespace {

absl::Status ReplaceIfChanged(FileIo& io, const std::filesystem::path& path, OffsetCheckpoint& current,
                              OffsetCheckpoint wanted) {
  if (wanted == current) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(WriteOffsetCheckpoint(io, path, wanted));
  current = std::move(wanted);
  return absl::OkStatus();
}

}  // namespace

absl::Status LogDirectory::ReadCheckpoints() {
  SLIP_ASSIGN_OR_RETURN(recovery_points_, ReadOffsetCheckpoint(io_, config_.log_dir / kRecoveryPointCheckpoint));
  SLIP_ASSIGN_OR_RETURN(log_starts_, ReadOffsetCheckpoint(io_, config_.log_dir / kLogStartCheckpoint));
  SLIP_ASSIGN_OR_RETURN(high_watermarks_, ReadOffsetCheckpoint(io_, config_.log_dir / kHighWatermarkCheckpoint));
  SLIP_ASSIGN_OR_RETURN(first_dirty_offsets_, ReadOffsetCheckpoint(io_, config_.log_dir / kCleanerCheckpoint));
  return absl::OkStatus();
}

absl::Status LogDirectory::ForgetCheckpoints(const std::vector<TopicPartition>& partitions) {
  const std::lock_guard serialised(checkpoints_mutex_);
  // First: were a topic of that name made anew after a crash in here, the old recovery point would vouch for data that
  // it never saw.
  const std::pair<OffsetCheckpoint*, const char*> files[] = {{&recovery_points_, kRecoveryPointCheckpoint},
                                                             {&log_starts_, kLogStartCheckpoint},
                                                             {&high_watermarks_, kHighWatermarkCheckpoint},
                                                             {&first_dirty_offsets_, kCleanerCheckpoint}};
  for (const auto& [offsets, file] : files) {
    const bool named = std::ranges::any_of(partitions, [&](const auto& name) { return offsets->contains(name); });
    if (!named) continue;
    OffsetCheckpoint without = *offsets;
    for (const TopicPartition& partition : partitions) without.erase(partition);
    SLIP_RETURN_IF_ERROR(ReplaceIfChanged(io_, config_.log_dir / file, *offsets, std::move(without)));
  }
  return absl::OkStatus();
}

absl::Status LogDirectory::RaiseRecoveryPoint(const TopicPartition& partition, Offset offset) {
  const std::lock_guard serialised(checkpoints_mutex_);
  OffsetCheckpoint raised = recovery_points_;
  raised[partition] = offset;
  return ReplaceIfChanged(io_, config_.log_dir / kRecoveryPointCheckpoint, recovery_points_, std::move(raised));
}

std::vector<LogOffsets> LogDirectory::OffsetsOfAll() const {
  std::vector<LogOffsets> offsets;
  for (const auto* logs : {&logs_, &futures_})
    for (const auto& [partition, log] : *logs) offsets.push_back(OffsetsOf(*log));
  return offsets;
}

absl::Status LogDirectory::WriteCheckpoints(const std::vector<LogOffsets>& offsets) {
  return WriteCheckpoints([&offsets] { return offsets; });
}

absl::Status LogDirectory::WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published) {
  SLIP_CHECK(lock_ != nullptr);
  const std::lock_guard serialised(checkpoints_mutex_);
  const std::vector<LogOffsets> offsets = published();
  if (offsets.empty()) return absl::OkStatus();
  // Partitions that nobody published keep their entries.
  OffsetCheckpoint recovery_points = recovery_points_, log_starts = log_starts_, high_watermarks = high_watermarks_;
  OffsetCheckpoint first_dirty_offsets = first_dirty_offsets_;
  for (const LogOffsets& log : offsets) {
    if (log.begun || recovery_points.contains(log.partition)) recovery_points[log.partition] = log.recovery_point;
    high_watermarks[log.partition] = log.high_watermark;
    if (log.log_start_needs_checkpoint) {
      log_starts[log.partition] = log.log_start_offset;
    } else {
      log_starts.erase(log.partition);
    }
    if (log.first_dirty_offset) {
      first_dirty_offsets[log.partition] = *log.first_dirty_offset;
    } else {
      first_dirty_offsets.erase(log.partition);
    }
  }
  const std::filesystem::path& dir = config_.log_dir;
  SLIP_RETURN_IF_ERROR(
      ReplaceIfChanged(io_, dir / kHighWatermarkCheckpoint, high_watermarks_, std::move(high_watermarks)));
  SLIP_RETURN_IF_ERROR(
      ReplaceIfChanged(io_, dir / kRecoveryPointCheckpoint, recovery_points_, std::move(recovery_points)));
  SLIP_RETURN_IF_ERROR(
      ReplaceIfChanged(io_, dir / kCleanerCheckpoint, first_dirty_offsets_, std::move(first_dirty_offsets)));
  return ReplaceIfChanged(io_, dir / kLogStartCheckpoint, log_starts_, std::move(log_starts));
}

}  // namespace slipstream
