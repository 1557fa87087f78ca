// What other threads may know of a followed partition while its fetcher thread works: published offsets and counters.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "fetcher/fetcher_config.h"
#include "log/log_offsets.h"
#include "log/partition_log.h"

namespace slipstream {

enum class PartitionHealth : int32_t { kFetching, kDelayed, kFailed };

// What of a log others may be told, and what checkpoints may say of it: in durable mode nothing that a power cut could
// take (INV-19), whatever is written above. Everything that is published goes through here.
inline LogOffsets Publishable(LogOffsets offsets, FlushMode flush_mode) {
  if (flush_mode == FlushMode::kCached) return offsets;
  const Offset durable_end = std::max(offsets.log_start_offset, offsets.recovery_point);
  offsets.log_end_offset = std::min(offsets.log_end_offset, durable_end);
  offsets.high_watermark = std::min(offsets.high_watermark, durable_end);
  return offsets;
}

// Written by the owning fetcher thread, read by any.
struct PartitionProgress {
  std::atomic<int64_t> log_start_offset{0}, log_end_offset{0}, high_watermark{0}, recovery_point{0};
  std::atomic<bool> log_start_needs_checkpoint{false}, begun{false};
  std::atomic<int64_t> first_dirty_offset{-1};     // -1: never compacted
  std::atomic<int64_t> leader_high_watermark{-1};  // -1: the leader it has now has not answered yet
  std::atomic<int64_t> caught_up_at{-1};  // the leader's high watermark in its first answer: reach it to be caught up
  std::atomic<PartitionHealth> health{PartitionHealth::kFetching};

  void Publish(const PartitionLog& log, FlushMode flush_mode) { Publish(Publishable(OffsetsOf(log), flush_mode)); }
  // REQUIRES: Publishable.
  void Publish(const LogOffsets& offsets) {
    log_start_offset.store(offsets.log_start_offset.value, std::memory_order_relaxed);
    high_watermark.store(offsets.high_watermark.value, std::memory_order_relaxed);
    recovery_point.store(offsets.recovery_point.value, std::memory_order_relaxed);
    log_start_needs_checkpoint.store(offsets.log_start_needs_checkpoint, std::memory_order_relaxed);
    begun.store(offsets.begun, std::memory_order_relaxed);
    first_dirty_offset.store(offsets.first_dirty_offset.value_or(Offset{}).value, std::memory_order_relaxed);
    log_end_offset.store(offsets.log_end_offset.value, std::memory_order_release);
  }
  LogOffsets Published(const TopicPartition& partition) const {
    const Offset first_dirty{first_dirty_offset.load()};
    return {.partition = partition,
            .log_start_offset = Offset{log_start_offset.load()},
            .high_watermark = Offset{high_watermark.load()},
            .recovery_point = Offset{recovery_point.load()},
            .log_end_offset = Offset{log_end_offset.load()},
            .log_start_needs_checkpoint = log_start_needs_checkpoint.load(),
            .first_dirty_offset = first_dirty >= Offset{0} ? std::optional(first_dirty) : std::nullopt,
            .begun = begun.load()};
  }
  void PublishLeader(Offset leader_high_watermark_now) {
    leader_high_watermark.store(leader_high_watermark_now.value, std::memory_order_relaxed);
    if (caught_up_at.load(std::memory_order_relaxed) < 0)
      caught_up_at.store(leader_high_watermark_now.value, std::memory_order_release);
  }
  // The leader's end is where it says, below what an earlier leader had: an unclean election lost the rest.
  bool LowerTarget(Offset leader_end) {
    const bool lower = leader_end.value < caught_up_at.load(std::memory_order_relaxed);
    if (lower) caught_up_at.store(leader_end.value, std::memory_order_release);
    return lower;
  }
  // Nothing is left to fetch, yet the target is not reached.
  bool TargetIsBeyond(Offset leader_high_watermark_now) const {
    return caught_up_at.load(std::memory_order_relaxed) > leader_high_watermark_now.value &&
           log_end_offset.load(std::memory_order_relaxed) >= leader_high_watermark_now.value;
  }
  // The log was cut: what the leader said before no longer holds.
  void ForgetLeader() {
    caught_up_at.store(-1, std::memory_order_relaxed);
    leader_high_watermark.store(-1, std::memory_order_relaxed);
  }
  bool CaughtUp() const {
    const int64_t target = caught_up_at.load(std::memory_order_acquire);
    return target >= 0 && log_end_offset.load(std::memory_order_acquire) >= target;
  }
  // -1: not known yet.
  int64_t Lag() const {
    const int64_t leader = leader_high_watermark.load(std::memory_order_relaxed);
    return leader < 0 ? -1 : std::max<int64_t>(0, leader - log_end_offset.load(std::memory_order_relaxed));
  }
};

// Counts over all partitions of all threads; only ever grow.
struct FetchCounters {
  std::atomic<uint64_t> bytes{0}, records{0}, batches{0}, fetches{0}, fetch_errors{0};
  std::atomic<uint64_t> truncations{0}, truncated_offsets{0}, stale_answers{0};
  std::atomic<uint64_t> remote_rebuilds{0}, remote_rebuild_errors{0};  // begun, and failed at the storage or the log
};

}  // namespace slipstream
