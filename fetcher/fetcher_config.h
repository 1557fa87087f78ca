// How partitions are fetched; Kafka's names where Kafka has the knob, and its defaults but for the two sizes of
// answers.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>

#include "log/clock.h"
#include "log/compaction/compaction_limits.h"
#include "log/offset.h"
#include "throttle/byte_rate_limit.h"
#include "throttle/shared_follower_throttle.h"

namespace slipstream {

class RemoteStorage;

// What to do when the leader no longer has the records that come next: they were deleted before they were copied.
enum class GapPolicy {
  kStop,     // the partition fails and says which offsets are lost; nothing of the copy is touched
  kRestart,  // drop the copy and start anew at the leader's log start, saying so
};

// What a copied record must have survived before it is published and asked past.
enum class FlushMode {
  kCached,   // Kafka's promise: it is in the page cache, or on its way to the disk; a power cut may take it
  kDurable,  // it is on the disk (INV-19)
};

struct FetcherConfig {
  BrokerId replica_id;                         // >= -1; -1: a consumer-side follower, reads up to the high watermark
  int32_t num_replica_fetchers = 1;            // 1 .. 64 threads per leader
  int32_t replica_fetch_min_bytes = 1;         // 0 .. 2^31-1
  int32_t replica_fetch_max_bytes = 32 << 20;  // per partition and request, 1 KiB .. 1 GiB
  // Per request, 1 KiB .. 1 GiB. Answers are of 4 MiB; those to partitions that are behind grow up to this where a
  // link's delay makes it worth while. Memory of a thread: two of these, and four of 4 MiB, unless a first batch, which
  // comes whole, is larger.
  int32_t replica_fetch_response_max_bytes = 32 << 20;
  std::chrono::milliseconds replica_fetch_wait_max{500};  // 0 .. 5 min
  std::chrono::milliseconds replica_fetch_backoff{1000};  // 1 ms .. 5 min, after an error of one partition
  // Retries of a failed partition grow apart up to this: replica_fetch_backoff .. 1 h.
  std::chrono::milliseconds failed_partition_backoff_max{60'000};
  GapPolicy gap_policy = GapPolicy::kStop;
  FlushMode flush_mode = FlushMode::kCached;                          // log.flush.mode
  std::chrono::milliseconds retention_check_interval{5 * 60 * 1000};  // log.retention.check.interval.ms, >= 1
  CompactionLimits compaction;  // of one round; a fetcher thread runs one at a time, and only where cleanup.policy asks
  Clock* clock = &SystemClock();        // what the times of records are held against; outlives the fetchers
  ByteRateLimit* rate_limit = nullptr;  // of all fetchers together, outlives them; nullptr: none
  SharedFollowerThrottle* follower_throttle = nullptr;  // replication quotas; likewise
  // Where the leaders move old segments to; outlives the fetchers; nullptr: not known. For replicas: a leader reads it
  // for others itself.
  RemoteStorage* remote_storage = nullptr;

  absl::Status Validate() const;  // names field, value and bound
};

}  // namespace slipstream
