// What a pool of fetchers shows of itself: what Kafka's fetcher managers and threads have as metrics (FM-14, FM-15),
// and the same of each lane.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "fetcher/lane_choice.h"
#include "session/endpoint.h"

namespace slipstream {

// Written by the lane, read by any thread. Requests and bytes only grow.
struct LaneCounters {
  std::atomic<uint64_t> requests{0};  // fetches begun, those that failed too
  std::atomic<uint64_t> bytes{0};     // of records appended
  std::atomic<size_t> partitions{0};
  std::atomic<size_t> left_out{0};  // of them: their quota has them wait
};
using ThreadCounters = std::array<LaneCounters, kLaneKinds>;  // in the order of LaneKind

struct LaneMetrics {
  LaneKind kind = LaneKind::kIdle;
  size_t partitions = 0, left_out = 0;
  uint64_t requests = 0, bytes = 0;  // since the thread began
};

struct FetcherThreadMetrics {
  std::string name;
  BrokerId leader;
  Endpoint endpoint;
  bool dead = false;
  double requests_per_second = 0, bytes_per_second = 0;  // OneMinuteRate
  std::array<LaneMetrics, kLaneKinds> lanes;
};

// The lag of a single partition is its PartitionProgress::Lag().
struct FetcherMetrics {
  int64_t max_lag = 0;        // offsets; of the partitions whose lag is known
  double min_fetch_rate = 0;  // the requests_per_second of the thread with the fewest; 0: there is none
  size_t failed_partitions = 0, dead_threads = 0;
  std::vector<FetcherThreadMetrics> threads;  // of those there are: a thread that ends takes its metrics along
};

}  // namespace slipstream
