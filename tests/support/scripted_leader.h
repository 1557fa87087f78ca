// A leader that says what the test tells it to and shows what it was asked. One answer per fetch; with none at hand the
// fetch waits, as a long poll does, so that a test goes on when the lane has nothing left to do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "log/async_event.h"
#include "session/leader_endpoint.h"

namespace slipstream {

// One partition's part of an answer.
struct ScriptedPartition {
  TopicPartition partition;
  std::vector<std::byte> records = {};
  int64_t high_watermark = 0;
  int64_t log_start_offset = 0;
  KafkaError error = KafkaError::kNone;
  FetchEpochEndOffset diverging = {};
};

struct ScriptedFetch {
  std::vector<ScriptedPartition> partitions = {};
  KafkaError error = KafkaError::kNone;  // of the whole answer
  absl::Status transport = {};           // not OK: the connection broke
};

struct SeenFetch {
  bool full = false;  // everything is told anew
  int16_t version_max = 0;
  FetchRequest request;
  std::map<TopicPartition, FetchPartition> told;  // only what this request says
  std::set<TopicPartition> forgotten;
};

class ScriptedLeader final : public LeaderEndpoint {
 public:
  ScriptedLeader(asio::io_context& io, BrokerId id) : id_(id), said_(io.get_executor()) {}

  // The answer to the next fetch that has none. A full request is answered in full: partitions not named have no news.
  void Say(ScriptedFetch answer);
  // A fetch waits for its answer.
  bool waiting() const { return waiting_; }
  // From now on only fetches are answered: as a leader that died before it was connected to, or with HoldLookUps after.
  void HoldQuestions() { connecting_held_ = look_ups_held_ = true; }
  void HoldLookUps() { look_ups_held_ = true; }
  void AnswerQuestions();
  bool question_waiting() const { return question_waiting_; }
  // What the session knows of the partition now; nullopt: it is not fetched.
  std::optional<FetchPartition> Asked(const TopicPartition& partition) const;

  bool topic_ids = true;
  bool truncation_on_fetch = true;
  std::function<absl::StatusOr<std::vector<EpochAnswer>>(const std::vector<EpochQuery>& queries)> on_epoch_look_up;
  std::function<absl::StatusOr<std::optional<OffsetAnswer>>(Timestamp timestamp)> on_list_offset;
  std::vector<SeenFetch> fetches;
  std::vector<std::vector<EpochQuery>> epoch_look_ups;
  std::vector<Timestamp> offset_queries;
  std::vector<LeaderEpoch> offset_query_epochs;  // the current leader epoch that each of them named

  BrokerId broker_id() const override { return id_; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override { co_return topic_ids; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() override;
  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t version_max) override;
  asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(
      std::vector<EpochQuery> queries) override;
  asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition partition,
                                                                          LeaderEpoch current_leader_epoch,
                                                                          Timestamp timestamp) override;
  void Close() override;

 private:
  void See(const FetchRequest& request, int16_t version_max);
  void Answer(FetchExchange& exchange, ScriptedFetch answer);
  asio::awaitable<absl::Status> WhileHeld(const bool& held);

  const BrokerId id_;
  const Endpoint endpoint_{"scripted", 9092};
  std::map<TopicPartition, FetchPartition> session_;  // as the follower built it up
  std::map<std::string, Uuid> ids_;
  std::deque<ScriptedFetch> script_;
  AsyncEvent said_;
  bool waiting_ = false;
  bool connecting_held_ = false;
  bool look_ups_held_ = false;
  bool question_waiting_ = false;
  bool closed_ = false;
};

}  // namespace slipstream
