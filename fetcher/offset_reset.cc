#include "fetcher/offset_reset.h"

namespace slipstream {

OffsetReset PlanOffsetReset(Offset leader_start, Offset leader_end, Offset log_start_offset, Offset log_end_offset) {
  if (leader_end < log_start_offset) return {OffsetReset::Kind::kRestart, leader_start};
  if (leader_end < log_end_offset) return {OffsetReset::Kind::kTruncate, leader_end};
  if (leader_start > log_end_offset) return {OffsetReset::Kind::kRestart, leader_start};
  return {OffsetReset::Kind::kKeep, log_end_offset};
}

Gap GapOf(const OffsetReset& reset, Offset log_start_offset, Offset log_end_offset, bool new_copy) {
  if (new_copy || reset.kind != OffsetReset::Kind::kRestart) return {log_end_offset, log_end_offset};
  if (reset.fetch_offset < log_start_offset) return {log_start_offset, log_end_offset, /*copied=*/true};
  return {log_end_offset, reset.fetch_offset};
}

}  // namespace slipstream
