#include "session/client_config.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "log/in_range.h"
#include "log/status.h"
#include "session/wire/describe.h"

namespace slipstream {
namespace {

constexpr int64_t kHourMs = 3'600'000;

}  // namespace

absl::Status ClientConfig::Validate() const {
  SLIP_RETURN_IF_ERROR(CheckInRange("bytes of client.id", static_cast<int64_t>(client_id.size()), 1, kStringBytesMax));
  SLIP_RETURN_IF_ERROR(
      CheckInRange("socket.connection.setup.timeout.ms", socket_connection_setup_timeout.count(), 1, kHourMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("request.timeout.ms", request_timeout.count(), 1, kHourMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("reconnect.backoff.ms", reconnect_backoff.count(), 0, kHourMs));
  SLIP_RETURN_IF_ERROR(
      CheckInRange("reconnect.backoff.max.ms", reconnect_backoff_max.count(), reconnect_backoff.count(), kHourMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("metadata.max.age.ms", metadata_max_age.count(), 100, kHourMs));
  SLIP_RETURN_IF_ERROR(CheckInRange("bootstrap.timeout.ms", bootstrap_timeout.count(), 1, kHourMs));
  if (socket_receive_buffer_bytes != -1)
    SLIP_RETURN_IF_ERROR(
        CheckInRange("replica.socket.receive.buffer.bytes", socket_receive_buffer_bytes, 4096, 1 << 30));
  return CheckInRange("response.max.bytes", response_bytes_max, 1 << 20, std::numeric_limits<int32_t>::max());
}

}  // namespace slipstream
