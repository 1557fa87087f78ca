// PartitionLog: beginning behind records that are in remote storage only (TS-06, TS-09).
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/producer_state_loading.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {
namespace {

// It comes from outside: from a leader and from a storage that need not agree.
absl::Status CheckState(const RemoteLogState& state) {
  if (state.log_start_offset < Offset{0} || state.log_start_offset > state.next_offset)
    return absl::InvalidArgumentError(
        absl::StrCat("log start ", state.log_start_offset.value, " is not within 0 and ", state.next_offset.value));
  EpochStart before;
  for (const EpochStart& entry : state.epochs) {
    if (entry.epoch <= before.epoch || entry.start_offset <= before.start_offset ||
        entry.start_offset >= state.next_offset)
      return absl::DataLossError(absl::StrCat("leader epoch ", entry.epoch.value, " from offset ",
                                              entry.start_offset.value, " on, after ", before.epoch.value, " from ",
                                              before.start_offset.value, ", in a log up to ", state.next_offset.value));
    before = entry;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PartitionLog::RebuildFrom(const RemoteLogState& state, absl::FunctionRef<absl::Status()> checkpoint) {
  SLIP_RETURN_IF_ERROR(Usable());
  SLIP_CHECK(state.next_offset > log_end_offset_);
  SLIP_RETURN_IF_ERROR(CheckState(state));
  SLIP_ASSIGN_OR_RETURN(ProducerStateTable producers,
                        ProducersFromSnapshot(AsBytes(state.producer_snapshot), state.next_offset));
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> names, io_.Open(directory_, OpenMode::kDirectory));
  // While there is the old log a snapshot above its end is none of it, and the next start removes it.
  SLIP_RETURN_IF_ERROR(ReplaceFile(io_, ProducerSnapshotPath(directory_, state.next_offset), state.producer_snapshot));
  ++truncations_;
  names_unsynced_ = true;
  // The segment comes last: that it is there says that the rest is. What was there before must not be back by then.
  const auto rebuild = [&]() -> absl::Status {
    for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment)
      SLIP_RETURN_IF_ERROR(MarkDeleted((*segment)->base_offset()));
    SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, Offset{-1}, snapshots_));
    SLIP_RETURN_IF_ERROR(names->Sync());
    SLIP_RETURN_IF_ERROR(epochs_->Replace(state.epochs));
    SLIP_RETURN_IF_ERROR(checkpoint());
    // Whatever comes now, checkpoints must go on to say so.
    log_start_offset_ = state.log_start_offset;
    high_watermark_ = log_end_offset_ = recovery_point_ = state.next_offset;
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> fresh, Segment::Create(io_, directory_, state.next_offset, config_));
    SLIP_RETURN_IF_ERROR(names->Sync());
    open_segment_ = nullptr;
    segments_.clear();
    segments_.push_back(std::move(fresh));
    return absl::OkStatus();
  };
  SLIP_RETURN_IF_ERROR(
      FailUnlessOk(rebuild(), absl::StrCat("cannot start behind remote storage, at offset ", state.next_offset.value)));
  snapshots_ = {state.next_offset};
  unsynced_snapshots_.clear();
  producers_ = std::move(producers);
  producers_.OnHighWatermark(state.next_offset);
  first_dirty_offset_.reset();
  dirty_times_.clear();
  uncleanable_ = absl::OkStatus();
  epochs_ahead_ = start_unsynced_ = false;
  return absl::OkStatus();
}

}  // namespace slipstream
