// Snappy as Kafka's clients write it: the "xerial" stream of snappy-java, or one bare block from other clients
// (LOG-20, LOG-21).
#pragma once

#include <absl/status/status.h>

#include <vector>

#include "log/bytes.h"

namespace slipstream {

absl::Status DecompressSnappy(ByteSpan input, size_t output_bytes_max, std::vector<std::byte>& output);
void CompressSnappy(ByteSpan input, std::vector<std::byte>& output);

}  // namespace slipstream
