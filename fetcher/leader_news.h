// Which word of a partition's leader counts. Pure.
#pragma once

#include "session/cluster_metadata.h"
#include "session/endpoint.h"

namespace slipstream {

struct LeaderPlace {  // refers to what outlives it
  const PartitionLeader& leader;
  const Endpoint& endpoint;
};

// True when what metadata says of a partition's leader, `told`, takes the place of what is `known`. Leader epochs only
// grow, so an older one is of a broker that is behind; one that is equal may still have moved.
inline bool IsNews(const LeaderPlace& known, const LeaderPlace& told) {
  if (told.leader.leader_epoch < known.leader.leader_epoch) return false;
  return told.leader.leader_epoch != known.leader.leader_epoch || told.leader.leader != known.leader.leader ||
         told.endpoint != known.endpoint;
}

}  // namespace slipstream
