// A log's upkeep as its owner does it from time to time, all at once.
#pragma once

#include "log/io/blocking_queue.h"
#include "log/partition_log.h"
#include "tests/support/run.h"

namespace slipstream {

inline absl::Status MaintainAndRemove(PartitionLog& log, Timestamp now) {
  absl::Status status = log.Maintain(now);
  BlockingIoQueue queue;
  DeletedFiles deleted = log.TakeDeletedFiles(now);
  while (status.ok() && !deleted.paths.empty()) status = RunToEnd(deleted.RemoveOne(queue));
  log.RemoveLater(deleted.paths);
  return status;
}

}  // namespace slipstream
