// The leader's side of one fetch session (KIP-227): what the client asked of each partition last, and what it was told.
// FS-25..FS-28. Plain data: no clock, no socket.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "log/offset.h"
#include "log/uuid.h"
#include "session/fetch_session_epoch.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

struct SessionPartition {
  std::string topic;  // empty: of a topic id that had no name yet when last looked up (FS-26)
  Uuid topic_id;      // zero: asked by name
  FetchPartition asked;
  Offset told_high_watermark{}, told_log_start_offset{};  // -1: nothing, so the next answer has the partition

  // FS-27: true when an incremental answer must name the partition.
  bool MustTell(const PartitionData& data) const;
  // After an error it is told once more, when the error is gone.
  void Remember(const PartitionData& data);
};

// Which of the partitions that a request may name (FS-26): the id names the topic where there is one.
struct SessionPartitionKey {
  Uuid topic_id;
  std::string topic;
  int32_t partition = 0;
  bool operator==(const SessionPartitionKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const SessionPartitionKey& key) {
    return H::combine(std::move(h), key.topic_id, key.topic, key.partition);
  }
};

using SessionPartitions = std::list<SessionPartition>;  // in the order they are read

class LeaderFetchSession {
 public:
  // `partitions`: those of the full request that opened the session. REQUIRES: none is there twice, see PartitionsOf.
  LeaderFetchSession(int32_t id, bool uses_topic_ids, SessionPartitions partitions);

  // FS-25: adds, overwrites, then forgets; the epoch is the next request's from here on.
  void Apply(const FetchRequest& request);
  void MoveToEnd(SessionPartitions::iterator partition);

  int32_t id() const { return id_; }
  int32_t epoch() const { return epoch_; }  // that the next request must carry
  bool uses_topic_ids() const { return uses_topic_ids_; }
  SessionPartitions& partitions() { return partitions_; }
  size_t size() const { return by_key_.size(); }

 private:
  int32_t id_;
  int32_t epoch_ = 1;
  bool uses_topic_ids_;
  SessionPartitions partitions_;
  absl::flat_hash_map<SessionPartitionKey, SessionPartitions::iterator> by_key_;
};

// The partitions of a full request, in its order; of one that is named twice, what was asked last.
SessionPartitions PartitionsOf(const FetchRequest& request);

}  // namespace slipstream
