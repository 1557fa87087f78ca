// The partitions of a cluster, fetched from their leaders as a consumer does, up to the high watermark.
#pragma once

#include <boost/asio/executor_work_guard.hpp>

#include <array>
#include <map>
#include <thread>

#include "session/cluster_client.h"
#include "session/remote_leader_endpoint.h"
#include "tool/batch_source.h"

namespace slipstream {

// Network coroutines run on a thread of its own, so that the next answer arrives while the caller looks at this one.
class ClusterSource final : public BatchSource {
 public:
  // Asks the cluster for its topics. Errors carry ExitCode::kCannotStart.
  static absl::StatusOr<std::unique_ptr<BatchSource>> Open(std::vector<Endpoint> bootstrap, const ClientConfig& config,
                                                           std::string name);
  ~ClusterSource() override;

  const std::string& name() const override { return name_; }
  const std::vector<TopicPartition>& partitions() const override { return partitions_; }
  absl::StatusOr<std::unique_ptr<BatchStream>> Open(const TopicPartition& partition) override;

 private:
  class Stream;
  // An answer to a fetch and what is left to do after it.
  struct Answer {
    FetchExchange exchange;
    ByteSpan records;  // into the exchange's frame
    Offset next;       // after the last whole batch
  };
  // A leader to ask, as the metadata has it.
  struct Leader {
    LeaderEndpoint* endpoint = nullptr;
    LeaderEpoch epoch;
  };

  ClusterSource(std::vector<Endpoint> bootstrap, const ClientConfig& config, std::string name);

  // On the network thread. Those named Try fail with kUnavailable or kDeadlineExceeded when asking again may help.
  asio::awaitable<absl::Status> Fetch(TopicPartition partition, Offset from, Answer& answer);
  asio::awaitable<absl::Status> TryFetch(TopicPartition partition, Offset from, Answer& answer);
  asio::awaitable<absl::StatusOr<Offset>> ListOffset(TopicPartition partition, Timestamp timestamp);
  asio::awaitable<absl::StatusOr<Offset>> TryListOffset(TopicPartition partition, Timestamp timestamp);
  // True: wait a moment, look who leads, try again. False: `status` stands.
  asio::awaitable<bool> MayRetry(absl::Status status, int attempt);
  absl::StatusOr<Leader> LeaderOf(const TopicPartition& partition);
  asio::awaitable<absl::Status> CloseAll();

  const std::string name_;
  const ClientConfig config_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_;
  ClusterClient cluster_;
  std::map<std::pair<BrokerId, Endpoint>, std::unique_ptr<RemoteLeaderEndpoint>> leaders_;
  std::array<Answer, 2> answers_;  // of the one open stream: one being read, one arriving
  std::vector<TopicPartition> partitions_;
  std::jthread thread_;  // runs io_
};

}  // namespace slipstream
