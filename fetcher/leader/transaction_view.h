// Which transactions of a log were aborted and which are still open, for readers of committed records. Read from the
// log's own batches when first asked for, and from what is appended since; kept in memory. One thread, that of the log.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <vector>

#include "log/offset.h"
#include "log/partition_log.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

class TransactionView {
 public:
  // Looks at the batches up to the high watermark that it has not seen yet. Blocking; headers only, but for markers.
  absl::Status CatchUp(PartitionLog& log);

  // The first offset of the oldest open transaction, else `high_watermark` (LOG-112).
  Offset LastStableOffset(Offset high_watermark) const;
  // The aborted transactions that have records in [from, to) or close after `from` (LOG-122), by their markers.
  std::vector<AbortedTransaction> AbortedIn(Offset from, Offset to) const;

 private:
  struct Aborted {
    int64_t producer_id;
    Offset first_offset, marker_offset;
  };

  absl::Status See(File& file, FilePosition at, RecordBatchView header, uint64_t size_bytes);
  absl::Status CloseTransaction(File& file, FilePosition at, RecordBatchView header, uint64_t size_bytes);

  Offset seen_to_{0};
  absl::flat_hash_map<int64_t, Offset> open_;  // by producer id: where its transaction began
  std::vector<Aborted> aborted_;               // rising by marker
};

}  // namespace slipstream
