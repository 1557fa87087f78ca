// Where a leader moves its oldest segments to (KIP-405), as a follower needs it: which segment holds a record, and what
// that segment says of the log below its end. Never the records: whoever wants those asks the leader.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "log/leader_epoch_cache.h"
#include "log/offset.h"
#include "log/topic_partition.h"
#include "log/uuid.h"

namespace slipstream {

struct TopicIdPartition {
  TopicPartition partition;
  Uuid topic_id;
};

struct RemoteSegment {
  TopicIdPartition partition;
  std::string name;  // the storage's own for it: an offset may be in several that different leaders copied
  Offset base_offset;
  Offset last_offset;  // of its last record
};

// Used by any thread, by several at once. Calls block, for a bounded time: who stops waits for those under way. All
// errors are taken to pass, and the call is made again later; kNotFound: there is none.
class RemoteStorage {
 public:
  virtual ~RemoteStorage() = default;

  // The one that holds the record at `offset` which was written in `epoch`.
  virtual absl::StatusOr<RemoteSegment> FindSegment(const TopicIdPartition& partition, LeaderEpoch epoch,
                                                    Offset offset) = 0;
  // The leader epochs of the partition up to the segment's end, as its leader knew them; rising in both columns.
  virtual absl::StatusOr<std::vector<EpochStart>> LeaderEpochs(const RemoteSegment& segment) = 0;
  // What was known of producers at the segment's end: the content of a .snapshot file.
  virtual absl::StatusOr<std::string> ProducerSnapshot(const RemoteSegment& segment) = 0;
};

}  // namespace slipstream
