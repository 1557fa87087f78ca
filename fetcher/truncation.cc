#include "fetcher/truncation.h"

#include <algorithm>

namespace slipstream {

Truncation PlanTruncation(const EpochEndOffset& leader, const LeaderEpochCache& local, Offset fallback,
                          Offset log_end_offset) {
  if (leader.end_offset < Offset{0}) return {fallback, true};
  if (leader.leader_epoch < LeaderEpoch{0}) return {std::min(leader.end_offset, log_end_offset), true};
  const EpochEndOffset ours = local.EndOffsetFor(leader.leader_epoch, log_end_offset);
  if (ours.end_offset < Offset{0}) return {std::min(leader.end_offset, log_end_offset), true};
  // Our newest epoch not above the leader's is another one: what we hold of it ends no later than the leader's epoch
  // began, but the leader may have less of it. Its answer about that epoch decides.
  if (ours.leader_epoch != leader.leader_epoch) return {std::min(ours.end_offset, log_end_offset), false};
  return {std::min({ours.end_offset, leader.end_offset, log_end_offset}), true};
}

}  // namespace slipstream
