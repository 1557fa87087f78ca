// The lanes of one fetcher thread, over one leader: each partition is in exactly one of them (INV-22), and moves as it
// wakes, falls behind or falls quiet. Used on that thread.
#pragma once

#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "fetcher/fetch_lane.h"

namespace slipstream {

class LaneGroup final : LaneNeighbours {
 public:
  using MakeLeader = std::function<std::unique_ptr<LeaderEndpoint>()>;

  // `make_leader` is called once for each lane, here. The others outlive the group.
  LaneGroup(asio::io_context& io, const MakeLeader& make_leader, IoQueue& queue, const FetcherConfig& config,
            FetchEvents& events, FetchCounters& counters, ThreadCounters& lane_counters);

  // Until Stop, or until a lane throws: then the others are stopped too, and it throws the same. Either way nothing is
  // in flight then.
  asio::awaitable<void> Run();
  void Stop();

  // As FetchLane's.
  void Add(InitialFetchState initial);
  void Remove(const std::vector<TopicPartition>& partitions, const std::function<void()>& removed);
  // Where the partition is; nullptr: nowhere.
  const FetchLane* LaneOf(const TopicPartition& partition) const;
  PartitionLog* LogOf(const TopicPartition& partition);  // nullptr: not here, or not yet
  const FetchLane& lane(LaneKind kind) const { return *lanes_[static_cast<size_t>(kind)]; }

 private:
  void HandOver(std::unique_ptr<FollowedPartition> partition) override;
  bool IdleIsFetching() override { return At(LaneKind::kIdle).fetch_under_way(); }
  bool CallQuietOnes() override { return At(LaneKind::kTail).CallQuietOnes(); }
  bool OfferCleaner(LaneKind from) override;

  FetchLane& At(LaneKind kind) { return *lanes_[static_cast<size_t>(kind)]; }
  FetchLane* HomeOf(const TopicPartition& partition) const;  // where it is, or is about to begin; nullptr: nowhere

  asio::io_context& io_;
  LogCleaner cleaner_;
  bool leader_reached_ = false;
  std::array<std::unique_ptr<LeaderEndpoint>, kLaneKinds> leaders_;  // in the order of LaneKind, as are the lanes
  std::array<std::unique_ptr<FetchLane>, kLaneKinds> lanes_;
  size_t running_ = 0;
  AsyncEvent ended_;
  std::exception_ptr failure_;  // the first
};

}  // namespace slipstream
