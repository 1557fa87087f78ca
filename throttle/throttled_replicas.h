// Which replicas of this broker a quota is for: Kafka's topic settings leader.replication.throttled.replicas and
// follower.replication.throttled.replicas, one object for each (RQ-05). Belongs to one thread.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "log/offset.h"
#include "log/topic_partition.h"

namespace slipstream {

// A setting's value: "" (nobody), "*" (every replica), or "PARTITION:BROKER,PARTITION:BROKER,...".
struct ThrottledReplicaList {
  struct Replica {
    int32_t partition = 0;
    BrokerId broker;
    bool operator==(const Replica&) const = default;
  };
  bool all = false;
  std::vector<Replica> replicas;  // as written; empty when `all`
  bool operator==(const ThrottledReplicaList&) const = default;
};

// Spaces around the value and around each replica are left out. kInvalidArgument names the piece that is wrong.
absl::StatusOr<ThrottledReplicaList> ParseThrottledReplicas(absl::string_view value);

class ThrottledReplicas {
 public:
  explicit ThrottledReplicas(BrokerId self) : self_(self) {}

  // The topic's value is now this one, whatever it was. On error the list is what it was before.
  absl::Status Update(absl::string_view topic, absl::string_view value);
  void Update(absl::string_view topic, const ThrottledReplicaList& list);
  bool empty() const { return topics_.empty(); }  // none of this broker's
  // Asked for each partition of each fetch: one hash look-up, none while nobody is listed; allocates nothing.
  bool Contains(const TopicPartition& partition) const;

 private:
  struct Topic {
    bool all = false;
    std::vector<int32_t> partitions;  // this broker's, rising; empty when `all`
  };

  BrokerId self_;
  absl::flat_hash_map<std::string, Topic> topics_;  // those with somebody listed
};

}  // namespace slipstream
