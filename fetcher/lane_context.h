// What the lanes of a thread share, and what the parts of one lane have in common. All of it outlives them, and belongs
// to that thread.
#pragma once

#include "fetcher/fetch_events.h"
#include "fetcher/fetcher_config.h"
#include "fetcher/fetcher_metrics.h"
#include "fetcher/lane_choice.h"
#include "fetcher/lane_neighbours.h"
#include "log/asio.h"
#include "log/compaction/log_cleaner.h"
#include "log/io/file_io.h"
#include "session/leader_endpoint.h"

namespace slipstream {

struct LaneShared {
  asio::io_context& io;
  IoQueue& queue;
  const FetcherConfig& config;
  FetchEvents& events;
  FetchCounters& counters;
  ThreadCounters& thread_counters;
  LogCleaner& cleaner;
  bool& leader_reached;  // and told so, since it was lost last
};

struct LaneContext : LaneShared {
  LaneCounters& lane_counters;
  LeaderEndpoint& leader;
  LaneKind kind;
  LaneLimits limits;
  LaneNeighbours* neighbours;  // nullptr: it is alone and keeps every partition, whatever that is up to

  Clock::TimePoint Now() const { return config.clock->Now(); }
};

}  // namespace slipstream
