// What a lane needs of the lanes beside it on its thread.
#pragma once

#include <memory>

#include "fetcher/followed_partition.h"

namespace slipstream {

class LaneNeighbours {
 public:
  virtual ~LaneNeighbours() = default;

  // Gives the partition to the lane of `partition->lane`, which has it when this returns.
  virtual void HandOver(std::unique_ptr<FollowedPartition> partition) = 0;
  // The idle lane has a long poll under way.
  virtual bool IdleIsFetching() = 0;
  // Quiet partitions of the tail are to come to the idle lane, which asks this before its next fetch. True: some will,
  // once the tail's fetch has been answered.
  virtual bool CallQuietOnes() = 0;
  // The thread's cleaner is free: true when another lane than `from` has begun to use it.
  virtual bool OfferCleaner(LaneKind from) = 0;
};

}  // namespace slipstream
