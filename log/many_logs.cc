#include "log/many_logs.h"

#include "log/status.h"

namespace slipstream {

absl::Status SaveEpochsTogether(const std::vector<LeaderEpochCache*>& caches, File& file_system) {
  for (LeaderEpochCache* cache : caches) SLIP_RETURN_IF_ERROR(cache->BeginSave());
  SLIP_RETURN_IF_ERROR(file_system.SyncFileSystem());
  // Only now: a file gets its name once its content is on the disk.
  for (LeaderEpochCache* cache : caches) SLIP_RETURN_IF_ERROR(cache->FinishSave());
  return file_system.SyncFileSystem();
}

}  // namespace slipstream
