// The leader's side of replication quotas: its list, its bound, and what it withholds from a fetch. Belongs to one
// thread.
#pragma once

#include <cstdint>

#include "log/topic_partition.h"
#include "throttle/replica_throttle.h"

namespace slipstream {

// Who a fetch is from, as seen from one partition.
enum class FetchingReplica { kConsumer, kInSync, kOutOfSync };

// What one partition adds to a parked fetch: completes it at once, or these bytes towards its min bytes.
struct ParkedShare {
  bool completes = false;
  uint64_t bytes = 0;
  bool operator==(const ParkedShare&) const = default;
};

// RQ-09. A partition that would be withheld adds nothing: a fetch that it completed would be answered without its
// records, come back, and be complete again, without end. `on_older_segment`: the fetch offset lies in an older segment
// than the log end.
inline ParkedShare ShareOfParkedFetch(bool withheld, bool on_older_segment, uint64_t bytes_available) {
  if (withheld) return {};
  if (on_older_segment) return {.completes = true, .bytes = 0};
  return {.completes = false, .bytes = bytes_available};
}

class LeaderThrottle : public ReplicaThrottle {
 public:
  using ReplicaThrottle::ReplicaThrottle;

  // Whether the partition's records are left out of the answer (RQ-08); its marks and errors are told all the same.
  // Asked for each partition just before what was read of it is used.
  bool Withholds(const TopicPartition& partition, FetchingReplica reader, TimePoint now) const {
    return reader == FetchingReplica::kOutOfSync && IsHeldBack(partition, now);
  }
  // Counts a partition of an answer that is built, `bytes` being its size in it. Consumers' bytes are not replication.
  void OnAnswer(const TopicPartition& partition, FetchingReplica reader, uint64_t bytes, TimePoint now) {
    if (reader != FetchingReplica::kConsumer) Count(partition, bytes, now);
  }
};

}  // namespace slipstream
