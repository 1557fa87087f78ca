// Which partitions of a lane its replication quota is about: those that are listed and known to be behind (RQ-07).
// Plain sets; belongs to the lane, whose partitions outlive their place here.
#pragma once

#include <cstdint>
#include <set>

#include "fetcher/followed_partition.h"

namespace slipstream {

class QuotaHold {
 public:
  // Whoever got records longest ago, or never, first: that one comes back first.
  struct ServedBefore {
    bool operator()(const FollowedPartition* a, const FollowedPartition* b) const {
      return a->served != b->served ? a->served < b->served : a->name() < b->name();
    }
  };
  using Partitions = std::set<FollowedPartition*, ServedBefore>;

  void Watch(FollowedPartition& partition) { Put(partition, QuotaPlace::kWatched); }     // it is in the session,
  void LeaveOut(FollowedPartition& partition) { Put(partition, QuotaPlace::kLeftOut); }  // or out of it
  void Forget(FollowedPartition& partition) { Put(partition, QuotaPlace::kNone); }
  // Records of it came.
  void NoteServed(FollowedPartition& partition) {
    const QuotaPlace place = partition.quota_place;
    Forget(partition);
    partition.served = ++served_;
    Put(partition, place);
  }

  const Partitions& watched() const { return watched_; }
  const Partitions& left_out() const { return left_out_; }

 private:
  void Put(FollowedPartition& partition, QuotaPlace place);

  Partitions watched_, left_out_;
  uint64_t served_ = 0;  // numbers them
};

}  // namespace slipstream
