// What comes before a partition can be fetched: its log made durable, and cut where the leader has another (FT-10,
// FT-14..FT-17, FT-35).
#pragma once

#include <vector>

#include "fetcher/lane_partitions.h"
#include "fetcher/truncation.h"

namespace slipstream {

class LaneTruncation {
 public:
  // Both outlive this.
  LaneTruncation(const LaneContext& lane, LanePartitions& partitions) : lane_(lane), partitions_(partitions) {}

  // Whether the leader's version tells of a divergence in its answers to fetches (KIP-595): else it is asked.
  void SetTruncationOnFetch(bool supported) { truncation_on_fetch_ = supported; }

  // What a process before this one left unflushed is no more on the disk than what we fetch (INV-19).
  asio::awaitable<absl::Status> MakeDurable(FollowedPartition& partition);
  // True when the leader must be asked where our newest epoch ends; else the partition is fetched from now on, or has
  // failed.
  bool BeginFetching(FollowedPartition& partition);
  // By what the leader said of where its log ends, see `leader_end`. After an election they may be very many: what the
  // checkpoints say of all falls in one go.
  void Apply(const std::vector<FollowedPartition*>& told);
  // False: failed, and marked so.
  bool CutTo(FollowedPartition& partition, Offset offset);
  absl::Status StartAnewAt(FollowedPartition& partition, Offset offset);
  // Before a log is cut (LOG-103): a crash on the way, or after the cut when the log is written anew, must not find a
  // recovery point that vouches for what was cut. Should this fail, nothing is cut.
  absl::Status PersistOffsets(FollowedPartition& partition, const LogOffsets& offsets);
  // A leader that gives records and takes them back, again and again, costs the others of the session a full fetch each
  // time.
  void DelayIfCutInVain(FollowedPartition& partition);

 private:
  // True: the checkpoints say more than that, and are to be written before the log is cut.
  bool PublishIfLower(FollowedPartition& partition, const LogOffsets& offsets);
  void Apply(FollowedPartition& partition, const Truncation& plan, const absl::Status& persisted);
  bool Cut(FollowedPartition& partition, Offset offset, const absl::Status& persisted);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  bool truncation_on_fetch_ = true;
};

}  // namespace slipstream
