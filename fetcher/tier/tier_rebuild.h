// What a follower does whose next records its leader has in remote storage only (TS-04..TS-06): which record it looks
// up there, and what it takes over for its own log. ReadRemoteState blocks on the storage; the rest is pure.
#pragma once

#include <absl/status/statusor.h>

#include <optional>

#include "fetcher/tier/remote_storage.h"
#include "log/offset.h"
#include "log/remote_log_state.h"

namespace slipstream {

// Of the leader's log.
struct TieredLeader {
  Offset log_start_offset;        // maybe in remote storage
  Offset local_log_start_offset;  // below it records are in remote storage only
  LeaderEpoch local_start_epoch;  // of the record there
  Offset log_end_offset;
};

// The last record that is in remote storage only.
struct RemoteTarget {
  LeaderEpoch epoch;
  Offset offset;
  bool operator==(const RemoteTarget&) const = default;
};

// The epoch whose end the leader must tell before the target is known; nullopt: none, it is of epoch 0 like all before.
// REQUIRES: local_start_epoch >= 0.
std::optional<LeaderEpoch> EpochToLookUp(const TieredLeader& leader);

// `earlier`: the leader's answer to that, nullopt when it was not asked. TS-04: the epoch before may reach up to the
// local start, or the one that is current there may have begun below it. Epochs without records are skipped by the
// leader's answer itself.
RemoteTarget TargetOf(const TieredLeader& leader, std::optional<EpochEndOffset> earlier);

// Finds the segment that holds `target` (TS-05) and reads what a log needs that begins behind it. The segment may hold
// records that the leader has too: they are not fetched. Errors name what is missing. kUnavailable: the storage and the
// leader do not agree, as for a while after an unclean election. Blocking.
absl::StatusOr<RemoteLogState> ReadRemoteState(RemoteStorage& storage, const TopicIdPartition& partition,
                                               const TieredLeader& leader, const RemoteTarget& target);

}  // namespace slipstream
