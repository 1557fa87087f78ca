#include "session/fetch_session.h"

#include <algorithm>

#include "log/check.h"
#include "session/fetch_session_epoch.h"

namespace slipstream {
namespace {

constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kNoSession = 0;

// What a full request leaves behind is not kept for ever.
constexpr size_t kSpareTopicsMax = 16;

// Neighbours of one topic share an entry; the order of partitions is kept, so a topic may appear again (FS-07).
template <typename Topic>
Topic& TopicEntry(std::vector<Topic>& topics, std::vector<Topic>& spare, const std::string& name, Uuid id) {
  if (!topics.empty() && topics.back().topic == name && topics.back().topic_id == id) return topics.back();
  if (spare.empty()) {
    topics.emplace_back();
  } else {
    topics.push_back(std::move(spare.back()));
    spare.pop_back();
  }
  Topic& added = topics.back();
  added.topic = name;
  added.topic_id = id;
  added.partitions.clear();
  return added;
}

template <typename Topic>
void Recycle(std::vector<Topic>& topics, std::vector<Topic>& spare) {
  for (Topic& topic : topics)
    if (spare.size() < kSpareTopicsMax) spare.push_back(std::move(topic));
  topics.clear();
}

}  // namespace

void FetchSession::Set(const TopicPartition& partition, const FetchPartitionData& data) {
  auto& slot = partitions_[partition];
  if (slot == nullptr) {
    slot = std::make_unique<Partition>();
    slot->asked.partition = partition;
    slot->place = order_.insert(order_.end(), slot.get());
    without_id_ += data.topic_id.IsZero() ? 1 : 0;
    slot->known = TakeBack(partition, data.topic_id);
  } else if (slot->data == data) {
    return;
  } else {
    const Uuid old_id = slot->data.topic_id;
    if (old_id != data.topic_id) {
      by_id_.erase({old_id, partition.partition});
      without_id_ += (data.topic_id.IsZero() ? 1 : 0) - (old_id.IsZero() ? 1 : 0);
      // FS-06: another topic of the same name; by name alone the leader would forget the new one too, so only by id.
      if (with_topic_ids_ && !old_id.IsZero()) {
        if (slot->known) forgotten_.push_back({partition, old_id});
        slot->known = TakeBack(partition, data.topic_id);
      }
    }
  }
  // What has moved on goes behind the others: a leader that grants no session serves them in the order of the request.
  if (session_id_ == kNoSession) order_.splice(order_.end(), order_, slot->place);
  slot->data = data;
  if (!data.topic_id.IsZero()) by_id_[{data.topic_id, partition.partition}] = slot.get();
  MarkChanged(*slot);
}

// Before the leader heard of it: a forgotten partition that is also sent would stay forgotten (FS-25).
bool FetchSession::TakeBack(const TopicPartition& partition, Uuid topic_id) {
  return std::erase_if(forgotten_, [&](const Forgotten& forgotten) {
           return forgotten.name == partition && (forgotten.topic_id == topic_id || !with_topic_ids_);
         }) > 0;
}

void FetchSession::MarkChanged(Partition& partition) {
  if (std::exchange(partition.dirty, true)) return;
  changed_.push_back(&partition);
}

void FetchSession::Remove(const TopicPartition& partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  Partition& removed = *found->second;
  if (removed.known) forgotten_.push_back({removed.asked.partition, removed.data.topic_id});
  if (removed.dirty) changed_.erase(std::find(changed_.begin(), changed_.end(), &removed));
  if (removed.data.topic_id.IsZero()) --without_id_;
  by_id_.erase({removed.data.topic_id, removed.asked.partition.partition});
  order_.erase(removed.place);
  partitions_.erase(found);
}

void FetchSession::Build(FetchRequest& request, bool use_topic_ids) {
  const bool forgotten_have_ids = std::none_of(forgotten_.begin(), forgotten_.end(),
                                               [](const Forgotten& forgotten) { return forgotten.topic_id.IsZero(); });
  const bool with_ids = use_topic_ids && without_id_ == 0 && forgotten_have_ids;
  if (std::exchange(start_over_, false)) session_epoch_ = kInitialEpoch;
  // A session lives by ids or by names: the leader refuses to switch, so a switch starts anew (FS-05).
  if (session_epoch_ != kInitialEpoch && with_ids != with_topic_ids_) session_epoch_ = kInitialEpoch;
  with_topic_ids_ = with_ids;
  request.session_id = session_id_;
  request.session_epoch = session_epoch_;
  Recycle(request.topics, spare_topics_);
  Recycle(request.forgotten_topics_data, spare_forgotten_topics_);
  full_ = session_epoch_ == kInitialEpoch;
  if (full_) {
    BuildFull(request);
  } else {
    BuildIncremental(request);
  }
  changed_.clear();
}

void FetchSession::BuildFull(FetchRequest& request) {
  forgotten_.clear();
  for (Partition* partition : order_) AppendTo(request, *partition);
  full_size_ = order_.size();
}

void FetchSession::BuildIncremental(FetchRequest& request) {
  for (Partition* partition : changed_) AppendTo(request, *partition);
  for (const Forgotten& forgotten : forgotten_)
    TopicEntry(request.forgotten_topics_data, spare_forgotten_topics_, forgotten.name.topic, forgotten.topic_id)
        .partitions.push_back(forgotten.name.partition);
  forgotten_.clear();
}

void FetchSession::AppendTo(FetchRequest& request, Partition& partition) {
  FetchPartition& entry =
      TopicEntry(request.topics, spare_topics_, partition.asked.partition.topic, partition.data.topic_id)
          .partitions.emplace_back();
  entry.partition = partition.asked.partition.partition;
  entry.current_leader_epoch = partition.data.current_leader_epoch;
  entry.fetch_offset = partition.data.fetch_offset;
  entry.last_fetched_epoch = partition.data.last_fetched_epoch;
  entry.log_start_offset = partition.data.log_start_offset;
  entry.partition_max_bytes = partition.data.partition_max_bytes;
  partition.asked.data = partition.data;
  partition.told = partition.known = true;
  partition.dirty = false;
}

FetchSession::Verdict FetchSession::OnResponse(const FetchResponse& response) {
  if (response.error_code != KafkaError::kNone) {
    if (response.error_code == KafkaError::kFetchSessionIdNotFound) session_id_ = kNoSession;
    session_epoch_ = kInitialEpoch;
    return Verdict::kDrop;
  }
  const bool throttled_away = full_ && response.responses.empty() && response.throttle_time_ms > 0;
  if (throttled_away || !Matches(response)) {
    if (full_) session_id_ = kNoSession;
    session_epoch_ = kInitialEpoch;
    return Verdict::kDrop;
  }
  if (response.session_id == kNoSession) {  // sessionless, or the leader closed it
    session_id_ = kNoSession;
    session_epoch_ = kInitialEpoch;
  } else {
    session_id_ = response.session_id;
    session_epoch_ = full_ ? 1 : NextFetchSessionEpoch(session_epoch_);
  }
  return Verdict::kUse;
}

bool FetchSession::Matches(const FetchResponse& response) {
  // Of an answer to another session nothing is known to be about what was asked here; id 0 closes ours.
  const bool foreign = !full_ && response.session_id != session_id_ && response.session_id != kNoSession;
  if (foreign) return false;
  ++answers_;
  size_t entries = 0;
  for (const FetchableTopicResponse& topic : response.responses) {
    for (const auto& partition : topic.partitions) {
      Partition* const found = Find(topic, partition.partition_index);
      const bool known = found != nullptr && found->known;
      if (!known && !Forgot(topic, partition.partition_index)) return false;
      // Named twice it would stand for one that is left out, and what it says first would not hold when it is looked at
      // again.
      if (found != nullptr && std::exchange(found->answered, answers_) == answers_) return false;
      ++entries;
    }
  }
  return !full_ || entries == full_size_;
}

// Removed after the request was built, and maybe set anew: the answer may still speak of it.
bool FetchSession::Forgot(const FetchableTopicResponse& topic, int32_t partition) const {
  return std::any_of(forgotten_.begin(), forgotten_.end(), [&](const Forgotten& forgotten) {
    const bool same_topic =
        with_topic_ids_ ? forgotten.topic_id == topic.topic_id : forgotten.name.topic == topic.topic;
    return same_topic && forgotten.name.partition == partition;
  });
}

FetchSession::Partition* FetchSession::Find(const FetchableTopicResponse& topic, int32_t partition) const {
  if (with_topic_ids_) {
    const auto by_id = by_id_.find(IdKey{topic.topic_id, partition});
    return by_id == by_id_.end() ? nullptr : by_id->second;
  }
  const auto by_name = partitions_.find(TopicPartition{topic.topic, partition});
  return by_name == partitions_.end() ? nullptr : by_name->second.get();
}

const FetchSession::Asked* FetchSession::Resolve(const FetchableTopicResponse& topic, int32_t partition) const {
  const Partition* found = Find(topic, partition);
  return found != nullptr && found->told ? &found->asked : nullptr;
}

}  // namespace slipstream
