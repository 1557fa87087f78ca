#include "fetcher/fetcher_config.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "log/in_range.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr int64_t kFiveMinutesMs = 300'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kGiB = 1 << 30;

}  // namespace

absl::Status FetcherConfig::Validate() const {
  SLIP_RETURN_IF_ERROR(CheckInRange("replica.id", replica_id.value, -1, std::numeric_limits<int32_t>::max()));
  SLIP_RETURN_IF_ERROR(CheckInRange("num.replica.fetchers", num_replica_fetchers, 1, 64));
  SLIP_RETURN_IF_ERROR(
      CheckInRange("replica.fetch.min.bytes", replica_fetch_min_bytes, 0, std::numeric_limits<int32_t>::max()));
  SLIP_RETURN_IF_ERROR(CheckInRange("replica.fetch.max.bytes", replica_fetch_max_bytes, 1024, kGiB));
  SLIP_RETURN_IF_ERROR(CheckInRange("replica.fetch.response.max.bytes", replica_fetch_response_max_bytes, 1024, kGiB));
  SLIP_RETURN_IF_ERROR(CheckInRange("replica.fetch.wait.max.ms", replica_fetch_wait_max.count(), 0, kFiveMinutesMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("replica.fetch.backoff.ms", replica_fetch_backoff.count(), 1, kFiveMinutesMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("log.retention.check.interval.ms", retention_check_interval.count(), 1,
                                    std::numeric_limits<int64_t>::max() / 1'000'000));
  SLIP_RETURN_IF_ERROR(compaction.Validate());
  if (replica_fetch_backoff > failed_partition_backoff_max)
    return absl::InvalidArgumentError(
        absl::StrCat("replica.fetch.backoff.ms = ", replica_fetch_backoff.count(),
                     ", must not be above failed.partition.backoff.max.ms = ", failed_partition_backoff_max.count()));
  return CheckInRange("failed.partition.backoff.max.ms", failed_partition_backoff_max.count(), 1, kHourMs);
}

}  // namespace slipstream
