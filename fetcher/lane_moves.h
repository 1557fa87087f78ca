// Partitions come and go between the lanes of a thread. One is fetched by one lane at a time (INV-22): it leaves the
// session when an answer is judged, before the next fetch, and the lane once its records are written.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "fetcher/lane_flushes.h"
#include "fetcher/lane_partitions.h"
#include "fetcher/lane_removals.h"

namespace slipstream {

class LaneMoves {
 public:
  using TimePoint = LanePartitions::TimePoint;

  // All outlive this.
  LaneMoves(const LaneContext& lane, LanePartitions& partitions, const LaneFlushes& flushes, LaneRemovals& removals)
      : lane_(lane), partitions_(partitions), flushes_(flushes), removals_(removals) {}

  void Hold(std::unique_ptr<FollowedPartition> partition);
  // Nothing of the lane points at it any more. REQUIRES: it is out of the session.
  std::unique_ptr<FollowedPartition> Release(FollowedPartition& partition);

  // Where the partition belongs by what an answer showed of it: here, or it is about to leave.
  void Place(FollowedPartition& partition, const LaneEvidence& seen);
  // Of the tail's to the idle lane, once an answer was judged.
  void LetQuietOnesLeave(TimePoint now);
  bool CallQuietOnes();  // true: there are some, and with the next answer they leave
  void HandOverLeaving();

  // An answer was judged: quiet ones of the tail may come to the idle lane before its next fetch.
  void CallForArrivals(TimePoint now);
  bool AwaitsArrivals() const { return lane_.Now() < arrivals_until_; }
  TimePoint arrivals_until() const { return arrivals_until_; }
  void OnArrival() { arrivals_until_ = {}; }

 private:
  void Leave(FollowedPartition& partition, LaneKind to);
  void NoteActivity(FollowedPartition& partition);
  bool MayBecomeIdle(const FollowedPartition& partition) const;

  const LaneContext& lane_;
  LanePartitions& partitions_;
  const LaneFlushes& flushes_;
  LaneRemovals& removals_;
  std::list<FollowedPartition*> by_activity_;  // all of a tail's, the one without records for longest first
  std::vector<FollowedPartition*> leaving_;    // out of the session until they are handed over
  bool quiet_called_ = false;                  // they may leave
  TimePoint arrivals_until_;
};

}  // namespace slipstream
