// Bytes per second as a flag: "50MB/s", "1.5GiB/s", "800000".
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>

namespace slipstream {

// kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024, in any case; a number alone is bytes. 1 .. 2^62 bytes
// per second; kInvalidArgument says what it must be.
absl::StatusOr<int64_t> ParseByteRate(absl::string_view text);

}  // namespace slipstream
