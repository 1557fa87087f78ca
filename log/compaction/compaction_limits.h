// What compaction may use; Kafka's broker settings (LOG-165).
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>

namespace slipstream {

struct CompactionLimits {
  int64_t dedupe_buffer_bytes = 128 << 20;    // log.cleaner.dedupe.buffer.size: for the keys of one round, 48 .. 2^40
  double load_factor = 0.9;                   // log.cleaner.io.buffer.load.factor: of that buffer, above 0 and below 1
  std::chrono::milliseconds backoff{15'000};  // log.cleaner.backoff.ms, 1 ms .. 1 day: between two looks at the logs
  absl::Status Validate() const;              // names field, value and bound
};

}  // namespace slipstream
