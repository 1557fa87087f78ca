// Bringing a log's leader epochs in line with its batches when it is opened (LOG-131, EC-08). Blocking.
#pragma once

#include <absl/status/status.h>

#include <memory>
#include <vector>

#include "log/leader_epoch_cache.h"
#include "log/offset.h"
#include "log/record_batch.h"
#include "log/segment.h"

namespace slipstream {

// Notes the epoch of a batch that recovery reads, when it is newer than all that are known.
absl::Status AssignIfNewer(LeaderEpochCache& epochs, const RecordBatchView& header);

// Cuts the epochs at both ends of the log; makes them anew from the headers where they contradict its first or its last
// batch.
absl::Status AlignEpochs(const std::vector<std::unique_ptr<Segment>>& segments, Offset log_start_offset,
                         Offset log_end_offset, LeaderEpochCache& epochs);

}  // namespace slipstream
