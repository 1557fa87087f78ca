// What compaction must know of transactions: which batches belong to one that was aborted, and which markers no data is
// left of. Sees all batches of a log once, in their order. LOG-158.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <optional>
#include <span>
#include <vector>

#include "log/record_batch.h"
#include "log/transaction_index.h"

namespace slipstream {

class TransactionFilter {
 public:
  // `aborted`: of all transactions that began in what is to be seen; rising by marker.
  explicit TransactionFilter(std::span<const AbortedTransactionEntry> aborted);

  // True for a batch of an aborted transaction. REQUIRES: not a control batch.
  bool OnData(const RecordBatchView& batch);

  struct Marker {
    bool needed = true;                              // some batch of its transaction was still there, or it ends none
    std::optional<AbortedTransactionEntry> aborted;  // what the transaction index still has to say of it
  };
  // kDataLoss: an abort of data that is there, and no index names it. REQUIRES: a control batch.
  absl::StatusOr<Marker> OnControl(const RecordBatchView& batch);

 private:
  const AbortedTransactionEntry* FirstNotBefore(int64_t producer_id, Offset offset) const;  // by marker

  absl::flat_hash_map<int64_t, std::vector<AbortedTransactionEntry>> aborted_;  // by producer
  absl::flat_hash_set<int64_t> with_data_;  // producers seen to write in a transaction since their last marker
};

}  // namespace slipstream
