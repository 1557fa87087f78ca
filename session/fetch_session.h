// The client's side of an incremental fetch session (KIP-227): what the leader has been told of each partition, and
// what the next request must tell. FS-01..FS-13. Pure: no clock, no socket.
//
// The owner declares changes (Set, Remove); a build looks at the changed partitions only, never at all of them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/offset.h"
#include "log/topic_partition.h"
#include "log/uuid.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

// What a fetch asks of one partition.
struct FetchPartitionData {
  Uuid topic_id;  // zero: unknown, the whole session then goes by names (FS-05)
  Offset fetch_offset;
  Offset log_start_offset;
  int32_t partition_max_bytes = 0;
  LeaderEpoch current_leader_epoch;
  LeaderEpoch last_fetched_epoch;  // -1: none
  bool operator==(const FetchPartitionData&) const = default;
};

class FetchSession {
 public:
  // Wanted from now on, with this data. In a session a partition already wanted keeps its place; without one it goes
  // behind the others when its data changes, so that each has its turn.
  void Set(const TopicPartition& partition, const FetchPartitionData& data);
  void Remove(const TopicPartition& partition);
  bool Wants(const TopicPartition& partition) const { return partitions_.contains(partition); }

  // Nothing to fetch and nothing to tell the leader (FT-23).
  bool Idle() const { return partitions_.empty() && forgotten_.empty(); }
  bool WantsNone() const { return partitions_.empty(); }
  size_t forgotten() const { return forgotten_.size(); }  // that the leader is still to be told of
  // Fills session id, epoch, topics and forgotten topics of `request`. The state moves with the build: send what was
  // built, or call OnSendError. `use_topic_ids`: Fetch 13 is at hand; ids are used when every partition has one.
  void Build(FetchRequest& request, bool use_topic_ids);
  bool built_with_topic_ids() const { return with_topic_ids_; }

  enum class Verdict {
    kUse,   // the answer's partitions count
    kDrop,  // do not use it, and pause: the next request is a full one
  };
  // Judges an answer to the last build (FS-09..FS-11, FS-13). Partition entries of topics not asked for make it kDrop.
  Verdict OnResponse(const FetchResponse& response);
  void OnSendError() { StartOver(); }  // FS-12
  // The next request is a full one, so that its answer tells of every partition anew; whatever an answer that is still
  // under way does to the session.
  void StartOver() { start_over_ = true; }
  // What was asked of the partition that an entry of the last answer speaks of. nullptr: it was not asked for, or taken
  // out of the session since: its data must be ignored (FT-30).
  struct Asked {
    TopicPartition partition;
    FetchPartitionData data;
  };
  const Asked* Resolve(const FetchableTopicResponse& topic, int32_t partition) const;

  int32_t session_id() const { return session_id_; }
  int32_t session_epoch() const { return start_over_ ? 0 : session_epoch_; }  // of the next request; 0: full, -1: none

 private:
  struct Partition {
    Asked asked;              // name, and what the leader was last told
    FetchPartitionData data;  // what it is to be told
    bool told = false;        // asked about since it was last set anew: an answer may speak of it
    bool known = false;       // to the leader, as told or from before: once removed it must be forgotten
    bool dirty = false;       // listed in changed_
    uint64_t answered = 0;    // the last answer that named it, by number
    std::list<Partition*>::iterator place;
  };
  struct Forgotten {
    TopicPartition name;
    Uuid topic_id;
  };
  using IdKey = std::pair<Uuid, int32_t>;

  bool TakeBack(const TopicPartition& partition, Uuid topic_id);  // true: it was about to be forgotten
  void MarkChanged(Partition& partition);
  void AppendTo(FetchRequest& request, Partition& partition);
  void BuildFull(FetchRequest& request);
  void BuildIncremental(FetchRequest& request);
  bool Matches(const FetchResponse& response);
  bool Forgot(const FetchableTopicResponse& topic, int32_t partition) const;
  Partition* Find(const FetchableTopicResponse& topic, int32_t partition) const;

  absl::flat_hash_map<TopicPartition, std::unique_ptr<Partition>> partitions_;
  absl::flat_hash_map<IdKey, Partition*> by_id_;
  std::list<Partition*> order_;           // the order of a full request: see Set
  std::vector<Partition*> changed_;       // since the last build; their `dirty` is set
  std::vector<Forgotten> forgotten_;      // known to the leader, no longer wanted
  std::vector<FetchTopic> spare_topics_;  // of requests before: their memory is used again
  std::vector<ForgottenTopic> spare_forgotten_topics_;
  int32_t without_id_ = 0;  // partitions whose topic id is unknown
  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;
  bool start_over_ = false;
  bool with_topic_ids_ = false;  // of the last build
  bool full_ = true;             // the last build was full,
  size_t full_size_ = 0;         // and told of so many partitions
  uint64_t answers_ = 0;         // numbers them
};

}  // namespace slipstream
