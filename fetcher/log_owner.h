// The way to a log that another thread owns, for who only looks at it.
#pragma once

#include <functional>

#include "log/partition_log.h"
#include "log/topic_partition.h"

namespace slipstream {

class LogOwner {
 public:
  // `log`: nullptr while nobody has it, as it is being handed over. Reads only, and is quick: the owner waits. What the
  // log says of itself is true, be it in the middle of an append.
  using Look = std::function<void(PartitionLog* log)>;

  virtual ~LogOwner() = default;

  // Calls `look` on the thread that owns the partition's current log, soon; or never, when that thread ends first. Any
  // thread may call it.
  virtual void LookAt(const TopicPartition& partition, Look look) = 0;
};

}  // namespace slipstream
