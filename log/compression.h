// The compressed region of a record batch, in plain and back (LOG-19..LOG-25). For tools and rewriting only: a follower
// stores what the leader sent and never looks inside.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <vector>

#include "log/bytes.h"
#include "log/record_batch.h"

namespace slipstream {

// Memory grows with what really comes out, never with what the input claims. kResourceExhausted above
// `output_bytes_max`; kDataLoss for a stream that is corrupt, cut, or followed by other bytes. Input: below 2 GiB.
absl::StatusOr<std::vector<std::byte>> Decompress(Compression compression, ByteSpan input, size_t output_bytes_max);

// The framing and default level that Kafka's producer uses.
std::vector<std::byte> Compress(Compression compression, ByteSpan input);

// A batch's records in plain: in place when they are not compressed, else decompressed into `storage`.
absl::StatusOr<ByteSpan> PlainRecords(RecordBatchView batch, size_t output_bytes_max, std::vector<std::byte>& storage);

// Kafka's name of it, e.g. "zstd".
absl::string_view CompressionName(Compression compression);

}  // namespace slipstream
