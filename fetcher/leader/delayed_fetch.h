// A fetch that found too little and waits for more (LD-10): woken by appends to the partitions it reads, by its
// deadline, or by the server's stop. Everything here belongs to one thread.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

#include "log/asio.h"

namespace slipstream {

class DelayedFetch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  DelayedFetch(const asio::any_io_executor& executor, int64_t missing_bytes)
      : timer_(executor), missing_bytes_(missing_bytes) {}

  // Until `missing_bytes` were appended, Wake, or the deadline. What was appended may be more than the fetch may take
  // of it: the caller reads again, and waits again if need be.
  asio::awaitable<void> WaitUntil(TimePoint deadline);
  void OnAppend(uint64_t bytes);
  void Wake();

 private:
  asio::steady_timer timer_;
  int64_t missing_bytes_;
  bool woken_ = false;
};

// The fetches that one partition's appends may complete. A fetch adds itself before it waits and removes itself after.
class FetchWatchers {
 public:
  void Add(DelayedFetch* fetch) { fetches_.push_back(fetch); }
  void Remove(DelayedFetch* fetch) { std::erase(fetches_, fetch); }
  void OnAppend(uint64_t bytes) {
    for (DelayedFetch* fetch : fetches_) fetch->OnAppend(bytes);
  }

 private:
  std::vector<DelayedFetch*> fetches_;
};

}  // namespace slipstream
