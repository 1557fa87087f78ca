// The leader's fetch sessions: who gets a place, who loses it, and what one request and its answer mean within a
// session. FS-20..FS-30. Pure: time is an argument, the ids' randomness a seed. One thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "session/leader_fetch_session.h"
#include "session/wire/kafka_error.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

struct FetchSessionCacheConfig {
  int32_t slots_max = 1000;  // max.incremental.fetch.session.cache.slots; fewer than shards: no sessions at all
  int32_t shards = 8;
  std::chrono::milliseconds retention{120'000};
};

// One fetch request in the light of its session, from its reading to its answer. Between the two, other requests of the
// same session may come (on another connection): look at Superseded() after each wait, before using partitions().
class FetchContext {
 public:
  KafkaError error() const { return error_; }  // not kNone: Answer at once, there are no partitions
  bool Superseded() const { return session_ != nullptr && session_->epoch() != answer_epoch_; }
  SessionPartitions& partitions() { return session_ != nullptr ? session_->partitions() : partitions_; }

 private:
  friend class FetchSessionCache;

  KafkaError error_ = KafkaError::kNone;
  SessionPartitions partitions_;                 // of a full request
  std::shared_ptr<LeaderFetchSession> session_;  // of an incremental one; outlives its place in the cache
  int32_t answer_epoch_ = 0;                     // the session's, as long as no later request came
  bool opens_session_ = false;
  bool by_topic_id_ = false;
  bool privileged_ = false;
};

class FetchSessionCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  FetchSessionCache(FetchSessionCacheConfig config, uint64_t seed);

  // FS-24, FS-25, FS-29.
  FetchContext Open(const FetchRequest& request, int16_t version, TimePoint now);
  // Fills session id, error and partitions of the answer. `data`: what reading each of context.partitions() gave, in
  // their order; moved from. Returns which of them the answer names, in its order. REQUIRES: as many as there are
  // partitions, or an error or superseded context.
  std::vector<size_t> Answer(FetchContext& context, std::vector<PartitionData>& data, TimePoint now,
                             FetchResponse& response);

  size_t session_count() const;

 private:
  // A place taken; what may be evicted is decided by how things stood at the session's last use (FS-22).
  struct Slot {
    std::shared_ptr<LeaderFetchSession> session;
    bool privileged = false;
    TimePoint created, last_used;
    size_t size = 0;
    bool evictable_by_privileged = false;
    bool evictable_by_all = false;
  };
  using Shard = absl::flat_hash_map<int32_t, Slot>;

  Shard* ShardOf(int32_t session_id);  // nullptr: no id of ours
  Slot* Find(int32_t session_id);
  void Remove(int32_t session_id);
  void Touch(Slot& slot, TimePoint now) const;
  // FS-21: frees a place for a newcomer; false when none may be taken.
  bool MakeRoom(Shard& shard, bool privileged, size_t size, TimePoint now);
  // 0: no place.
  int32_t TryCreate(FetchContext& context, TimePoint now);
  int32_t NewSessionId(const Shard& shard, int32_t shard_index);

  FetchSessionCacheConfig config_;
  std::vector<Shard> shards_;
  size_t slots_per_shard_;
  uint32_t next_shard_ = 0;
  std::mt19937_64 random_;
};

}  // namespace slipstream
