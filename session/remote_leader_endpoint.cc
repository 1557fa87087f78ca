#include "session/remote_leader_endpoint.h"

#include <algorithm>
#include <map>
#include <random>

#include "log/status.h"
#include "session/backoff.h"
#include "session/wire/messages/offset_for_leader_epoch.h"

namespace slipstream {
namespace {

constexpr int16_t kFetchVersionWithDivergence = 12;
constexpr int16_t kFetchVersionWithTopicIds = 13;

// Lays an answer so that its first records are congruent to where they go: of a large answer they are nearly all.
class RecordsLanding final : public FrameLanding {
 public:
  RecordsLanding(const FetchExchange& exchange, FetchResponse& scratch) : exchange_(exchange), scratch_(scratch) {}

  size_t ShiftFor(ByteSpan frame_begin, int16_t version) override {
    const std::optional<FirstRecords> first = FindFirstRecords(frame_begin, version, scratch_);
    if (!first) return 0;
    const std::optional<FilePosition> position = exchange_.landing(*first->topic, first->partition_index);
    return position ? (position->value - first->at) % kPageBytes : 0;
  }

 private:
  const FetchExchange& exchange_;
  FetchResponse& scratch_;
};

}  // namespace

RemoteLeaderEndpoint::RemoteLeaderEndpoint(asio::io_context& io, BrokerId broker_id, Endpoint endpoint,
                                           BrokerId replica_id, ClientConfig config, int16_t fetch_version_max)
    : io_(io),
      broker_id_(broker_id),
      endpoint_(std::move(endpoint)),
      replica_id_(replica_id),
      config_(std::move(config)),
      fetch_version_max_(fetch_version_max),
      fetching_(io),
      asking_(io) {}

asio::awaitable<absl::StatusOr<std::shared_ptr<Connection>>> RemoteLeaderEndpoint::Connected(Link& link) {
  if (closed_) co_return absl::CancelledError("endpoint closed");
  if (link.connection != nullptr && !link.connection->closed()) co_return link.connection;
  const auto wait =
      BackoffAfter(link.failures, config_.reconnect_backoff, config_.reconnect_backoff_max, std::random_device()());
  if (wait.count() > 0) co_await link.backoff_sleep.For(wait);
  if (closed_) co_return absl::CancelledError("endpoint closed");
  // Kept before it is open, so that Close ends that too.
  const std::shared_ptr<Connection> opening = Connection::Create(io_.get_executor(), endpoint_, config_);
  link.connection = opening;
  const absl::Status opened = co_await opening->Open();
  link.failures = opened.ok() ? 0 : link.failures + 1;
  if (!opened.ok()) co_return opened;
  co_return opening;
}

asio::awaitable<absl::StatusOr<bool>> RemoteLeaderEndpoint::SupportsTopicIds() {
  co_return co_await SupportsFetchVersion(kFetchVersionWithTopicIds);
}

asio::awaitable<absl::StatusOr<bool>> RemoteLeaderEndpoint::SupportsTruncationOnFetch() {
  co_return co_await SupportsFetchVersion(kFetchVersionWithDivergence);
}

asio::awaitable<absl::StatusOr<bool>> RemoteLeaderEndpoint::SupportsFetchVersion(int16_t version) {
  absl::StatusOr<std::shared_ptr<Connection>> connection = co_await Connected(fetching_);
  if (!connection.ok()) co_return connection.status();
  co_return version <= fetch_version_max_ &&
      (*connection)->VersionFor(ApiKey::kFetch, version, FetchRequest::kVersionMax).ok();
}

asio::awaitable<absl::Status> RemoteLeaderEndpoint::Fetch(FetchExchange& exchange, int16_t version_max) {
  absl::StatusOr<std::shared_ptr<Connection>> connection = co_await Connected(fetching_);
  if (!connection.ok()) co_return connection.status();
  exchange.request.replica_id = replica_id_;
  exchange.request.replica_state.replica_id = replica_id_;
  ReceivedFrame frame;
  RecordsLanding landing(exchange, landing_scratch_);
  version_max = std::min(version_max, fetch_version_max_);
  const absl::Status called = co_await (*connection)
                                  ->Call(exchange.request, exchange.response, fetch_frames_, frame, version_max,
                                         exchange.landing ? &landing : nullptr);
  exchange.frame = std::move(frame.buffer);
  co_return called;
}

asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> RemoteLeaderEndpoint::OffsetsForLeaderEpoch(
    std::vector<EpochQuery> queries) {
  absl::StatusOr<std::shared_ptr<Connection>> connection = co_await Connected(asking_);
  if (!connection.ok()) co_return connection.status();
  std::map<std::string, OffsetForLeaderTopic> topics;
  for (const EpochQuery& query : queries) {
    OffsetForLeaderTopic& topic = topics[query.partition.topic];
    topic.topic = query.partition.topic;
    OffsetForLeaderPartition& partition = topic.partitions.emplace_back();
    partition.partition = query.partition.partition;
    partition.current_leader_epoch = query.current_leader_epoch;
    partition.leader_epoch = query.leader_epoch;
  }
  OffsetForLeaderEpochRequest request;
  request.replica_id = replica_id_;
  for (auto& [name, topic] : topics) request.topics.push_back(std::move(topic));
  OffsetForLeaderEpochResponse response;
  const absl::Status called = co_await (*connection)->Call(request, response);
  if (!called.ok()) co_return called;
  std::vector<EpochAnswer> answers;
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions)
      answers.push_back(
          {{topic.topic, partition.partition}, partition.error_code, {partition.leader_epoch, partition.end_offset}});
  }
  co_return answers;
}

asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> RemoteLeaderEndpoint::ListOffset(
    TopicPartition partition, LeaderEpoch current_leader_epoch, Timestamp timestamp) {
  absl::StatusOr<std::shared_ptr<Connection>> connection = co_await Connected(asking_);
  if (!connection.ok()) co_return connection.status();
  ListOffsetsRequest request;
  request.replica_id = replica_id_;
  request.timeout_ms = static_cast<int32_t>(config_.request_timeout.count());
  ListOffsetsTopic& topic = request.topics.emplace_back();
  topic.name = partition.topic;
  ListOffsetsPartition& asked = topic.partitions.emplace_back();
  asked.partition_index = partition.partition;
  asked.current_leader_epoch = current_leader_epoch;
  asked.timestamp = timestamp;
  ListOffsetsResponse response;
  const absl::Status called = co_await (*connection)->Call(request, response);
  if (!called.ok()) co_return called;
  for (const auto& answered : response.topics) {
    for (const auto& answer : answered.partitions) {
      if (answered.name == partition.topic && answer.partition_index == partition.partition)
        co_return OffsetAnswer{answer.error_code, answer.offset, answer.leader_epoch};
    }
  }
  co_return std::nullopt;
}

void RemoteLeaderEndpoint::Close() {
  closed_ = true;
  for (Link* link : {&fetching_, &asking_}) {
    link->backoff_sleep.Interrupt();
    if (link->connection != nullptr) link->connection->Close();
  }
}

}  // namespace slipstream
