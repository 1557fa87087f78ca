#include "log/log_config.h"

#include <absl/strings/str_cat.h>

#include "log/in_range.h"
#include "log/status.h"

namespace slipstream {
namespace {

absl::Status AtLeast(absl::string_view field, int64_t value, int64_t bound) {
  if (value >= bound) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ", must be at least ", bound));
}

}  // namespace

absl::Status LogConfig::Validate() const {
  SLIP_RETURN_IF_ERROR(AtLeast("segment.bytes", segment_bytes, 14));
  SLIP_RETURN_IF_ERROR(AtLeast("segment.ms", segment_ms.count(), 1));
  SLIP_RETURN_IF_ERROR(AtLeast("segment.index.bytes", segment_index_bytes, 12));
  SLIP_RETURN_IF_ERROR(AtLeast("flush.messages", flush_messages, 1));
  SLIP_RETURN_IF_ERROR(AtLeast("flush.bytes.max", flush_bytes_max, 1));
  constexpr int64_t kTenYearsMs = 10LL * 365 * 24 * 3600 * 1000;
  SLIP_RETURN_IF_ERROR(CheckInRange("file.delete.delay.ms", file_delete_delay.count(), 0, kTenYearsMs));
  SLIP_RETURN_IF_ERROR(AtLeast("retention.ms", retention_ms.count(), -1));
  SLIP_RETURN_IF_ERROR(AtLeast("retention.bytes", retention_bytes, -1));
  SLIP_RETURN_IF_ERROR(CheckInRange("delete.retention.ms", delete_retention.count(), 0, kTenYearsMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("min.compaction.lag.ms", min_compaction_lag.count(), 0, kTenYearsMs));
  SLIP_RETURN_IF_ERROR(AtLeast("max.compaction.lag.ms", max_compaction_lag.count(), 1));
  if (max_compaction_lag < min_compaction_lag)
    return absl::InvalidArgumentError(absl::StrCat("max.compaction.lag.ms is ", max_compaction_lag.count(),
                                                   ", must be at least min.compaction.lag.ms, ",
                                                   min_compaction_lag.count()));
  // Not the other way round: a value that is no number is refused too.
  if (!(min_cleanable_dirty_ratio >= 0 && min_cleanable_dirty_ratio <= 1))
    return absl::InvalidArgumentError(
        absl::StrCat("min.cleanable.dirty.ratio is ", min_cleanable_dirty_ratio, ", must be within 0 and 1"));
  SLIP_RETURN_IF_ERROR(AtLeast("producer.id.expiration.ms", producer_id_expiration.count(), 1));
  return AtLeast("index.interval.bytes", index_interval_bytes, 0);
}

}  // namespace slipstream
