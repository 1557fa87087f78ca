#include "session/fetch_session_cache.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "log/check.h"

namespace slipstream {
namespace {

constexpr int16_t kTopicIdsFromVersion = 13;
constexpr int32_t kNoSession = 0;
constexpr int32_t kFullEpoch = 0;    // opens a session
constexpr int32_t kFinalEpoch = -1;  // closes one, or wants none

bool IsReplica(const FetchRequest& request, int16_t version) {
  return (version >= 15 ? request.replica_state.replica_id : request.replica_id) >= BrokerId{0};
}

// Names the partition in the answer, in its topic's entry when that is the last one.
void AppendTo(FetchResponse& response, const SessionPartition& partition, PartitionData& data) {
  auto& topics = response.responses;
  const bool same =
      !topics.empty() && topics.back().topic == partition.topic && topics.back().topic_id == partition.topic_id;
  if (!same)
    topics.emplace_back(
        FetchableTopicResponse{.topic = partition.topic, .topic_id = partition.topic_id, .partitions = {}});
  topics.back().partitions.push_back(std::move(data));
}

}  // namespace

FetchSessionCache::FetchSessionCache(FetchSessionCacheConfig config, uint64_t seed)
    : config_(config),
      shards_(static_cast<size_t>(config.shards)),
      slots_per_shard_(static_cast<size_t>(std::max(0, config.slots_max / config.shards))),
      random_(seed) {}

FetchContext FetchSessionCache::Open(const FetchRequest& request, int16_t version, TimePoint now) {
  FetchContext context;
  context.by_topic_id_ = version >= kTopicIdsFromVersion;
  context.privileged_ = IsReplica(request, version);
  if (request.session_epoch == kFullEpoch || request.session_epoch == kFinalEpoch) {
    Remove(request.session_id);
    context.opens_session_ = request.session_epoch == kFullEpoch;
    context.partitions_ = PartitionsOf(request);
    return context;
  }
  Slot* slot = Find(request.session_id);
  if (slot == nullptr) {
    context.error_ = KafkaError::kFetchSessionIdNotFound;
  } else if (slot->session->epoch() != request.session_epoch) {
    context.error_ = KafkaError::kInvalidFetchSessionEpoch;
  } else if (slot->session->uses_topic_ids() != context.by_topic_id_) {
    context.error_ = KafkaError::kFetchSessionTopicIdError;
  } else {
    slot->session->Apply(request);
    if (slot->session->size() == 0) {
      Remove(request.session_id);
      return context;
    }
    context.session_ = slot->session;
    context.answer_epoch_ = slot->session->epoch();
    Touch(*slot, now);
  }
  return context;
}

std::vector<size_t> FetchSessionCache::Answer(FetchContext& context, std::vector<PartitionData>& data, TimePoint now,
                                              FetchResponse& response) {
  response.error_code = context.error_;
  response.session_id = kNoSession;
  response.responses.clear();
  std::vector<size_t> told;
  if (context.error_ != KafkaError::kNone) return told;
  if (context.session_ != nullptr) response.session_id = context.session_->id();
  if (context.Superseded()) {
    response.error_code = KafkaError::kInvalidFetchSessionEpoch;
    return told;
  }
  SessionPartitions& partitions = context.partitions();
  SLIP_CHECK_EQ(data.size(), partitions.size());
  const bool incremental = context.session_ != nullptr;
  auto next = partitions.begin();
  for (size_t i = 0; i < data.size(); ++i) {
    const auto partition = next++;
    if (incremental && !partition->MustTell(data[i])) continue;
    const bool has_records = data[i].records.size() > 0;
    partition->Remember(data[i]);
    AppendTo(response, *partition, data[i]);
    told.push_back(i);
    // Only bytes cost others their turn (FS-28). The count ends the walk, so what was moved is not met again.
    if (incremental && has_records) context.session_->MoveToEnd(partition);
  }
  if (context.opens_session_ && !partitions.empty()) response.session_id = TryCreate(context, now);
  return told;
}

size_t FetchSessionCache::session_count() const {
  size_t count = 0;
  for (const Shard& shard : shards_) count += shard.size();
  return count;
}

FetchSessionCache::Shard* FetchSessionCache::ShardOf(int32_t session_id) {
  const int32_t ids_per_shard = std::numeric_limits<int32_t>::max() / config_.shards;
  if (session_id <= 0 || session_id / ids_per_shard >= config_.shards) return nullptr;
  return &shards_[static_cast<size_t>(session_id / ids_per_shard)];
}

FetchSessionCache::Slot* FetchSessionCache::Find(int32_t session_id) {
  Shard* shard = ShardOf(session_id);
  if (shard == nullptr) return nullptr;
  const auto found = shard->find(session_id);
  return found == shard->end() ? nullptr : &found->second;
}

void FetchSessionCache::Remove(int32_t session_id) {
  if (Shard* shard = ShardOf(session_id); shard != nullptr) shard->erase(session_id);
}

void FetchSessionCache::Touch(Slot& slot, TimePoint now) const {
  const bool settled = now - slot.created > config_.retention;
  slot.last_used = now;
  slot.size = slot.session->size();
  slot.evictable_by_privileged = !slot.privileged || settled;
  slot.evictable_by_all = settled;
}

bool FetchSessionCache::MakeRoom(Shard& shard, bool privileged, size_t size, TimePoint now) {
  if (shard.size() < slots_per_shard_) return true;
  if (shard.empty()) return false;
  const auto stalest = std::ranges::min_element(shard, {}, [](const auto& entry) { return entry.second.last_used; });
  if (now - stalest->second.last_used > config_.retention) {
    shard.erase(stalest);
    return true;
  }
  using EvictionKey = std::tuple<bool, size_t, int32_t>;
  const auto key_of = [](const auto& entry) {
    return EvictionKey(entry.second.privileged, entry.second.size, entry.first);
  };
  auto least = shard.end();
  for (auto it = shard.begin(); it != shard.end(); ++it) {
    const bool evictable = privileged ? it->second.evictable_by_privileged : it->second.evictable_by_all;
    if (evictable && (least == shard.end() || key_of(*it) < key_of(*least))) least = it;
  }
  // With 0 for its id a newcomer of the same size loses: two would evict each other for ever.
  if (least == shard.end() || EvictionKey(privileged, size, 0) < key_of(*least)) return false;
  shard.erase(least);
  return true;
}

int32_t FetchSessionCache::TryCreate(FetchContext& context, TimePoint now) {
  const auto index = static_cast<int32_t>(next_shard_++ % shards_.size());
  Shard& shard = shards_[static_cast<size_t>(index)];
  if (!MakeRoom(shard, context.privileged_, context.partitions_.size(), now)) return kNoSession;
  const int32_t id = NewSessionId(shard, index);
  Slot slot;
  slot.session = std::make_shared<LeaderFetchSession>(id, context.by_topic_id_, std::move(context.partitions_));
  slot.privileged = context.privileged_;
  slot.created = now;
  Touch(slot, now);
  shard.emplace(id, std::move(slot));
  return id;
}

int32_t FetchSessionCache::NewSessionId(const Shard& shard, int32_t shard_index) {
  const int32_t ids_per_shard = std::numeric_limits<int32_t>::max() / config_.shards;
  const int32_t first = std::max(1, shard_index * ids_per_shard);
  const int32_t last = (shard_index + 1) * ids_per_shard - 1;
  for (;;) {
    const auto id = first + static_cast<int32_t>(random_() % static_cast<uint64_t>(last - first + 1));
    if (!shard.contains(id)) return id;
  }
}

}  // namespace slipstream
