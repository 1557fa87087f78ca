#include "fetcher/tier/tier_rebuild.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

std::optional<LeaderEpoch> EpochToLookUp(const TieredLeader& leader) {
  SLIP_CHECK(leader.local_start_epoch >= LeaderEpoch{0});
  if (leader.local_start_epoch == LeaderEpoch{0}) return std::nullopt;
  return LeaderEpoch{leader.local_start_epoch.value - 1};
}

RemoteTarget TargetOf(const TieredLeader& leader, std::optional<EpochEndOffset> earlier) {
  const Offset last{leader.local_log_start_offset.value - 1};
  const bool of_earlier = earlier && earlier->end_offset > last;
  return {of_earlier ? earlier->leader_epoch : leader.local_start_epoch, last};
}

absl::StatusOr<RemoteLogState> ReadRemoteState(RemoteStorage& storage, const TopicIdPartition& partition,
                                               const TieredLeader& leader, const RemoteTarget& target) {
  SLIP_ASSIGN_OR_RETURN(const RemoteSegment segment, storage.FindSegment(partition, target.epoch, target.offset));
  const Offset next = segment.last_offset + 1;
  if (segment.base_offset > target.offset || next <= target.offset)
    return absl::UnavailableError(absl::StrCat("the segment of offsets ", segment.base_offset.value, " to ",
                                               segment.last_offset.value, " was found for offset ",
                                               target.offset.value));
  if (next > leader.log_end_offset)
    return absl::UnavailableError(absl::StrCat("the segment ends at offset ", segment.last_offset.value,
                                               ", and the leader's log before ", leader.log_end_offset.value));
  SLIP_ASSIGN_OR_RETURN(std::vector<EpochStart> epochs, storage.LeaderEpochs(segment));
  // One that began where no record of the segment is tells of what this log does not hold.
  std::erase_if(epochs, [next](const EpochStart& entry) { return entry.start_offset >= next; });
  SLIP_ASSIGN_OR_RETURN(std::string snapshot, storage.ProducerSnapshot(segment));
  return RemoteLogState{leader.log_start_offset, next, std::move(epochs), std::move(snapshot)};
}

}  // namespace slipstream
