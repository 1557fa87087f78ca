// Where to go on when the leader says that our fetch offset is outside its log (FT-40). Pure.
#pragma once

#include "log/offset.h"

namespace slipstream {

struct OffsetReset {
  enum class Kind {
    kTruncate,  // the leader's log is shorter: an unclean election is behind us; cut to its end
    kKeep,      // our end lies inside its log after all (it grew meanwhile): go on there
    kRestart,   // nothing of ours is in its log, which begins above our end or ends below our log start: drop the copy
                // and start at its log start
  };
  Kind kind = Kind::kKeep;
  Offset fetch_offset;  // where fetching goes on
  bool operator==(const OffsetReset&) const = default;
};

// The leader's log is [leader_start, leader_end), ours [log_start_offset, log_end_offset).
OffsetReset PlanOffsetReset(Offset leader_start, Offset leader_end, Offset log_start_offset, Offset log_end_offset);

// Records that existed and that we will never have, or not keep: [from, to). Empty for a new copy, which begins
// wherever the leader does (PartitionLog::begun).
struct Gap {
  Offset from, to;
  bool copied = false;  // the copy has them, and the source lost them
  bool empty() const { return from >= to; }
  bool operator==(const Gap&) const = default;
};
Gap GapOf(const OffsetReset& reset, Offset log_start_offset, Offset log_end_offset, bool new_copy);

}  // namespace slipstream
