// What a log that begins behind records of remote storage takes over from there: the auxiliary state of KIP-405
// (TS-06). Plain data.
#pragma once

#include <string>
#include <vector>

#include "log/leader_epoch_cache.h"
#include "log/offset.h"

namespace slipstream {

struct RemoteLogState {
  Offset log_start_offset;         // of the partition: what lies from here to next_offset is in remote storage only
  Offset next_offset;              // where the log begins
  std::vector<EpochStart> epochs;  // of what lies below next_offset; rising in both columns
  std::string producer_snapshot;   // as the file of that name: what is known of producers at next_offset
};

}  // namespace slipstream
