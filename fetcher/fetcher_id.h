// Which fetcher thread of a leader owns a partition.
#pragma once

#include <cstdint>

#include "log/topic_partition.h"

namespace slipstream {

// FM-01: a pure function of topic, partition and pool size, so that add and remove find the same thread. In [0, pool
// size).
int32_t FetcherIdOf(const TopicPartition& partition, int32_t num_replica_fetchers);

}  // namespace slipstream
