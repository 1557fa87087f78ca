// Where to cut the local log so that it agrees with the leader (FT-14, KIP-101, KIP-279). A pure function.
#pragma once

#include "log/leader_epoch_cache.h"
#include "log/offset.h"

namespace slipstream {

struct Truncation {
  Offset offset;
  bool complete = true;  // false: cut, then ask the leader again: it knows an epoch between ours
  bool operator==(const Truncation&) const = default;
};

// `leader`: its largest epoch at or below the one we asked about, and where that ends; -1 in either: it cannot tell.
// `fallback`: where to cut when it cannot: the offset the partition was added with, by contract its high watermark.
Truncation PlanTruncation(const EpochEndOffset& leader, const LeaderEpochCache& local, Offset fallback,
                          Offset log_end_offset);

}  // namespace slipstream
