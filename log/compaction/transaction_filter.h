// What compaction must know of transactions: which batches belong to one that was aborted, and which markers no data is
// left of. Sees all batches of a log once, in their order. LOG-158.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <optional>
#include <span>
#include <vector>

#include "log/record_batch.h"
#include "log/transaction_index.h"

namespace slipstream {

class TransactionFilter {
 public:
  // `aborted`: of all transactions that began in what is to be seen; rising by marker. Those of which all data lies
  // below `log_start` may be missing: when indexes and producers are read anew, nothing there is looked at.
  TransactionFilter(std::span<const AbortedTransactionEntry> aborted, Offset log_start);

  // True for a batch of an aborted transaction. REQUIRES: not a control batch.
  bool OnData(const RecordBatchView& batch);

  struct Marker {
    bool needed = true;                              // some batch of its transaction was still there, or it ends none
    std::optional<AbortedTransactionEntry> aborted;  // what the transaction index still has to say of it
  };
  // kDataLoss: an abort of data that readers may see, and no index names it. REQUIRES: a control batch.
  absl::StatusOr<Marker> OnControl(const RecordBatchView& batch);

 private:
  const AbortedTransactionEntry* FirstNotBefore(int64_t producer_id, Offset offset) const;  // by marker

  absl::flat_hash_map<int64_t, std::vector<AbortedTransactionEntry>> aborted_;  // by producer
  Offset log_start_;
  absl::flat_hash_map<int64_t, Offset> last_data_;  // in a transaction, of producers that wrote since their last marker
};

}  // namespace slipstream
