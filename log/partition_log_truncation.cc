// PartitionLog: what makes the log shorter, at either end.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/producer_state_loading.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {

void PartitionLog::LowerLogEnd(Offset offset) {
  log_end_offset_ = std::min(log_end_offset_, offset);
  high_watermark_ = std::min(high_watermark_, log_end_offset_);
  recovery_point_ = std::min(recovery_point_, log_end_offset_);
  log_start_offset_ = std::min(log_start_offset_, log_end_offset_);
  if (first_dirty_offset_) first_dirty_offset_ = std::min(*first_dirty_offset_, log_end_offset_);
  dirty_times_.clear();
  uncleanable_ = absl::OkStatus();  // what made it so may be gone
}

absl::Status PartitionLog::RemoveLastSegment() {
  const Offset base = active().base_offset();
  if (open_segment_ == &active()) open_segment_ = nullptr;
  LowerLogEnd(base);
  SLIP_RETURN_IF_ERROR(MarkDeleted(base));
  segments_.pop_back();
  if (!segments_.empty() && open_segment_ == &active()) open_segment_ = nullptr;  // active again: stays open by itself
  return absl::OkStatus();
}

Offset PartitionLog::RecoveryPointForCut(Offset offset) const {
  return std::min({recovery_point_, offset, segments_[FloorSegment(offset)]->base_offset()});
}

absl::Status PartitionLog::TruncateTo(Offset offset) {
  SLIP_RETURN_IF_ERROR(Usable());
  if (offset < Offset{0})
    return absl::InvalidArgumentError(
        absl::StrCat(partition_.ToString(), ": cannot truncate to offset ", offset.value));
  // At the end there may still be epochs that no data follows (LOG-175).
  if (offset >= log_end_offset_) return epochs_->TruncateFromEnd(log_end_offset_);
  if (offset < segments_.front()->base_offset()) return TruncateFullyAndStartAt(offset);
  // What lies below the log start in its segment is of no log that anybody has: it would be in front of what comes
  // next, of a later epoch maybe, and be read with it when the segment is recovered.
  const bool starts_in_segment = log_start_offset_ > segments_.front()->base_offset();
  if (starts_in_segment && offset <= log_start_offset_) return TruncateFullyAndStartAt(offset);
  const size_t keep = FloorSegment(offset) + 1;
  // What the cut opens, it opens before anything is changed: a lack of descriptors costs nothing.
  SLIP_RETURN_IF_ERROR(segments_[keep - 1]->LoadForAppend(log_end_offset_));
  KeepOpen(*segments_[keep - 1]);
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> names, io_.Open(directory_, OpenMode::kDirectory));
  ++truncations_;
  names_unsynced_ = true;
  const auto cut = [&]() -> absl::Status {
    if (segments_.size() > keep) {
      while (segments_.size() > keep) SLIP_RETURN_IF_ERROR(RemoveLastSegment());
      // Before the cut: were they back after a crash, and the cut not, there would be a hole.
      SLIP_RETURN_IF_ERROR(names->Sync());
    }
    if (open_segment_ == &active()) open_segment_ = nullptr;  // active again, so it stays open by itself
    SLIP_ASSIGN_OR_RETURN(const Offset end, active().TruncateTo(offset));
    LowerLogEnd(end);
    // Or what was cut may be back under what is written after, and only that be lost.
    SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, active().LogFile());
    return file->Sync();
  };
  // Half a cut leaves the log end unknown: appending there could tear a hole.
  SLIP_RETURN_IF_ERROR(FailUnlessOk(cut(), absl::StrCat("cannot truncate to offset ", offset.value)));
  SLIP_RETURN_IF_ERROR(FailUnlessOk(RewindProducers(), "cannot rebuild its producer state"));
  return epochs_->TruncateFromEnd(log_end_offset_);
}

absl::Status PartitionLog::RewindProducers() {
  SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, log_end_offset_, snapshots_));
  // Their files are gone, or about something else now: what is left is flushed already or will be by name.
  unsynced_snapshots_.clear();
  if (!snapshots_.empty() && snapshots_.back() > recovery_point_) {
    SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> newest,
                          io_.Open(ProducerSnapshotPath(directory_, snapshots_.back()), OpenMode::kReadWrite));
    unsynced_snapshots_.push_back(std::move(newest));
  }
  SLIP_ASSIGN_OR_RETURN(producers_, BuildProducerState(io_, directory_, segments_, snapshots_, log_start_offset_,
                                                       log_end_offset_, log_end_offset_));
  producers_.OnHighWatermark(high_watermark_);
  return absl::OkStatus();
}

absl::Status PartitionLog::TruncateFullyAndStartAt(Offset offset) {
  SLIP_RETURN_IF_ERROR(Usable());
  if (offset < Offset{0})
    return absl::InvalidArgumentError(absl::StrCat(partition_.ToString(), ": cannot start at offset ", offset.value));
  ++truncations_;
  names_unsynced_ = start_unsynced_ = true;
  // The newest go first, the epochs after the data, the new segment last: what a crash leaves is a prefix or nothing.
  // An error on the way leaves no log to go on with.
  const auto replace = [&]() -> absl::Status {
    for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment)
      SLIP_RETURN_IF_ERROR(MarkDeleted((*segment)->base_offset()));
    SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, Offset{-1}, snapshots_));
    SLIP_RETURN_IF_ERROR(epochs_->Clear());
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> fresh, Segment::Create(io_, directory_, offset, config_));
    open_segment_ = nullptr;
    segments_.clear();
    segments_.push_back(std::move(fresh));
    return absl::OkStatus();
  };
  SLIP_RETURN_IF_ERROR(FailUnlessOk(replace(), absl::StrCat("cannot start anew at offset ", offset.value)));
  unsynced_snapshots_.clear();
  producers_ = ProducerStateTable();
  producers_.AdvanceEndTo(offset);
  log_start_offset_ = high_watermark_ = log_end_offset_ = offset;
  begun_ = false;
  LowerLogEnd(offset);  // and what must not lie above it
  return absl::OkStatus();
}

absl::Status PartitionLog::MaybeIncrementLogStartOffset(Offset offset) {
  SLIP_RETURN_IF_ERROR(Usable());
  if (offset <= log_start_offset_) return absl::OkStatus();
  if (offset > high_watermark_)
    return absl::OutOfRangeError(absl::StrCat(partition_.ToString(), ": log start offset ", offset.value,
                                              " would be above the high watermark ", high_watermark_.value));
  log_start_offset_ = offset;
  // The recovery point stays, unlike Kafka's: what lies below need not be on the disk, and until the new start is
  // there, and the removals are, a power cut brings it back.
  return RemoveBelowLogStart();
}

absl::Status PartitionLog::RemoveBelowLogStart() {
  SLIP_RETURN_IF_ERROR(epochs_->TruncateFromStart(log_start_offset_));
  while (segments_.size() > 1 && segments_[1]->base_offset() <= log_start_offset_) {
    if (open_segment_ == segments_.front().get()) open_segment_ = nullptr;
    SLIP_RETURN_IF_ERROR(MarkDeleted(segments_.front()->base_offset()));
    segments_.erase(segments_.begin());
  }
  return absl::OkStatus();
}

bool PartitionLog::UpdateHighWatermark(Offset offset) {
  const Offset clamped = std::clamp(offset, local_log_start_offset(), log_end_offset_);
  const bool moved = clamped != high_watermark_;
  high_watermark_ = clamped;
  producers_.OnHighWatermark(clamped);
  return moved;
}

}  // namespace slipstream
