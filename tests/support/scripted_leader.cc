#include "tests/support/scripted_leader.h"

#include <algorithm>

namespace slipstream {
namespace {

constexpr int32_t kSessionId = 7;

PartitionData ToWire(const ScriptedPartition& scripted) {
  PartitionData data;
  data.partition_index = scripted.partition.partition;
  data.error_code = scripted.error;
  data.high_watermark = Offset{scripted.high_watermark};
  data.last_stable_offset = data.high_watermark;
  data.log_start_offset = Offset{scripted.log_start_offset};
  data.records.bytes = scripted.records;
  data.diverging_epoch = scripted.diverging;
  return data;
}

}  // namespace

void ScriptedLeader::Say(ScriptedFetch answer) {
  script_.push_back(std::move(answer));
  waiting_ = false;
  said_.NotifyAll();
}

std::optional<FetchPartition> ScriptedLeader::Asked(const TopicPartition& partition) const {
  const auto found = session_.find(partition);
  return found == session_.end() ? std::nullopt : std::optional(found->second);
}

asio::awaitable<absl::Status> ScriptedLeader::Fetch(FetchExchange& exchange, int16_t version_max) {
  See(exchange.request, version_max);
  ScriptedFetch answer;
  // A request that only forgets is answered at once.
  if (!session_.empty()) {
    while (script_.empty() && !closed_) {
      waiting_ = true;
      co_await said_.Wait();
    }
    waiting_ = false;
    if (closed_) co_return absl::CancelledError("the scripted leader was closed");
    answer = std::move(script_.front());
    script_.pop_front();
  }
  if (!answer.transport.ok()) co_return answer.transport;
  Answer(exchange, std::move(answer));
  co_return absl::OkStatus();
}

void ScriptedLeader::See(const FetchRequest& request, int16_t version_max) {
  SeenFetch& seen = fetches.emplace_back();
  seen.full = request.session_epoch <= 0;
  seen.version_max = version_max;
  seen.request = request;
  if (seen.full) session_.clear();
  for (const FetchTopic& topic : request.topics) {
    ids_[topic.topic] = topic.topic_id;
    for (const FetchPartition& partition : topic.partitions) {
      const TopicPartition name{topic.topic, partition.partition};
      seen.told[name] = partition;
      session_[name] = partition;
    }
  }
  for (const ForgottenTopic& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions) {
      seen.forgotten.insert({topic.topic, partition});
      session_.erase({topic.topic, partition});
    }
  }
}

void ScriptedLeader::Answer(FetchExchange& exchange, ScriptedFetch answer) {
  const bool full = fetches.back().full;
  if (full) {
    for (const auto& [name, asked] : session_) {
      const bool scripted =
          std::ranges::any_of(answer.partitions, [&](const ScriptedPartition& part) { return part.partition == name; });
      if (!scripted) answer.partitions.push_back({.partition = name});
    }
  }
  const auto kept = std::make_shared<ScriptedFetch>(std::move(answer));
  exchange.frame = kept;
  FetchResponse& response = exchange.response;
  response = {};
  response.error_code = kept->error;
  response.session_id = kSessionId;
  if (kept->error != KafkaError::kNone) return;
  for (const ScriptedPartition& part : kept->partitions) {
    FetchableTopicResponse& topic = response.responses.emplace_back();
    topic.topic = part.partition.topic;
    topic.topic_id = ids_[part.partition.topic];
    topic.partitions.push_back(ToWire(part));
  }
}

void ScriptedLeader::AnswerQuestions() {
  connecting_held_ = look_ups_held_ = question_waiting_ = false;
  said_.NotifyAll();
}

asio::awaitable<absl::Status> ScriptedLeader::WhileHeld(const bool& held) {
  while (held && !closed_) {
    question_waiting_ = true;
    co_await said_.Wait();
  }
  co_return closed_ ? absl::CancelledError("the scripted leader was closed") : absl::OkStatus();
}

asio::awaitable<absl::StatusOr<bool>> ScriptedLeader::SupportsTruncationOnFetch() {
  const absl::Status held = co_await WhileHeld(connecting_held_);
  if (!held.ok()) co_return held;
  co_return truncation_on_fetch;
}

asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> ScriptedLeader::OffsetsForLeaderEpoch(
    std::vector<EpochQuery> queries) {
  epoch_look_ups.push_back(queries);
  const absl::Status held = co_await WhileHeld(look_ups_held_);
  if (!held.ok()) co_return held;
  if (closed_ || !on_epoch_look_up) co_return absl::CancelledError("no epoch look-up is scripted");
  co_return on_epoch_look_up(queries);
}

asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ScriptedLeader::ListOffset(
    TopicPartition, LeaderEpoch current_leader_epoch, Timestamp timestamp) {
  offset_queries.push_back(timestamp);
  offset_query_epochs.push_back(current_leader_epoch);
  const absl::Status held = co_await WhileHeld(look_ups_held_);
  if (!held.ok()) co_return held;
  if (closed_ || !on_list_offset) co_return absl::CancelledError("no offset query is scripted");
  co_return on_list_offset(timestamp);
}

void ScriptedLeader::Close() {
  closed_ = true;
  said_.NotifyAll();
}

}  // namespace slipstream
