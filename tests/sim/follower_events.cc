// Follower: what its lanes tell.
#include <absl/strings/str_cat.h>

#include "tests/sim/follower.h"

namespace slipstream::sim {

void Follower::OnLeaderInDoubt(BrokerId leader, const std::string& why) {
  trace_.Tell("leader ", leader.value, " in doubt: ", why);
  RefreshSoon();
}

void Follower::OnLeaderLost(BrokerId leader, const absl::Status& why) {
  trace_.Tell("leader ", leader.value, " lost: ", why.message());
}

void Follower::OnLeaderReached(BrokerId leader, const Endpoint&) { trace_.Tell("leader ", leader.value, " reached"); }

// INV-14.
void Follower::OnTruncated(const TopicPartition& partition, Offset from, Offset to, bool below_high_watermark) {
  trace_.Tell(partition.ToString(), ": cut from ", from.value, " to ", to.value);
  if (disk_->crashed()) return;
  Followed& followed = Of(partition);
  const Partition& truth = model_.partition(partition.partition);
  const ModelBatch* const cut = followed.history.BatchAt(to);
  // The leader that it follows, as long as nobody has made another of it.
  const Replica& leader = LeaderOf(followed);
  const bool leads = leader.leads && leader.view.epoch == followed.current_epoch;
  // An empty log ends where it starts, and that may be inside a batch.
  if (cut != nullptr && cut->base < to && to != followed.log->log_start_offset())
    Check(Broken("INV-14", "cut at ", to.value, ", inside the batch at offset ", cut->base.value), partition);
  if (cut != nullptr && leads && leader.log.Has(*cut))
    Check(Broken("INV-14", "the batch at offset ", cut->base.value, ", epoch ", cut->epoch.value,
                 " was cut, and the leader has it"),
          partition);
  if (below_high_watermark && truth.unclean_elections == 0)
    Check(Broken("INV-14", "cut to ", to.value, ", below the high watermark, and no election was unclean"), partition);
  if (followed.log->log_start_offset() == to) {
    followed.history.StartAnewAt(to);  // nothing is left, not even below its start
  } else {
    followed.history.Cut(to);
  }
  // Before what is written in its place is durable.
  if (!healed_ && random_.Chance(options_.crash_after_truncation))
    CrashWithin(random_.Chance({1, 2}) ? 10 : 60, Options::Ms(300));
}

absl::Status Follower::PersistOffsets(const std::vector<LogOffsets>& offsets) {
  for (const LogOffsets& log : offsets) Of(log.partition).history.BeginCut(log.recovery_point);
  return directory_->WriteCheckpoints(offsets);
}

void Follower::OnGap(const TopicPartition& partition, Gap gap, std::optional<Offset> restarted_at) {
  trace_.Tell(partition.ToString(), ": gap from ", gap.from.value, " to ", gap.to.value, ", restarted at ",
              restarted_at.value_or(Offset{}).value);
  if (disk_->crashed() || !restarted_at) return;
  Followed& followed = Of(partition);
  const bool cuts =
      *restarted_at >= followed.log->log_start_offset() && *restarted_at <= followed.log->log_end_offset();
  if (!cuts) followed.history.StartAnewAt(*restarted_at);
}

void Follower::OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) {
  trace_.Tell(partition.ToString(), ": failed", for_good ? " for good: " : ": ", why.message());
  if (disk_->crashed() || !Running()) return;
  if (for_good || directory_->health().offline()) EndSoon(Options::Ms(3000));
}

void Follower::OnNotice(const std::string& text) { trace_.Tell("notice: ", text); }

}  // namespace slipstream::sim
