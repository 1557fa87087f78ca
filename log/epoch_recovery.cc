#include "log/epoch_recovery.h"

#include <algorithm>
#include <optional>

#include "log/batch_header_reader.h"
#include "log/status.h"

namespace slipstream {
namespace {

// The epoch file is missing or tells something else than the data at either end (KAFKA-10432, KAFKA-7897).
absl::StatusOr<bool> EpochsDisagree(const std::vector<std::unique_ptr<Segment>>& segments,
                                    const LeaderEpochCache& epochs, Offset log_start_offset) {
  const auto disagrees = [&](const BatchPlace& batch) {
    const Offset at = std::max(batch.base_offset, log_start_offset);
    if (batch.leader_epoch < LeaderEpoch{0} || batch.last_offset < at) return false;
    return epochs.EpochForOffset(at) != std::optional(batch.leader_epoch);
  };
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, segments.front()->Find(Offset{0}));
  if (first && disagrees(*first)) return true;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> last, (*segment)->LastBatch());
    if (last) return disagrees(*last);
  }
  return false;
}

absl::Status RebuildEpochs(const std::vector<std::unique_ptr<Segment>>& segments, LeaderEpochCache& epochs) {
  SLIP_RETURN_IF_ERROR(epochs.Clear());
  for (const std::unique_ptr<Segment>& segment : segments) {
    SLIP_RETURN_IF_ERROR(segment->ForEachHeader(
        [&](const BatchHeaderReader& reader) { return AssignIfNewer(epochs, reader.header()); }));
    segment->Release();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AssignIfNewer(LeaderEpochCache& epochs, const RecordBatchView& header) {
  const LeaderEpoch epoch = header.partition_leader_epoch();
  if (epoch <= epochs.latest_epoch().value_or(LeaderEpoch{})) return absl::OkStatus();
  return epochs.Assign(epoch, header.base_offset());
}

absl::Status AlignEpochs(const std::vector<std::unique_ptr<Segment>>& segments, Offset log_start_offset,
                         Offset log_end_offset, LeaderEpochCache& epochs) {
  SLIP_RETURN_IF_ERROR(epochs.TruncateFromEnd(log_end_offset));
  SLIP_ASSIGN_OR_RETURN(const bool disagree, EpochsDisagree(segments, epochs, log_start_offset));
  if (disagree) SLIP_RETURN_IF_ERROR(RebuildEpochs(segments, epochs));
  return epochs.TruncateFromStart(log_start_offset);
}

}  // namespace slipstream
