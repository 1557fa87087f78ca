// One partition as a fetch lane holds it: its log, its fetch state, what it publishes. Belongs to one lane, and is
// handed over whole.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "fetcher/lane_choice.h"
#include "fetcher/partition_fetch_state.h"
#include "fetcher/partition_progress.h"
#include "log/partition_log.h"
#include "log/topic_partition.h"
#include "log/uuid.h"

namespace slipstream {

// What a partition is added to a fetcher with.
struct InitialFetchState {
  TopicPartition partition;
  Uuid topic_id;  // zero: the broker is too old to tell
  LeaderEpoch leader_epoch;
  PartitionLog* log = nullptr;  // no other thread uses it from now on until it is removed again
  std::shared_ptr<PartitionProgress> progress;
};

// What must be done before the partition can be fetched again: by a word with the leader, or after one (kTruncate).
enum class LeaderWork {
  kNone,
  kLookUpEpoch,
  kTruncate,
  kResetOffset,
  kLowerTarget,  // it has less than an earlier leader: PartitionProgress
  kRebuild,      // what comes next it has in remote storage only: fetcher/tier/
};

// Where its quota has it: QuotaHold.
enum class QuotaPlace { kNone, kWatched, kLeftOut };

struct FollowedPartition {
  InitialFetchState initial;
  PartitionFetchState state;
  LeaderWork work = LeaderWork::kNone;
  EpochEndOffset leader_end;      // of a divergence, or of a look-up: what the leader answered last
  Offset truncation_fallback{0};  // where to cut when the leader cannot tell: the high watermark when added
  Offset cut_to;                  // where the last cut left its log; -1: there was none
  int cuts_in_vain = 0;           // in a row that took all records since the one before

  std::optional<int64_t> lag;  // behind the high watermark of the last answer, in offsets; nullopt: not known
  QuotaPlace quota_place = QuotaPlace::kNone;
  uint64_t served = 0;  // when records came last, in the lane's count of such; only of what has a quota

  uint64_t bytes_being_written = 0;  // accepted, but not in the log yet

  using TimePoint = PartitionFetchState::TimePoint;
  LaneKind lane = LaneKind::kBulk;  // where it belongs; not where it is: it is about to be handed over
  TimePoint active_at;              // when records came last
  std::list<FollowedPartition*>::iterator by_activity;  // its place there, in the tail
  // When its turn in the rounds of each came last: a change of lanes must not make it miss one for ever.
  TimePoint maintained_at, compaction_looked_at;

  const TopicPartition& name() const { return initial.partition; }
  PartitionLog& log() const { return *initial.log; }
};

}  // namespace slipstream
