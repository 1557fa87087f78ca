// One thread that fetches from one leader: an io_context, a ring, and the lanes over its partitions, each with a
// leader's endpoint and its connections. It owns all it touches; other threads post to it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fetcher/fetch_events.h"
#include "fetcher/fetcher_config.h"
#include "fetcher/fetcher_metrics.h"
#include "fetcher/followed_partition.h"
#include "fetcher/log_owner.h"
#include "session/leader_endpoint.h"

namespace slipstream {

// Makes the way to a leader, on the thread that will use it.
using LeaderEndpointFactory =
    std::function<std::unique_ptr<LeaderEndpoint>(asio::io_context& io, BrokerId leader, const Endpoint& endpoint)>;

class FetcherThread {
 public:
  // Starts the thread. `events` and `counters` outlive it. `name`: at most 15 characters are shown by the system.
  FetcherThread(std::string name, BrokerId leader, Endpoint endpoint, const LeaderEndpointFactory& make_leader,
                const FetcherConfig& config, FetchEvents& events, FetchCounters& counters);
  ~FetcherThread();  // Stop and Join

  // Any thread may call these.
  void AddPartitions(std::vector<InitialFetchState> partitions);
  // `removed` is called on the fetcher thread once it no longer touches the logs; after Stop, by Join.
  void RemovePartitions(std::vector<TopicPartition> partitions, std::function<void()> removed);
  // `look` is called on the fetcher thread: with nullptr when it does not have the partition, or is dead.
  void LookAt(const TopicPartition& partition, LogOwner::Look look);
  void Stop();  // returns at once
  void Join();
  // The loop ended without having been told to (FM-16).
  bool dead() const { return dead_.load(std::memory_order_acquire); }

  BrokerId leader() const { return leader_; }
  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& name() const { return name_; }
  const ThreadCounters& lane_counters() const { return lane_counters_; }

 private:
  struct Work;  // what lives on the thread

  void Main(const LeaderEndpointFactory& make_leader);

  const std::string name_;
  const BrokerId leader_;
  const Endpoint endpoint_;
  const FetcherConfig config_;
  FetchEvents& events_;
  FetchCounters& counters_;
  ThreadCounters lane_counters_;
  asio::io_context io_{1};
  Work* work_ = nullptr;  // the thread's; set before anything posted runs
  std::atomic<bool> dead_{false};
  std::thread thread_;
};

}  // namespace slipstream
