// Follower: what must hold of its logs and of what it asks, after every handler.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "tests/sim/follower.h"
#include "tests/support/log_checks.h"

namespace slipstream::sim {
namespace {

std::string Rule(absl::string_view broken) { return std::string(broken.substr(0, broken.find(':'))); }

}  // namespace

void Follower::Check(const absl::Status& status, const TopicPartition& partition) {
  if (!status.ok()) trace_.Report(Rule(status.message()), absl::StrCat(partition.ToString(), ": ", status.message()));
}

// INV-18, INV-19: what the process before this one left.
void Follower::Recovered(Followed& followed) {
  followed.log = directory_->Find(followed.name);
  Offset start{0}, end{0};
  std::vector<std::vector<std::byte>> found;
  if (followed.log != nullptr) {
    const absl::Status agrees = CheckAgreesWithItsBatches(*disk_, *followed.log);
    if (!agrees.ok()) trace_.Report("INV-18", absl::StrCat(followed.name.ToString(), ": ", agrees.message()));
    absl::StatusOr<std::vector<std::vector<std::byte>>> batches = ReadBatches(*followed.log);
    if (batches.ok()) found = *std::move(batches);
    start = followed.log->log_start_offset();
    end = followed.log->log_end_offset();
    followed.start = start;
    followed.high_watermark = followed.log->high_watermark();
    followed.recovery_point = followed.log->recovery_point();
  }
  using Left = ReplicaHistory::Left;
  const bool all_written = last_ending_ == Ending::kCleanStop || (last_ending_ == Ending::kKill && between_calls_);
  const Left left = all_written ? Left::kAll : last_ending_ == Ending::kPowerCut ? Left::kDisk : Left::kPageCache;
  Check(followed.history.Recover(start, end, found, left, options_.flush_mode == FlushMode::kDurable), followed.name);
  if (followed.log != nullptr && start == end && !followed.log->latest_epoch()) followed.history.ForgetBelow(start);
  // What is on the disk, and the log does not know to be, it may cut without a word to anybody.
  if (followed.log != nullptr) followed.history.Sync(followed.recovery_point, start);
}

const Replica& Follower::LeaderOf(const Followed& followed) const {
  const std::vector<Replica>& replicas = model_.partition(followed.name.partition).replicas;
  return replicas[static_cast<size_t>(followed.holder == nullptr ? 0 : followed.holder->broker)];
}

void Follower::Look(Followed& followed) {
  if (followed.log == nullptr || disk_->crashed()) return;
  const PartitionLog& log = *followed.log;
  ReplicaHistory& history = followed.history;
  const Offset start = log.log_start_offset(), end = log.log_end_offset(), high_watermark = log.high_watermark();
  const Offset recovery_point = log.recovery_point();
  const bool still = start == followed.start && end == history.end() && high_watermark == followed.high_watermark &&
                     recovery_point == followed.recovery_point;
  if (still || !log.failure().ok() || directory_->health().offline()) return;
  if (Offset{0} > start || start > high_watermark || high_watermark > end || recovery_point > end)
    Check(Broken("INV-05", "log start ", start.value, ", high watermark ", high_watermark.value, ", recovery point ",
                 recovery_point.value, ", log end ", end.value),
          followed.name);
  // Nothing is lost with a log that was empty, or that lay below the leader's.
  const bool may_go = followed.start == history.end() || LeaderOf(followed).log.start() >= history.end();
  if (start == end && end != history.end() && may_go) history.StartAnewAt(end);
  if (end < history.end())
    Check(Broken("INV-14", "the log fell from ", history.end().value, " to ", end.value, " without a word"),
          followed.name);
  if (end != history.end()) {
    Check(history.Grow(end, {followed.current_epoch, std::max(start, LeaderOf(followed).log.start())}), followed.name);
    trace_.Tell(followed.name.ToString(), ": log end ", end.value);
  }
  history.Sync(recovery_point, start);
  // The cache runs ahead of the batches that are being written.
  std::vector<EpochStart> epochs = log.epochs().entries();
  std::erase_if(epochs, [&](const EpochStart& epoch) { return epoch.start_offset >= end; });
  if (epochs != history.Epochs(start))
    Check(Broken("INV-07", "the epochs are not those of the batches"), followed.name);
  // INV-03: a batch that no leader committed is not below a high watermark, unless it is split by it.
  const ModelBatch* const last = high_watermark > start ? history.BatchAt(Offset{high_watermark.value - 1}) : nullptr;
  if (last != nullptr && last->next <= high_watermark && !last->committed)
    Check(Broken("INV-03", "the batch at offset ", last->base.value, ", epoch ", last->epoch.value,
                 " is below the high watermark ", high_watermark.value, ", and none was committed there"),
          followed.name);
  const bool promises = options_.flush_mode == FlushMode::kDurable && followed.progress != nullptr;
  if (promises && Offset{followed.progress->log_end_offset.load()} > std::max(start, recovery_point))
    Check(Broken("INV-19", "published is an end of ", followed.progress->log_end_offset.load(),
                 ", durable is all below ", recovery_point.value),
          followed.name);
  followed.start = start;
  followed.high_watermark = high_watermark;
  followed.recovery_point = recovery_point;
}

// INV-22. Whoever is let go of is in no fetcher, and whoever is held in no other.
void Follower::LookAtLanes() {
  for (const Followed& followed : followed_) {
    lane_watch_.Look(followed.name, followed.holder == nullptr ? nullptr : followed.holder->lanes.get());
    for (const auto& [broker, fetcher] : fetchers_)
      if (&fetcher != followed.holder && fetcher.lanes->LaneOf(followed.name) != nullptr)
        Check(Broken("INV-22", "the fetcher of broker ", broker, " has it still"), followed.name);
  }
}

bool Follower::AsksFor(const SimLeader& leader, const Followed& followed) {
  const FetchLane* const lane = followed.holder == nullptr ? nullptr : followed.holder->lanes->LaneOf(followed.name);
  return lane != nullptr && &lane->leader() == &leader;
}

void Follower::OnFetchSent(const SimLeader& leader, const Asked& asked) {
  lane_watch_.OnFetchSent(leader, asked);
  if (disk_->crashed()) return;
  const bool proves = options_.replica || options_.flush_mode == FlushMode::kDurable;
  for (const auto& [name, partition] : asked) {
    Followed& followed = Of(name);
    if (!AsksFor(leader, followed)) {
      Check(Broken("INV-22", "asked by a lane that does not have it"), name);
      continue;
    }
    if (!proves) continue;
    const PartitionLog& log = *followed.log;
    if (partition.fetch_offset != log.log_end_offset())
      Check(Broken("INV-08", "offset ", partition.fetch_offset.value, " is asked for, the log ends at ",
                   log.log_end_offset().value),
            name);
    if (partition.last_fetched_epoch != log.latest_epoch().value_or(LeaderEpoch{}))
      Check(Broken("INV-08", "epoch ", partition.last_fetched_epoch.value, " is told to be the last, it is ",
                   log.latest_epoch().value_or(LeaderEpoch{}).value),
            name);
    if (options_.flush_mode != FlushMode::kDurable) continue;
    if (log.log_start_offset() == log.log_end_offset()) continue;  // a proof of nothing
    followed.history.Claim(partition.fetch_offset);
    if (partition.fetch_offset > log.recovery_point())
      Check(Broken("INV-19", "offset ", partition.fetch_offset.value, " is asked for, durable is all below ",
                   log.recovery_point().value),
            name);
    if (random_.Chance({1, 64})) ProbePowerCut(followed, partition.fetch_offset);
  }
}

// The disk as a power cut would leave it now, opened: does it hold what is asked past?
void Follower::ProbePowerCut(Followed& followed, Offset fetch_offset) {
  if (disk_->failed_one()) return;
  const std::unique_ptr<SimulatedDisk> disk = disk_->AfterPowerCut(Survives::kNothing, 0);
  const auto directory = LogDirectory::Open(*disk, directory_config_);
  if (!directory.ok()) {
    Check(Broken("INV-18", directory.status().message()), followed.name);
    return;
  }
  const PartitionLog* const log = (*directory)->Find(followed.name);
  const int64_t end = log == nullptr ? -1 : log->log_end_offset().value;
  if (end < fetch_offset.value)
    Check(Broken("INV-19", "offset ", fetch_offset.value, " is asked for, and a power cut leaves all below ", end),
          followed.name);
}

void Follower::OnRecords(const SimLeader& leader, const TopicPartition& partition, const FetchPartition& asked,
                         const ModelBatches& records) {
  Followed& followed = Of(partition);
  const bool wanted = AsksFor(leader, followed) && asked.current_leader_epoch == followed.current_epoch;
  if (wanted) followed.history.Deliver(asked.fetch_offset, records);
}

void Follower::CheckContents() {
  if (!Running() || armed_ || disk_->crashed() || directory_->health().offline()) return;
  for (Followed& followed : followed_) {
    if (followed.log == nullptr || !followed.log->failure().ok()) continue;
    const absl::StatusOr<std::vector<std::vector<std::byte>>> found = ReadBatches(*followed.log);
    if (!found.ok()) {
      Check(Broken("INV-02", "it cannot be read: ", found.status().message()), followed.name);
    } else {
      Check(followed.history.Compare(followed.log->log_start_offset(), *found), followed.name);
    }
  }
}

// A batch that its leader does not have; nullptr: none. Below the start of either log there is nothing to agree on.
const ModelBatch* Follower::FirstForeign(const Followed& followed) const {
  const ModelLog& leader = model_.partition(followed.name.partition).leader().log;
  for (const ModelBatch* batch : followed.history.batches()) {
    const bool shared = batch->next > std::max(leader.start(), followed.log->log_start_offset());
    if (shared && !leader.Has(*batch)) return batch;
  }
  return nullptr;
}

bool Follower::CaughtUp() {
  if (!Running() || disk_->crashed()) return false;
  for (const Followed& followed : followed_) {
    const Replica& leader = model_.partition(followed.name.partition).leader();
    const bool there = followed.place == Place::kHeld && followed.log->log_end_offset() == leader.log.end() &&
                       followed.log->high_watermark() == leader.high_watermark &&
                       followed.progress->health.load() == PartitionHealth::kFetching &&
                       FirstForeign(followed) == nullptr;
    if (!there) return false;
  }
  return true;
}

int64_t Follower::Backlog() const {
  int64_t backlog = 0;
  for (const Followed& followed : followed_)
    backlog +=
        std::max<int64_t>(0, model_.partition(followed.name.partition).leader().log.end() - followed.history.end());
  return backlog;
}

std::string Follower::DescribeLag() {
  std::string text = Running() ? "" : "no process runs; ";
  for (const Followed& followed : followed_) {
    const Replica& leader = model_.partition(followed.name.partition).leader();
    absl::StrAppend(&text, followed.name.ToString(), " ends at ", followed.history.end().value, " in place ",
                    static_cast<int>(followed.place), ", its leader at ", leader.log.end().value, ", high watermark ",
                    followed.high_watermark.value, " of ", leader.high_watermark.value, "; ");
    const ModelBatch* const foreign = followed.log == nullptr ? nullptr : FirstForeign(followed);
    if (foreign != nullptr)
      absl::StrAppend(&text, "the leader does not have its batch at offset ", foreign->base.value, ", epoch ",
                      foreign->epoch.value, "; ");
  }
  return text;
}

// INV-25, over all of the time: what may be caught up with, what may be used up ahead, and an answer of each lane.
void Follower::CheckRate() {
  if (rate_limit_ == nullptr) return;
  const std::chrono::duration<double> time = scheduler_.now().time_since_epoch() - began_at_.time_since_epoch() +
                                             ByteRateLimit::kBurst + ByteRateLimit::kOverdraft;
  const auto answer = static_cast<double>(std::max(options_.response_max_bytes, options_.segment_bytes));
  const auto lanes = static_cast<double>(kLaneKinds) * options_.brokers;
  const double bytes_max = time.count() * static_cast<double>(options_.bytes_per_second) + lanes * answer;
  const uint64_t bytes = counters_.bytes.load();
  if (static_cast<double>(bytes) > bytes_max)
    trace_.Report("INV-25", absl::StrCat(bytes, " bytes came in ", time.count(), " s"));
}

void Follower::CheckSettled() {
  CheckContents();
  CheckRate();
  size_t fetched = 0;
  for (const auto& [broker, fetcher] : fetchers_)
    for (const LaneKind kind : {LaneKind::kIdle, LaneKind::kTail, LaneKind::kBulk})
      fetched += fetcher.lanes->lane(kind).size();
  if (fetched != followed_.size())
    trace_.Report("INV-22", absl::StrCat("lanes have ", fetched, " partitions, there are ", followed_.size()));
}

}  // namespace slipstream::sim
