// LogDirectory: the logs that are found when it is opened, several at a time.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/in_parallel.h"
#include "log/log_directory.h"
#include "log/status.h"

namespace slipstream {
namespace {

Offset Checkpointed(const OffsetCheckpoint& offsets, const TopicPartition& partition, Offset absent = Offset{0}) {
  const auto found = offsets.find(partition);
  return found == offsets.end() ? absent : found->second;
}

}  // namespace

std::pair<LeaderEpoch, Offset> ReachOf(const PartitionLog& log) {
  return {log.latest_epoch().value_or(LeaderEpoch{}), log.log_end_offset()};
}

// What the checkpoint files say of it.
LogOpenOptions LogDirectory::OptionsFor(const Found& found) {
  const std::lock_guard serialised(checkpoints_mutex_);  // another log's recovery may raise its point meanwhile
  LogOpenOptions options{.clean = clean_start_,
                         .begun = recovery_points_.contains(found.partition),
                         .recovery_point = Checkpointed(recovery_points_, found.partition),
                         .log_start_offset = Checkpointed(log_starts_, found.partition),
                         .start_may_be_remote = config_.log.remote_storage && log_starts_.contains(found.partition),
                         .high_watermark = Checkpointed(high_watermarks_, found.partition),
                         .first_dirty_offset = Checkpointed(first_dirty_offsets_, found.partition, Offset{}),
                         .now = config_.clock->WallTime(),
                         .health = health_};
  // No checkpoint speaks of a future log.
  if (!found.future)
    options.on_recovery_point = [this, &found](Offset offset) { return RaiseRecoveryPoint(found.partition, offset); };
  return options;
}

absl::StatusOr<std::unique_ptr<PartitionLog>> LogDirectory::Load(const Found& found) {
  return PartitionLog::Open(io_, config_.log_dir / found.name, found.partition, config_.log, OptionsFor(found));
}

absl::Status LogDirectory::LoadAll(const std::vector<Found>& found) {
  std::vector<absl::StatusOr<std::unique_ptr<PartitionLog>>> loaded(found.size());
  std::mutex watching;
  absl::Status stopped;  // guarded by `watching`, as is the number of those loaded
  size_t done = 0;
  InParallel(found.size(), static_cast<size_t>(config_.num_recovery_threads), [&](size_t i) {
    {
      const std::lock_guard serialised(watching);
      if (!stopped.ok()) return;
    }
    loaded[i] = Load(found[i]);
    if (!config_.on_loaded) return;
    const std::lock_guard serialised(watching);
    const absl::Status told = config_.on_loaded({config_.log_dir, ++done, found.size()});
    if (!clean_start_) stopped.Update(told);
  });
  SLIP_RETURN_IF_ERROR(stopped);
  for (size_t i = 0; i < found.size(); ++i) {
    // Once one has taken the log dir offline the others fail too, and the cause names whose fault it is.
    if (!loaded[i].ok() && health_->offline())
      return Annotate(health_->cause(), absl::StrCat("cannot load ", config_.log_dir.string()));
    SLIP_RETURN_IF_ERROR(Annotate(loaded[i].status(), absl::StrCat("cannot load ", found[i].name)));
    if (found[i].future) {
      SLIP_RETURN_IF_ERROR(TakeFuture(*std::move(loaded[i])));
    } else {
      logs_[found[i].partition] = *std::move(loaded[i]);
    }
  }
  return absl::OkStatus();
}

// Of several the one that has come furthest: a first one could not be opened once it was made, or was given up.
absl::Status LogDirectory::TakeFuture(std::unique_ptr<PartitionLog> future) {
  std::unique_ptr<PartitionLog>& kept = futures_[future->partition()];
  if (kept != nullptr && ReachOf(*kept) > ReachOf(*future)) std::swap(kept, future);
  std::swap(kept, future);
  return future == nullptr ? absl::OkStatus() : SetAside(*future);
}

std::vector<std::string> LogDirectory::LoadNotices() const {
  std::vector<std::string> notices;
  for (const auto* logs : {&logs_, &futures_})
    for (const auto& [partition, log] : *logs)
      notices.insert(notices.end(), log->load_notices().begin(), log->load_notices().end());
  std::ranges::sort(notices);
  return notices;
}

}  // namespace slipstream
