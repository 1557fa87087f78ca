#include "tool/log_properties.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

namespace slipstream {
namespace {

PropertyTable::Setter Ratio(double& field) {
  return [&field](absl::string_view value) {
    return absl::SimpleAtod(value, &field) ? absl::OkStatus() : absl::InvalidArgumentError("is not a number");
  };
}

absl::Status SetCleanupPolicy(absl::string_view value, LogConfig& log) {
  bool has_delete = false, has_compact = false;
  for (const absl::string_view word : absl::StrSplit(value, ',')) {
    bool& has = word == "compact" ? has_compact : has_delete;
    if (has || (word != "compact" && word != "delete"))
      return absl::InvalidArgumentError("is none of delete, compact and compact,delete");
    has = true;
  }
  log.cleanup_delete = has_delete;
  log.cleanup_compact = has_compact;
  return absl::OkStatus();
}

}  // namespace

void AddLogProperties(PropertyTable& table, LogConfig& log) {
  table.AddInt32("segment.bytes", "of a log segment (default 1 GiB)", log.segment_bytes);
  table.AddMilliseconds("segment.ms", "a segment is rolled at this age, in record time (default 7 days)",
                        log.segment_ms);
  table.AddInt32("index.interval.bytes", "between two index entries (default 4096)", log.index_interval_bytes);
  table.Add("cleanup.policy",
            "delete (default): old segments go; compact: of each key the newest record stays; compact,delete: both",
            [&log](absl::string_view value) { return SetCleanupPolicy(value, log); });
  table.AddMilliseconds("retention.ms",
                        "segments older than this go, in record time (default -1: only those deleted at the source)",
                        log.retention_ms);
  table.AddInt("retention.bytes", "of a partition; the oldest segments above it go (default -1: any size)",
               [&log](int64_t value) { log.retention_bytes = value; });
  table.AddMilliseconds(
      "file.delete.delay.ms",
      "files of deleted segments stay so long, and go at the next look at what may go (default 60000)",
      log.file_delete_delay);
  table.AddMilliseconds("delete.retention.ms", "compaction keeps tombstones so long (default 1 day)",
                        log.delete_retention);
  table.AddMilliseconds("min.compaction.lag.ms", "younger segments are not compacted (default 0)",
                        log.min_compaction_lag);
  table.AddMilliseconds("max.compaction.lag.ms", "older ones are whatever the ratio (default: none)",
                        log.max_compaction_lag);
  table.Add("min.cleanable.dirty.ratio", "compact when more than this part of a log is new (default 0.5)",
            Ratio(log.min_cleanable_dirty_ratio));
  table.AddInt("flush.messages", "an fsync after so many offsets (default: left to the system)",
               [&log](int64_t value) { log.flush_messages = value; });
  table.AddChoice("log.write.mode", "how segments are written (default auto: direct while catching up, else buffered)",
                  {{"auto", WriteMode::kAuto},
                   {"direct", WriteMode::kDirect},
                   {"dontcache", WriteMode::kUncached},
                   {"buffered", WriteMode::kBuffered}},
                  log.write_mode);
}

void AddCleanerProperties(PropertyTable& table, CompactionLimits& limits) {
  table.AddInt("log.cleaner.dedupe.buffer.size", "memory for the keys of one round of compaction (default 128 MiB)",
               [&limits](int64_t value) { limits.dedupe_buffer_bytes = value; });
  table.Add("log.cleaner.io.buffer.load.factor", "how full that memory may get (default 0.9)",
            Ratio(limits.load_factor));
  table.AddMilliseconds("log.cleaner.backoff.ms", "between two looks at what may be compacted (default 15000)",
                        limits.backoff);
}

}  // namespace slipstream
