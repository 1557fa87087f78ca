// Where a follower's log has left the one it is fetched from (LD-05).
#pragma once

#include "log/partition_log.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

// True when the log that `asked` tells of is not a prefix of `log`: `data` then says since where (diverging_epoch), or
// that this cannot be told (error_code is OFFSET_OUT_OF_RANGE). False when it is, or told no epoch.
bool Diverges(const PartitionLog& log, const FetchPartition& asked, PartitionData& data);

}  // namespace slipstream
