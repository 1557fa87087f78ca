#include "fetcher/lane_truncation.h"

#include <absl/strings/str_cat.h>

#include <filesystem>
#include <map>

#include "log/status.h"

namespace slipstream {
namespace {

std::filesystem::path LogDirOf(const PartitionLog& log) { return std::filesystem::path(log.directory()).parent_path(); }

}  // namespace

asio::awaitable<absl::Status> LaneTruncation::MakeDurable(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  // What a log that failed for good says of its end need not be on the disk any more: it is no proof of anything.
  if (!log.failure().ok()) co_return log.failure();
  if (lane_.config.flush_mode == FlushMode::kCached) co_return absl::OkStatus();
  const absl::Status flushed = co_await log.FlushUpTo(lane_.queue, log.log_end_offset());
  partitions_.Publish(partition);
  co_return flushed;
}

bool LaneTruncation::BeginFetching(FollowedPartition& partition) {
  PartitionLog& log = partition.log();
  const LeaderEpoch current = partition.state.current_leader_epoch;
  if (current >= LeaderEpoch{0} && log.latest_epoch() > current) {
    // Our own log has records of a later leader: old news, on whose word nothing is cut (INV-14).
    lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), "its leader epoch is older than the log's");
    partitions_.MarkFailed(
        partition, absl::FailedPreconditionError(absl::StrCat(
                       "leader epoch ", current.value, " is older than the log's last, ", log.latest_epoch()->value)));
    return false;
  }
  const bool empty = log.log_end_offset() == log.local_log_start_offset();
  if (log.latest_epoch() && !truncation_on_fetch_) return true;
  // Records without any epoch: nothing can be compared, so only what is surely the leader's stays (FT-10).
  if (!log.latest_epoch() && !empty && !CutTo(partition, partition.truncation_fallback)) return false;
  partitions_.BecomeFetching(partition);
  return false;
}

void LaneTruncation::Apply(const std::vector<FollowedPartition*>& told) {
  std::vector<Truncation> plans;
  std::vector<bool> is_lowered;
  // By log dir: one that is full costs the partitions of the others nothing.
  std::map<std::filesystem::path, std::vector<LogOffsets>> lowered;
  for (FollowedPartition* partition : told) {
    const PartitionLog& log = partition->log();
    plans.push_back(
        PlanTruncation(partition->leader_end, log.epochs(), partition->truncation_fallback, log.log_end_offset()));
    is_lowered.push_back(false);
    if (plans.back().offset >= log.log_end_offset()) continue;
    const LogOffsets offsets = Publishable(OffsetsForCut(log, plans.back().offset), lane_.config.flush_mode);
    is_lowered.back() = PublishIfLower(*partition, offsets);
    if (is_lowered.back()) lowered[LogDirOf(log)].push_back(offsets);
  }
  std::map<std::filesystem::path, absl::Status> persisted;
  for (const auto& [log_dir, offsets] : lowered) persisted[log_dir] = lane_.events.PersistOffsets(offsets);
  for (size_t i = 0; i < told.size(); ++i)
    Apply(*told[i], plans[i], is_lowered[i] ? persisted.at(LogDirOf(told[i]->log())) : absl::OkStatus());
}

void LaneTruncation::Apply(FollowedPartition& partition, const Truncation& plan, const absl::Status& persisted) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const std::optional<LeaderEpoch> epoch_before = log.latest_epoch();
  const bool diverged = partition.work == LeaderWork::kTruncate;  // as a fetch was told
  if (!Cut(partition, plan.offset, persisted)) return;
  if (plan.complete || truncation_on_fetch_) {
    // Incomplete: the next fetch carries our new last epoch and may diverge again, one step further back.
    partitions_.BecomeFetching(partition);
    // A leader that sees a divergence where nothing can be cut must not make us ask without pause (BAD-15).
    const bool unchanged = log.log_end_offset() == end_before && log.latest_epoch() == epoch_before;
    if (unchanged && (diverged || partition.leader_end.end_offset < end_before)) partitions_.Delay(partition);
  } else if (log.latest_epoch()) {
    partitions_.RequireLeaderWork(partition, LeaderWork::kLookUpEpoch);
  } else {
    partitions_.BecomeFetching(partition);
  }
  DelayIfCutInVain(partition);
}

void LaneTruncation::DelayIfCutInVain(FollowedPartition& partition) {
  if (partition.cuts_in_vain > 0) partitions_.BackOff(partition, partition.cuts_in_vain);
}

bool LaneTruncation::PublishIfLower(FollowedPartition& partition, const LogOffsets& offsets) {
  const PartitionLog& log = partition.log();
  const bool as_it_was = offsets.recovery_point == log.recovery_point() &&
                         offsets.log_start_offset == log.log_start_offset() &&
                         offsets.log_start_needs_checkpoint == log.log_start_needs_checkpoint();
  if (as_it_was) return false;
  // Published first: whoever writes checkpoints meanwhile must not raise it again.
  partition.initial.progress->Publish(offsets);
  return true;
}

absl::Status LaneTruncation::PersistOffsets(FollowedPartition& partition, const LogOffsets& offsets) {
  const LogOffsets lowered = Publishable(offsets, lane_.config.flush_mode);
  return PublishIfLower(partition, lowered) ? lane_.events.PersistOffsets({lowered}) : absl::OkStatus();
}

absl::Status LaneTruncation::StartAnewAt(FollowedPartition& partition, Offset offset) {
  SLIP_RETURN_IF_ERROR(PersistOffsets(partition, OffsetsForStartAnew(partition.log(), offset)));
  return partition.log().TruncateFullyAndStartAt(offset);
}

bool LaneTruncation::CutTo(FollowedPartition& partition, Offset offset) {
  const PartitionLog& log = partition.log();
  absl::Status persisted;
  if (offset < log.log_end_offset()) persisted = PersistOffsets(partition, OffsetsForCut(log, offset));
  return Cut(partition, offset, persisted);
}

bool LaneTruncation::Cut(FollowedPartition& partition, Offset offset, const absl::Status& persisted) {
  PartitionLog& log = partition.log();
  const Offset end_before = log.log_end_offset();
  const Offset high_watermark_before = log.high_watermark();
  // Where nothing is cut, no file vouches for it.
  absl::Status cut = offset < end_before ? persisted : absl::OkStatus();
  if (cut.ok()) cut = log.TruncateTo(offset);
  partitions_.Publish(partition);
  if (!cut.ok()) {
    partitions_.MarkFailed(partition, Annotate(cut, absl::StrCat("truncating to ", offset.value)));
    return false;
  }
  if (log.log_end_offset() < end_before) {
    if (end_before > partition.cut_to)
      partition.cuts_in_vain = log.log_end_offset() <= partition.cut_to ? partition.cuts_in_vain + 1 : 0;
    partition.cut_to = log.log_end_offset();
    partitions_.ForgetLeader(partition);
    lane_.counters.truncations.fetch_add(1, std::memory_order_relaxed);
    lane_.counters.truncated_offsets.fetch_add(static_cast<uint64_t>(end_before - log.log_end_offset()),
                                               std::memory_order_relaxed);
    lane_.events.OnTruncated(partition.name(), end_before, log.log_end_offset(),
                             log.log_end_offset() < high_watermark_before);
  }
  return true;
}

}  // namespace slipstream
