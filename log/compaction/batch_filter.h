// What a round of compaction leaves of each batch (LOG-156, LOG-158). Sees all batches of the log in their order; no
// file, no clock.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "log/compaction/batch_rewrite.h"
#include "log/compaction/offset_map.h"
#include "log/compaction/transaction_filter.h"
#include "log/record.h"
#include "log/record_batch.h"

namespace slipstream {

// What the log knows of a producer that has not expired.
struct ActiveProducer {
  std::optional<Offset> last_data_offset;  // nullopt: its newest epoch wrote no data
  int16_t epoch = -1;
};
using ActiveProducers = absl::flat_hash_map<int64_t, ActiveProducer>;

// A record stays when no newer one of its key is known. `newest`: of its key, in the map, which knows all keys from
// the first dirty offset up to `map_end`. Tombstones stay until `tombstones_may_go`; records without a key never do.
bool RecordSurvives(const Record& record, std::optional<Offset> newest, Offset map_end, bool tombstones_may_go);

// True: the batch keeps its header even if no record is left, since the producer's state is read from it. The last data
// of an active producer, or, where it has none, the marker that tells its epoch; that one keeps its record as well,
// without which it tells nothing (LOG-18).
bool HoldsProducerState(const RecordBatchView& batch, const ActiveProducers& producers);

// Records in plain of a batch whose content must be sound. kFailedPrecondition above the bound of what one batch may
// hold in memory.
absl::StatusOr<ByteSpan> PlainForCompaction(const RecordBatchView& batch, std::vector<std::byte>& storage);

struct FilterRules {
  Timestamp now;
  std::chrono::milliseconds delete_retention{0};
  Offset map_end;  // the map knows nothing at or above
};

class BatchFilter {
 public:
  // All outlive the filter.
  BatchFilter(const OffsetMap& map, const ActiveProducers& producers, TransactionFilter& transactions,
              const FilterRules& rules)
      : map_(map), producers_(producers), transactions_(transactions), rules_(rules) {}

  // What stays of `batch`: all of it as it is, less of it rewritten, or nothing (empty). Valid until the next call and
  // as long as the batch is. kDataLoss: its records cannot be read.
  absl::StatusOr<ByteSpan> Filter(const RecordBatchView& batch);
  // Of the batch seen last: what the transaction index still has to say of its marker.
  const std::optional<AbortedTransactionEntry>& aborted() const { return marker_.aborted; }

  uint64_t records_seen() const { return records_seen_; }
  uint64_t records_kept() const { return records_kept_; }

 private:
  absl::StatusOr<bool> CollectKept(const RecordBatchView& batch);  // true: there is a tombstone among them

  const OffsetMap& map_;
  const ActiveProducers& producers_;
  TransactionFilter& transactions_;
  FilterRules rules_;
  TransactionFilter::Marker marker_;
  std::vector<KeptRecord> kept_;
  std::vector<std::byte> plain_, rewritten_;
  uint64_t records_seen_ = 0, records_kept_ = 0;
};

}  // namespace slipstream
