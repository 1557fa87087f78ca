// The settings of a log. Plain data.
#pragma once

#include <absl/status/status.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace slipstream {

// How a segment's bytes go to the disk (log.write.mode).
enum class WriteMode {
  kAuto,      // catching up: past the page cache where the file system can, else as kUncached; at the tail: buffered
  kDirect,    // always past the page cache; an error where the file system cannot
  kUncached,  // catching up: through the page cache, which lets go of the pages at once (RWF_DONTCACHE)
  kBuffered,  // always as Kafka does
};

// Kafka's topic settings, their defaults and bounds (LOG-164).
struct LogConfig {
  int32_t segment_bytes = 1 << 30;                               // 14 .. 2^31-1
  std::chrono::milliseconds segment_ms{7 * 24 * 3600 * 1000LL};  // >= 1; compared with record timestamps (LOG-83)
  int32_t segment_index_bytes = 10 << 20;                        // >= 12
  int32_t index_interval_bytes = 4096;                           // >= 0
  std::chrono::milliseconds producer_id_expiration{24 * 3600 * 1000LL};  // producer.id.expiration.ms, >= 1
  bool cleanup_delete = true;  // cleanup.policy has "delete": segments go by age and size, else only by the log start
  std::chrono::milliseconds retention_ms{7 * 24 * 3600 * 1000LL};  // < 0: whatever their age
  int64_t retention_bytes = -1;                                    // of a partition; < 0: whatever its size
  std::chrono::milliseconds file_delete_delay{60'000};             // file.delete.delay.ms, >= 0
  bool cleanup_compact = false;  // cleanup.policy has "compact": of each key the newest record is enough
  std::chrono::milliseconds delete_retention{24 * 3600 * 1000LL};  // delete.retention.ms, >= 0: of tombstones
  std::chrono::milliseconds min_compaction_lag{0};  // min.compaction.lag.ms, >= 0: younger segments are left alone
  // max.compaction.lag.ms, >= 1 and >= min: older ones do not wait for the ratio; segments are rolled in time for it.
  std::chrono::milliseconds max_compaction_lag{std::numeric_limits<int64_t>::max()};
  double min_cleanable_dirty_ratio = 0.5;                        // min.cleanable.dirty.ratio, 0 .. 1
  int64_t flush_messages = std::numeric_limits<int64_t>::max();  // >= 1; a flush is due after so many offsets
  int64_t flush_bytes_max = 256 << 20;  // >= 1; and after so many bytes, lest dirty pages pile up
  WriteMode write_mode = WriteMode::kAuto;
  bool remote_storage = false;    // remote.storage.enable: a log's oldest records may be in remote storage only
  absl::Status Validate() const;  // names field, value and bound

  // Of a segment, in record time (LOG-83).
  std::chrono::milliseconds RollAfter() const {
    return cleanup_compact ? std::min(segment_ms, max_compaction_lag) : segment_ms;
  }
};

}  // namespace slipstream
