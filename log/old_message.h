// Messages of the formats before magic 2, as far as they must be told from torn bytes: we read none of them (LOG-26),
// but must not cut them either (LOG-29).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/offset.h"

namespace slipstream {

// True when a whole message of magic 0 or 1 with the right CRC lies at `at`. A torn write can look like one: where its
// second block did not reach the disk there are zeros, and so is the magic.
absl::StatusOr<bool> IsOldMessage(File& file, FilePosition at, uint64_t file_bytes);
// The same of what `bytes` begin with.
bool IsOldMessage(ByteSpan bytes);

}  // namespace slipstream
