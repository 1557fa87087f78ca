// LeaderEndpoint over real connections, one for fetches and one for questions: a broker answers the requests of a
// connection one by one, and a question must wait behind no long poll, nor a fetch behind a question that is never
// answered. Each connects on first use, again after an error, with backoff.
#pragma once

#include "session/connection.h"
#include "session/leader_endpoint.h"

namespace slipstream {

class RemoteLeaderEndpoint final : public LeaderEndpoint {
 public:
  // `replica_id`: -1 asks as a consumer does. `fetch_version_max`: no later version of Fetch is used, whatever the
  // broker has.
  RemoteLeaderEndpoint(asio::io_context& io, BrokerId broker_id, Endpoint endpoint, BrokerId replica_id,
                       ClientConfig config, int16_t fetch_version_max = FetchRequest::kVersionMax);

  BrokerId broker_id() const override { return broker_id_; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override;
  asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() override;
  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t version_max) override;
  asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(
      std::vector<EpochQuery> queries) override;
  asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition partition,
                                                                          LeaderEpoch current_leader_epoch,
                                                                          Timestamp timestamp) override;
  void Close() override;

 private:
  struct Link {
    explicit Link(asio::io_context& io) : backoff_sleep(io.get_executor()) {}
    InterruptibleSleep backoff_sleep;
    std::shared_ptr<Connection> connection;
    int failures = 0;  // to connect, in a row
  };

  asio::awaitable<absl::StatusOr<bool>> SupportsFetchVersion(int16_t version);
  // The live connection, or a new one; waits out the backoff of earlier failures first.
  asio::awaitable<absl::StatusOr<std::shared_ptr<Connection>>> Connected(Link& link);

  asio::io_context& io_;
  BrokerId broker_id_;
  Endpoint endpoint_;
  BrokerId replica_id_;
  ClientConfig config_;
  int16_t fetch_version_max_;
  Link fetching_, asking_;
  FetchResponse landing_scratch_;
  BufferPool fetch_frames_{2};  // one is being written from while the next is received
  bool closed_ = false;
};

}  // namespace slipstream
