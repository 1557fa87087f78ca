// What a log answers to who fetches from it or asks about it: the same for the embedded leader and for a move between
// log dirs. On the thread that owns the log.
#pragma once

#include "log/partition_log.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {

// True when the log that `asked` tells of is not a prefix of `log`: `data` then says since where (diverging_epoch), or
// that this cannot be told (error_code is OFFSET_OUT_OF_RANGE). False when it is, or told no epoch.
// LD-05.
bool Diverges(const PartitionLog& log, const FetchPartition& asked, PartitionData& data);
// What a read of the log came to.
KafkaError ErrorOfRead(const absl::Status& read);
// -1: none is known there.
LeaderEpoch EpochAt(const PartitionLog& log, Offset offset);

}  // namespace slipstream
