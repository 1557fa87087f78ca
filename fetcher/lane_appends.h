// Accepted records to the log, and what is published then (FT-36..FT-39).
#pragma once

#include <vector>

#include "fetcher/lane_flushes.h"
#include "fetcher/lane_partitions.h"
#include "fetcher/lane_run.h"
#include "fetcher/lane_truncation.h"

namespace slipstream {

// One partition's part of an answer, accepted.
struct AcceptedPart {
  FollowedPartition* partition = nullptr;
  ByteSpan batches;
  uint64_t records = 0;
  uint64_t batch_count = 0;
  Offset leader_high_watermark, leader_log_start_offset;
  int failures_before = 0;  // in a row, of the partition
};

class LaneAppends {
 public:
  // All outlive this.
  LaneAppends(const LaneContext& lane, LanePartitions& partitions, LaneTruncation& truncation, LaneFlushes& flushes,
              LaneRun& run)
      : lane_(lane), partitions_(partitions), truncation_(truncation), flushes_(flushes), run_(run) {}

  // One answer after the other: Clear, then all of it, then Start. The bytes outlive the appends.
  void Clear() { accepted_.clear(); }
  void Accept(const AcceptedPart& part) { accepted_.push_back({.part = part}); }
  // They have ended when running() is 0.
  void Start();
  size_t running() const { return running_; }

 private:
  struct Append {
    AcceptedPart part;
    absl::Status result;
    bool written = false;  // by AppendNow: only the fsync is left
    bool damaged = false;  // the error is of what the leader sent, not of our log or disk
  };

  // True: it has ended, see `result`. False: AppendOne writes it, or only syncs it when it is `written`.
  bool AppendNow(Append& append);
  absl::Status Prepare(Append& append);
  asio::awaitable<void> AppendOne(Append& append);
  void Finish(Append& append);
  void OnFailed(const Append& append);
  void OnWritten(const AcceptedPart& part);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  LaneTruncation& truncation_;
  LaneFlushes& flushes_;
  LaneRun& run_;
  std::vector<Append> accepted_;  // of the answer at hand; memory reused
  size_t running_ = 0;
};

}  // namespace slipstream
