#include "log/epoch_recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

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
  // The first batch that is kept, which need not be the first segment's first: the epochs may have been cut at a log
  // start that came to the disk later than they did, and then tell nothing of what lies before it.
  for (const std::unique_ptr<Segment>& segment : segments) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, segment->Find(log_start_offset));
    if (!first) continue;
    if (disagrees(*first)) return true;
    break;
  }
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> last, (*segment)->LastBatch());
    if (last) return disagrees(*last);
  }
  return false;
}

// In one step: were a crash to leave only the first of them, what is appended after it would hide that some are
// missing.
absl::Status RebuildEpochs(const std::vector<std::unique_ptr<Segment>>& segments, LeaderEpochCache& epochs) {
  std::vector<EpochStart> found;
  for (const std::unique_ptr<Segment>& segment : segments) {
    SLIP_RETURN_IF_ERROR(segment->ForEachHeader([&](const BatchHeaderReader& reader) {
      const LeaderEpoch epoch = reader.header().partition_leader_epoch();
      if (epoch > (found.empty() ? LeaderEpoch{} : found.back().epoch))
        found.push_back({epoch, reader.header().base_offset()});
      return absl::OkStatus();
    }));
    segment->Release();
  }
  return epochs.Replace(std::move(found));
}

}  // namespace

absl::Status AssignIfNewer(LeaderEpochCache& epochs, const RecordBatchView& header) {
  const LeaderEpoch epoch = header.partition_leader_epoch();
  if (epoch <= epochs.latest_epoch().value_or(LeaderEpoch{})) return absl::OkStatus();
  return epochs.Assign(epoch, header.base_offset());
}

absl::Status AlignEpochs(const std::vector<std::unique_ptr<Segment>>& segments, Offset log_start_offset,
                         Offset log_end_offset, LeaderEpochCache& epochs) {
  // A leader notes its epoch before it has written anything: many files end so, and writing each anew would be most of
  // the time that a start takes.
  epochs.ForgetFromEnd(log_end_offset);
  SLIP_ASSIGN_OR_RETURN(const bool disagree, EpochsDisagree(segments, epochs, log_start_offset));
  if (disagree) SLIP_RETURN_IF_ERROR(RebuildEpochs(segments, epochs));
  return epochs.TruncateFromStart(log_start_offset);
}

}  // namespace slipstream
