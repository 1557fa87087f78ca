// Looks at which lane has a partition, and which asks for it: never two of a process at once (INV-22). Counts how often
// partitions change lanes.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>

#include "fetcher/lane_group.h"
#include "tests/sim/sim_leader.h"
#include "tests/sim/trace.h"

namespace slipstream::sim {

struct LaneMoves {
  std::array<std::array<uint64_t, kLaneKinds>, kLaneKinds> counts{};  // from, to

  void Add(const LaneMoves& others);
  bool AllKinds() const;  // each that there may be came at least once
  std::string ToString() const;
};

class LaneWatch {
 public:
  explicit LaneWatch(Trace& trace) : trace_(trace) {}  // outlives it

  // After every handler. `group`: of the fetcher that has the partition; nullptr: none has.
  void Look(const TopicPartition& partition, const LaneGroup* group);
  void OnFetchSent(const SimLeader& leader, const Witness::Asked& asked);
  // Its answer has come, or never will.
  void OnFetchEnded(const SimLeader& leader) { in_flight_.erase(&leader); }
  // Who asked for it before and still waits will ignore what comes.
  void OnLetGo(const TopicPartition& partition);
  void OnProcessEnd() { last_in_.clear(); }

  const LaneMoves& moves() const { return moves_; }

 private:
  Trace& trace_;
  std::map<TopicPartition, const FetchLane*> last_in_;  // when last looked at
  std::map<const SimLeader*, std::set<TopicPartition>> in_flight_;
  LaneMoves moves_;
};

}  // namespace slipstream::sim
