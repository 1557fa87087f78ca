// Building a log's producer state from its snapshots and batches: when it is opened, and after a truncation
// (LOG-117..LOG-120). Blocking.
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/producer_state.h"
#include "log/segment.h"

namespace slipstream {

// Takes in the batches of `segment` that lie between the state's end and `end`. Reads headers only, but for markers.
absl::Status ApplyBatches(Segment& segment, Offset end, ProducerStateTable& producers);

// The state at `end`, from the newest sound snapshot among `snapshots` (rising) that lies within `log_start` and
// `trusted`, and from the batches after it. Unsound ones are removed, from `snapshots` too.
absl::StatusOr<ProducerStateTable> BuildProducerState(FileIo& io, const std::filesystem::path& directory,
                                                      const std::vector<std::unique_ptr<Segment>>& segments,
                                                      std::vector<Offset>& snapshots, Offset log_start, Offset trusted,
                                                      Offset end);

// Removes the snapshots above `offset`, newest first, and takes them out of `snapshots` (rising).
absl::Status RemoveSnapshotsAbove(FileIo& io, const std::filesystem::path& directory, Offset offset,
                                  std::vector<Offset>& snapshots);

}  // namespace slipstream
