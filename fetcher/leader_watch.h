// Which leaders are lost, and what a person is told of it: one line when one is lost and one when that is over.
#pragma once

#include <absl/status/status.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/endpoint.h"

namespace slipstream {

// Plain data: several fetchers of one leader tell the same, one line comes of it.
class LeaderWatch {
 public:
  // A leader of `partitions` of ours does not answer. Nothing to say: it leads none, or is known to be lost.
  std::optional<std::string> OnLost(BrokerId leader, size_t partitions, const absl::Status& why);
  // It answered. Nothing to say unless it was lost.
  std::optional<std::string> OnReached(BrokerId leader, const Endpoint& endpoint);
  // Partitions went to other leaders: lost ones that lead none of ours any more are done with.
  std::vector<std::string> OnLeadersChanged(const std::set<BrokerId>& leading);
  // No broker could tell the metadata, for the `failures`th time in a row; 0: one could. Nothing to say while a leader
  // is known to be lost, which tells as much, nor of a few failures.
  std::optional<std::string> OnMetadata(int failures, const absl::Status& why);
  bool IsLost(BrokerId leader) const { return lost_.contains(leader); }
  bool AnyLost() const { return !lost_.empty(); }

 private:
  std::set<BrokerId> lost_;
  bool cluster_lost_ = false;
};

}  // namespace slipstream
