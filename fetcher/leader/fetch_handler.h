// Answers fetches of consumers and followers from the logs, without copying records: LD-01..LD-10, LOG-145..LOG-153.
// The ISR is the leader alone, so the high watermark is the log end, and any follower may read.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "fetcher/leader/topic_catalog.h"
#include "session/fetch_session_cache.h"
#include "session/server.h"

namespace slipstream {

class FetchHandler {
 public:
  static constexpr int64_t kFetchBytesMax = 55 << 20;  // fetch.max.bytes: no answer is larger, but for one batch

  FetchHandler(TopicCatalog& catalog, FetchSessionCache& sessions) : catalog_(catalog), sessions_(sessions) {}

  // `regions`: where the records of the answer lie, in its order. Parks the request while there is too little to send
  // and the client waits for it.
  asio::awaitable<void> Handle(const FetchRequest& request, int16_t version, WaitingClient& client,
                               FetchResponse& response, std::vector<FileRegion>& regions);
  // Ends every wait, now and later.
  void Stop();

 private:
  struct Limits {
    int64_t bytes_max = 0;  // of all partitions
    int64_t bytes_min = 0;  // fewer: park
    bool read_committed = false;
  };
  // What one look at all partitions of a fetch gave.
  struct Pass {
    std::vector<PartitionData> data;         // for each partition, in order
    std::vector<LogSlice> slices;            // the same; no file: no records
    std::vector<HostedPartition*> readable;  // those that had no error
    int64_t bytes = 0;
    bool answer_now = false;  // an error, or a divergence to tell
  };

  void Read(FetchContext& context, const Limits& limits, Pass& pass);
  // Reads one partition; nullptr: data.error_code says why not.
  HostedPartition* ReadPartition(SessionPartition& wanted, const Limits& limits, int64_t bytes_so_far,
                                 PartitionData& data, LogSlice& slice);
  HostedPartition* Resolve(SessionPartition& wanted, KafkaError& error);
  // False: the client has left.
  asio::awaitable<bool> Park(const Pass& pass, int64_t missing_bytes, DelayedFetch::TimePoint deadline,
                             WaitingClient& client);

  TopicCatalog& catalog_;
  FetchSessionCache& sessions_;
  absl::flat_hash_set<DelayedFetch*> parked_;
  bool stopping_ = false;
};

}  // namespace slipstream
