// PartitionLog: the clean end, of one log or of many.
#include "log/check.h"
#include "log/in_parallel.h"
#include "log/partition_log.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {

absl::Status PartitionLog::Close() {
  SLIP_RETURN_IF_ERROR(Usable());
  absl::Status durable = WriteAllToClose();
  if (durable.ok()) durable = FlushBlocking();
  return EndClose(durable);
}

std::vector<absl::Status> PartitionLog::CloseTogether(const std::vector<PartitionLog*>& logs, File& file_system,
                                                      size_t threads) {
  std::vector<absl::Status> closed(logs.size());
  std::vector<FlushRound> rounds(logs.size());
  InParallel(logs.size(), threads, [&](size_t i) {
    closed[i] = logs[i]->BeginCloseTogether(rounds[i]);
    // At once: the next one needs the descriptors.
    if (!closed[i].ok()) closed[i] = logs[i]->EndClose(closed[i]);
  });
  absl::Status synced = file_system.SyncFileSystem();
  if (synced.ok()) {
    // Only now: a file gets its name once its content is on the disk.
    InParallel(logs.size(), threads, [&](size_t i) {
      if (closed[i].ok()) closed[i] = logs[i]->epochs_->FinishSave();
    });
    synced = file_system.SyncFileSystem();
  }
  InParallel(logs.size(), threads, [&](size_t i) {
    if (closed[i].ok()) closed[i] = logs[i]->EndClose(logs[i]->FinishFlush(rounds[i], synced));
  });
  return closed;
}

absl::Status PartitionLog::BeginCloseTogether(FlushRound& round) {
  SLIP_CHECK(!flush_running_);
  SLIP_RETURN_IF_ERROR(Usable());
  SLIP_RETURN_IF_ERROR(WriteAllToClose());
  SLIP_RETURN_IF_ERROR(epochs_->BeginSave());
  SLIP_ASSIGN_OR_RETURN(round, BeginRound());
  // The sync of the file system needs none of them, and all that many logs have open would be too many.
  round.files.clear();
  unsynced_snapshots_.clear();
  for (const std::unique_ptr<Segment>& segment : segments_) segment->Release();
  return absl::OkStatus();
}

absl::Status PartitionLog::WriteAllToClose() {
  // One that nobody wrote to since a clean start is as it was: of many partitions most are.
  if (active().unsynced() || active().loaded()) SLIP_RETURN_IF_ERROR(active().Seal());
  return TakeProducerSnapshot();
}

absl::Status PartitionLog::EndClose(const absl::Status& durable) {
  if (!failure_.ok() || (!durable.ok() && !absl::IsResourceExhausted(durable))) return durable;
  for (const std::unique_ptr<Segment>& segment : segments_) segment->Release();
  SLIP_RETURN_IF_ERROR(durable);
  for (const DeletedFile& file : deleted_) (void)io_.Remove(file.path);  // or the next start does it
  return absl::OkStatus();
}

}  // namespace slipstream
