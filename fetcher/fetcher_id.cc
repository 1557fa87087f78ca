#include "fetcher/fetcher_id.h"

#include <cstdlib>
#include <limits>

#include "log/check.h"

namespace slipstream {

int32_t FetcherIdOf(const TopicPartition& partition, int32_t num_replica_fetchers) {
  SLIP_CHECK_GE(num_replica_fetchers, 1);
  // Java's String.hashCode over UTF-16 units; topic names are ASCII, so a unit is a byte. Unsigned, since it wraps.
  uint32_t hash = 0;
  for (const char c : partition.topic) hash = 31 * hash + static_cast<unsigned char>(c);
  const auto mixed = static_cast<int32_t>(31 * hash + static_cast<uint32_t>(partition.partition));
  const int32_t absolute = mixed == std::numeric_limits<int32_t>::min() ? 0 : std::abs(mixed);
  return absolute % num_replica_fetchers;
}

}  // namespace slipstream
