// A batch without some of its records, as compaction leaves it: the same offsets, sequences, epochs and codec (LOG-148,
// LOG-149), a CRC of its own. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "log/record_batch.h"

namespace slipstream {

struct KeptRecord {
  ByteSpan bytes;  // as encoded in the batch, its length included
  Timestamp timestamp;
};

// Replaces `out` by the batch with `kept` alone, a part of its records in their order. `delete_horizon`: stands in the
// base timestamp's place from now on, and records count from it (LOG-04, LOG-158).
void RewriteBatch(const RecordBatchView& batch, std::span<const KeptRecord> kept,
                  std::optional<Timestamp> delete_horizon, std::vector<std::byte>& out);

// Replaces `out` by the bare header of the batch: all that offsets and sequences need of it.
void EmptyBatch(const RecordBatchView& batch, std::vector<std::byte>& out);

}  // namespace slipstream
