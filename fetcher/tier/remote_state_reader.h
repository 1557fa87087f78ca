// Reads remote storage on threads of its own, for a fetch lane, whose thread must not wait for it. Belongs to the lane.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include <atomic>

#include "fetcher/tier/tier_rebuild.h"
#include "log/asio.h"

namespace slipstream {

class RemoteStateReader {
 public:
  // `storage` outlives this.
  explicit RemoteStateReader(RemoteStorage& storage) : storage_(storage), threads_(kThreads) {}

  // As ReadRemoteState; resumes where it was awaited. Those beyond the number of threads wait their turn. Errors of the
  // storage are kUnavailable, whatever it says: they pass.
  asio::awaitable<absl::StatusOr<RemoteLogState>> Read(TopicIdPartition partition, TieredLeader leader,
                                                       RemoteTarget target);

  // Reads that wait for their turn end with kCancelled, as do later ones.
  void Stop() { stopping_.store(true, std::memory_order_relaxed); }

 private:
  static constexpr int kThreads = 2;  // one answer that is slow to come must not hold up the next partition's

  RemoteStorage& storage_;
  std::atomic<bool> stopping_ = false;
  asio::thread_pool threads_;  // ends before what its threads read
};

}  // namespace slipstream
