#include "log/compaction/compaction_limits.h"

#include <absl/strings/str_cat.h>

#include "log/compaction/offset_map.h"
#include "log/in_range.h"
#include "log/status.h"

namespace slipstream {

absl::Status CompactionLimits::Validate() const {
  SLIP_RETURN_IF_ERROR(CheckInRange("log.cleaner.dedupe.buffer.size", dedupe_buffer_bytes,
                                    int64_t{2 * OffsetMap::kEntryBytes}, int64_t{1} << 40));
  SLIP_RETURN_IF_ERROR(CheckInRange("log.cleaner.backoff.ms", backoff.count(), 1, 24 * 3600 * 1000));
  if (load_factor > 0 && load_factor < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("log.cleaner.io.buffer.load.factor is ", load_factor, ", must be above 0 and below 1"));
}

}  // namespace slipstream
