// Which fetcher thread fetches which partition: a pool of threads per leader, partitions spread by hash (FM-01..FM-13).
// Used from one thread, the control thread, whose coroutines wait for hand-overs here.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fetcher/fetcher_thread.h"
#include "fetcher/one_minute_rate.h"
#include "log/async_event.h"

namespace slipstream {

class FetcherManager {
 public:
  // `io` is the control thread's; it, `events` and `counters` outlive the manager. Threads are called
  // NAME-<fetcher id>-<leader>.
  FetcherManager(asio::io_context& io, FetcherConfig config, LeaderEndpointFactory make_leader, FetchEvents& events,
                 FetchCounters& counters, std::string name = "fetcher");
  ~FetcherManager();

  // Fetches the partitions from this leader from now on. Those that another thread has are taken from it first; one
  // already there with the same leader and epoch stays as it is, unless it failed: adding heals (FM-05).
  asio::awaitable<void> Add(BrokerId leader, Endpoint endpoint, std::vector<InitialFetchState> partitions);
  // Returns once no thread touches their logs any more. Unknown partitions are fine.
  asio::awaitable<void> Remove(std::vector<TopicPartition> partitions);
  // `look` is called with the partition's log where it is used, soon; or with nullptr while it is on its way from one
  // thread to another. False: it is nobody's here, and `look` is untouched.
  bool LookAt(const TopicPartition& partition, LogOwner::Look& look);
  // From now on so many threads per leader, 1 .. 64: partitions that belong to another then are moved, the others are
  // fetched on (FM-11). REQUIRES: no Add or Remove is under way.
  asio::awaitable<void> Resize(int32_t num_replica_fetchers);
  // Stops threads without partitions (FM-07) and starts dead ones anew (FM-16, unlike Kafka).
  void Tend();
  // Stops all threads at once, then waits for each (FM-13).
  void Close();

  size_t thread_count() const { return threads_.size(); }
  size_t dead_thread_count() const;
  // As of now; what it says of rates is smoother when it is asked for every few seconds.
  FetcherMetrics Metrics();

 private:
  struct Key {
    BrokerId leader;
    int32_t fetcher_id = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Slot {
    std::unique_ptr<FetcherThread> thread;
    std::map<TopicPartition, InitialFetchState> partitions;
    OneMinuteRate requests, bytes;  // of this thread
  };

  void Start(const Key& key, Slot& slot, const Endpoint& endpoint);
  FetcherThreadMetrics MetricsOf(Slot& slot) const;

  asio::io_context& io_;
  FetcherConfig config_;
  LeaderEndpointFactory make_leader_;
  const std::string name_;
  FetchEvents& events_;
  FetchCounters& counters_;
  std::map<Key, Slot> threads_;
  absl::flat_hash_set<TopicPartition> leaving_;     // removed, but their thread has not let go yet
  absl::flat_hash_map<TopicPartition, Key> owner_;  // invariant: owner_[p] == k iff threads_[k].partitions has p
};

}  // namespace slipstream
