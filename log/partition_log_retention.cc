// PartitionLog: what is done from time to time rather than by anyone's request: old segments go, what was deleted is to
// leave the disk, silent producers are forgotten.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/partition_log.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {

absl::Status PartitionLog::Maintain(Timestamp now) {
  SLIP_RETURN_IF_ERROR(Usable());
  SLIP_RETURN_IF_ERROR(DeleteOldSegments(now));
  producers_.ExpireBefore(now, config_.producer_id_expiration);
  ReleaseFilesIfIdle();
  return absl::OkStatus();
}

// There may be very many logs, and most of them are written to seldom.
void PartitionLog::ReleaseFilesIfIdle() {
  if (std::exchange(end_when_maintained_, log_end_offset_) != log_end_offset_ || active().appending()) return;
  // The largest timestamp that its time index does not have yet is known in memory only.
  if (active().loaded() && !active().Seal().ok()) return;
  active().Release();
  if (open_segment_ != nullptr) open_segment_->Release();
  open_segment_ = nullptr;
}

absl::Status PartitionLog::DeleteOldSegments(Timestamp now) {
  SLIP_RETURN_IF_ERROR(RemoveBelowLogStart());  // what could not be removed when the log start rose
  size_t count = 0;
  uint64_t bytes_left = size_bytes();
  while (count < segments_.size()) {
    SLIP_ASSIGN_OR_RETURN(const bool may_go, MayGo(count, bytes_left, now));
    if (!may_go) break;
    bytes_left -= segments_[count++]->size_bytes();
  }
  if (count == 0) return absl::OkStatus();
  // A log always has an active segment, and its end never moves back (LOG-109).
  if (count == segments_.size()) {
    SLIP_RETURN_IF_ERROR(active().Seal());
    SLIP_RETURN_IF_ERROR(StartSegment(log_end_offset_));
  }
  return MaybeIncrementLogStartOffset(segments_[count]->base_offset());
}

// The oldest but `number` segments, which are to go; `bytes_left` counts this one and all later ones.
absl::StatusOr<bool> PartitionLog::MayGo(size_t number, uint64_t bytes_left, Timestamp now) {
  Segment& segment = *segments_[number];
  const bool is_active = number + 1 == segments_.size();
  // What is not committed stays, whatever the settings say (LOG-106, LOG-181).
  if (high_watermark_ < SegmentEnd(number) || (is_active && segment.size_bytes() == 0)) return false;
  if (!config_.cleanup_delete) return false;
  if (config_.retention_bytes >= 0 &&
      bytes_left >= static_cast<uint64_t>(config_.retention_bytes) + segment.size_bytes())
    return true;
  if (config_.retention_ms.count() < 0) return false;
  SLIP_ASSIGN_OR_RETURN(const Timestamp largest, LargestTimestamp(segment));
  return now.value - largest.value > config_.retention_ms.count();
}

absl::StatusOr<Timestamp> PartitionLog::LargestTimestamp(Segment& segment) {
  KeepOpen(segment);
  SLIP_ASSIGN_OR_RETURN(const Timestamp of_records, segment.MaxTimestamp());
  if (of_records >= Timestamp{0}) return of_records;
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.LogFile());
  return file->ModifiedAt();  // none of its records has one (LOG-108)
}

absl::Status PartitionLog::MarkDeleted(Offset base_offset) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> marked,
                        Segment::MarkDeleted(io_, directory_, base_offset));
  RemoveLater(marked);
  std::erase(snapshots_, base_offset);  // gone with its segment
  names_unsynced_ = true;
  return absl::OkStatus();
}

void PartitionLog::RemoveLater(const std::vector<std::filesystem::path>& deleted) {
  for (const std::filesystem::path& path : deleted) {
    // A segment of that base may have been deleted before: its files were replaced by these.
    std::erase_if(deleted_, [&](const DeletedFile& file) { return file.path == path; });
    deleted_.push_back({path, Timestamp{}});
  }
}

DeletedFiles PartitionLog::TakeDeletedFiles(Timestamp now) {
  DeletedFiles due{.io = &io_, .health = health_, .paths = {}};
  std::erase_if(deleted_, [&](DeletedFile& file) {
    if (file.due < Timestamp{0}) file.due = {now.value + config_.file_delete_delay.count()};
    if (file.due > now) return false;
    due.paths.push_back(std::move(file.path));
    return true;
  });
  return due;
}

}  // namespace slipstream
