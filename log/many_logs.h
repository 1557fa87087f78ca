// What is done for many logs together, by syncs of the whole file system: an fsync for each would cost milliseconds.
// Making them: new_logs.h; closing them: PartitionLog::CloseTogether.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <vector>

#include "log/io/file_io.h"
#include "log/leader_epoch_cache.h"

namespace slipstream {

// So many pay for such a sync, which may have others' data to write.
inline constexpr size_t kManyLogs = 64;

// LeaderEpochCache::Save for all, by two syncs of `file_system`, which was opened before: it tells of errors since
// then. After an error some may be saved. Blocking.
absl::Status SaveEpochsTogether(const std::vector<LeaderEpochCache*>& caches, File& file_system);

}  // namespace slipstream
