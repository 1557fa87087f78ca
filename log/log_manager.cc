#include "log/log_manager.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>

#include "log/check.h"
#include "log/in_parallel.h"
#include "log/status.h"

namespace slipstream {

absl::StatusOr<std::unique_ptr<LogManager>> LogManager::Open(FileIo& io, const LogManagerConfig& config) {
  if (config.log_dirs.empty()) return absl::InvalidArgumentError("log.dirs names no directory");
  std::unique_ptr<LogManager> manager(new LogManager);
  const absl::Status opened = manager->OpenAll(io, config);
  if (opened.ok()) return manager;
  // Where one stands in the way the others keep their clean marks, or have one now.
  manager->Close().IgnoreError();
  return opened;
}

absl::Status LogManager::OpenAll(FileIo& io, const LogManagerConfig& config) {
  std::vector<absl::StatusOr<std::unique_ptr<LogDirectory>>> opened(config.log_dirs.size());
  InParallel(opened.size(), opened.size(), [&](size_t i) {
    opened[i] = LogDirectory::Open(io, {.log_dir = config.log_dirs[i],
                                        .log = config.log,
                                        .num_recovery_threads = config.num_recovery_threads,
                                        .num_sync_threads = config.num_sync_threads,
                                        .cluster_id = config.cluster_id,
                                        .node_id = config.node_id,
                                        .clock = config.clock,
                                        .on_loaded = config.on_loaded});
  });
  absl::Status refused;
  for (size_t i = 0; i < opened.size(); ++i) {
    if (opened[i].ok()) {
      directories_.push_back(*std::move(opened[i]));
    } else if (IsDiskFailure(opened[i].status()) && config.log_dirs.size() > 1) {
      never_opened_.push_back({config.log_dirs[i], opened[i].status()});
    } else {
      refused.Update(opened[i].status());
    }
  }
  SLIP_RETURN_IF_ERROR(refused);
  if (directories_.empty()) return never_opened_.front().cause;
  SLIP_RETURN_IF_ERROR(CheckThatTheyBelongTogether());
  // A move between directories that was cut short after its last decision.
  return never_opened_.empty() ? FinishMoves() : absl::OkStatus();
}

absl::Status LogManager::CheckThatTheyBelongTogether() {
  // The one to go by: whichever holds something.
  const auto used = std::ranges::find_if(directories_, &LogDirectory::HoldsLogs);
  const LogDirectory& first = used == directories_.end() ? *directories_.front() : **used;
  std::set<std::string> directory_ids;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    const auto refuse = [&](const auto&... what) {
      return absl::FailedPreconditionError(absl::StrCat(directory->path().native(), what...));
    };
    // A new directory next to old ones joins their cluster.
    if (directory->cluster_id() != first.cluster_id() && directory->HoldsLogs())
      return refuse(" is of cluster ", directory->cluster_id(), ", ", first.path().native(), " of ",
                    first.cluster_id());
    if (directory->node_id() != first.node_id())
      return refuse(" is of node ", directory->node_id(), ", ", first.path().native(), " of ", first.node_id());
    if (!directory_ids.insert(directory->directory_id().ToString()).second)
      return refuse(": another log directory has its directory.id, ", directory->directory_id().ToString());
    for (const TopicPartition& partition : directory->partitions()) {
      const auto [home, added] = homes_.try_emplace(partition, directory.get());
      if (!added) return refuse(" and ", home->second->path().native(), " both hold ", partition.ToString());
    }
  }
  return BelongToCluster(first.cluster_id());
}

absl::Status LogManager::FinishMoves() {
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    for (const TopicPartition& partition : directory->future_partitions()) {
      if (homes_.contains(partition)) continue;
      // Another one is of a move that was given up when its disk had failed.
      LogDirectory* const furthest = FurthestFuture(partition);
      SLIP_RETURN_IF_ERROR(furthest->PromoteFuture(partition).status());
      homes_[partition] = furthest;
      SLIP_RETURN_IF_ERROR(DeleteFutures(partition, /*but=*/nullptr));
    }
  }
  return absl::OkStatus();
}

absl::Status LogManager::BelongToCluster(const std::string& cluster_id) {
  // All are looked at before one is changed.
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    SLIP_RETURN_IF_ERROR(directory->MayBelongToCluster(cluster_id));
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    SLIP_RETURN_IF_ERROR(directory->BelongToCluster(cluster_id));
  return absl::OkStatus();
}

std::vector<TopicPartition> LogManager::partitions() const {
  std::vector<TopicPartition> all;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    const std::vector<TopicPartition> some = directory->partitions();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::sort(all);
  return all;
}

LogDirectory* LogManager::OnlineAt(const std::filesystem::path& log_dir) {
  const auto found = std::ranges::find_if(directories_, [&](const auto& directory) {
    return directory->path() == log_dir && !directory->health().offline();
  });
  return found == directories_.end() ? nullptr : found->get();
}

LogDirectory* LogManager::DirectoryOf(const TopicPartition& partition) {
  const auto home = homes_.find(partition);
  return home == homes_.end() ? nullptr : home->second;
}

void LogManager::SetHome(const TopicPartition& partition, LogDirectory* directory) {
  const std::lock_guard guard(homes_mutex_);
  if (directory != nullptr) {
    homes_[partition] = directory;
  } else {
    homes_.erase(partition);
  }
}

LogDirectory* LogManager::DirectoryOfFuture(const TopicPartition& partition) {
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    if (directory->FindFuture(partition) != nullptr) return directory.get();
  return nullptr;
}

LogDirectory* LogManager::FurthestFuture(const TopicPartition& partition) {
  LogDirectory* furthest = nullptr;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    const PartitionLog* const log = directory->FindFuture(partition);
    if (log == nullptr) continue;
    if (furthest == nullptr || ReachOf(*log) > ReachOf(*furthest->FindFuture(partition))) furthest = directory.get();
  }
  return furthest;
}

absl::Status LogManager::DeleteFutures(const TopicPartition& partition, const LogDirectory* but) {
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    if (directory.get() != but && directory->FindFuture(partition) != nullptr)
      SLIP_RETURN_IF_ERROR(directory->DeleteFuture(partition));
  return absl::OkStatus();
}

LogDirectory* LogManager::PlaceFor(const TopicPartition& partition, const std::filesystem::path& wish,
                                   const Placed& placed) {
  // One that was made, or moved there, and could then not be opened for want of descriptors, is not made a second time
  // elsewhere.
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    if (!directory->health().offline() && directory->HasDirectoryOf(partition)) return directory.get();
  LogDirectory* const wanted = OnlineAt(wish);
  return wanted == nullptr ? LeastLoaded(placed) : wanted;
}

LogDirectory* LogManager::LeastLoaded(const Placed& placed) {
  const auto load = [&placed](LogDirectory& directory) {
    const auto more = placed.find(&directory);
    return directory.partition_count() + (more == placed.end() ? 0 : more->second.size());
  };
  LogDirectory* least = nullptr;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    if (directory->health().offline()) continue;
    if (least == nullptr || load(*directory) < load(*least)) least = directory.get();
  }
  return least;
}

PartitionLog* LogManager::Find(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOf(partition);
  return directory == nullptr ? nullptr : directory->Find(partition);
}

absl::StatusOr<PartitionLog*> LogManager::GetOrCreate(const TopicPartition& partition, Uuid topic_id) {
  LogDirectory* directory = DirectoryOf(partition);
  if (directory == nullptr) {
    const std::vector<OfflineDirectory> offline = offline_directories();
    if (!offline.empty())
      return absl::UnavailableError(absl::StrCat(partition.ToString(),
                                                 " is in no log directory that is online, and may be in ",
                                                 offline.front().path.native(), ": ", offline.front().cause.message()));
    // A move that was cut short between its two renames is finished (FinishMoves): that log has all there is.
    directory = DirectoryOfFuture(partition);
    if (directory != nullptr) SLIP_RETURN_IF_ERROR(directory->PromoteFuture(partition).status());
    if (directory == nullptr) directory = PlaceFor(partition, /*wish=*/{}, /*placed=*/{});
    if (directory == nullptr) return absl::UnavailableError("all log directories went offline just now");
  }
  const absl::StatusOr<PartitionLog*> log = directory->GetOrCreate(partition, topic_id);
  // Also when it was made and its topic id could not be written.
  if (DirectoryOf(partition) == nullptr && directory->Find(partition) != nullptr) SetHome(partition, directory);
  return log;
}

void LogManager::CreateMissing(const std::vector<NewLog>& wanted) {
  if (!offline_directories().empty()) return;  // it may be there
  Placed placed;
  for (const NewLog& log : wanted) {
    if (DirectoryOf(log.partition) != nullptr || FindFuture(log.partition) != nullptr) continue;
    LogDirectory* const chosen = PlaceFor(log.partition, log.log_dir, placed);
    if (chosen == nullptr) return;  // all went offline just now
    placed[chosen].push_back(log);
  }
  for (const auto& [directory, logs] : placed) {
    directory->CreateMissing(logs);
    for (const NewLog& log : logs)
      if (directory->Find(log.partition) != nullptr) SetHome(log.partition, directory);
  }
}

absl::Status LogManager::Delete(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOf(partition);
  if (directory == nullptr) return absl::NotFoundError(absl::StrCat(partition.ToString(), " is in no log directory"));
  SLIP_RETURN_IF_ERROR(DeleteFutures(partition, /*but=*/nullptr));
  SLIP_RETURN_IF_ERROR(directory->Delete(partition));
  SetHome(partition, nullptr);
  return absl::OkStatus();
}

absl::StatusOr<PartitionLog*> LogManager::GetOrCreateFuture(const TopicPartition& partition,
                                                            const std::filesystem::path& log_dir) {
  LogDirectory* const wanted = OnlineAt(log_dir);
  if (wanted == nullptr)
    return absl::NotFoundError(absl::StrCat(log_dir.native(), " is no log directory of this node that is online"));
  PartitionLog* const current = Find(partition);
  if (current == nullptr) return absl::NotFoundError(absl::StrCat(partition.ToString(), " is in no log directory"));
  if (LogDirectory* const from = DirectoryOf(partition); from->health().offline())
    return Annotate(from->health().cause(), absl::StrCat(from->path().native(), " is offline"));
  if (DirectoryOf(partition) == wanted)
    return absl::FailedPreconditionError(absl::StrCat(partition.ToString(), " is in ", log_dir.native(), " already"));
  SLIP_RETURN_IF_ERROR(DeleteFutures(partition, /*but=*/wanted));  // it was to go elsewhere before
  return wanted->GetOrCreateFuture(partition, current->topic_id().value_or(Uuid{}));
}

PartitionLog* LogManager::FindFuture(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOfFuture(partition);
  return directory == nullptr ? nullptr : directory->FindFuture(partition);
}

std::vector<std::pair<TopicPartition, std::filesystem::path>> LogManager::futures() const {
  std::vector<std::pair<TopicPartition, std::filesystem::path>> futures;
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    for (const TopicPartition& partition : directory->future_partitions())
      futures.emplace_back(partition, directory->path());
  return futures;
}

std::filesystem::path LogManager::log_dir(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOf(partition);
  return directory == nullptr ? std::filesystem::path() : directory->path();
}

absl::StatusOr<PartitionLog*> LogManager::PromoteFuture(const TopicPartition& partition) {
  LogDirectory* const from = DirectoryOf(partition);
  LogDirectory* const to = DirectoryOfFuture(partition);
  SLIP_CHECK(from != nullptr && to != nullptr);
  const PartitionLog& current = *from->Find(partition);
  PartitionLog& future = *to->FindFuture(partition);
  SLIP_CHECK_GE(future.log_end_offset().value, current.log_end_offset().value);
  future.UpdateHighWatermark(current.high_watermark());  // AD-08; and below it, what is no longer wanted goes
  if (current.log_start_offset() <= future.high_watermark())
    SLIP_RETURN_IF_ERROR(future.MaybeIncrementLogStartOffset(current.log_start_offset()));
  // What only the page cache has of the future log must be on its disk before the records of the old one go.
  SLIP_RETURN_IF_ERROR(future.FlushBlocking());
  // The old one goes first: two directories with the partition would stop the next start (LOG-36), while a future log
  // alone is found by it and finished.
  SLIP_RETURN_IF_ERROR(from->Delete(partition));
  SetHome(partition, nullptr);
  SLIP_ASSIGN_OR_RETURN(PartitionLog* const log, to->PromoteFuture(partition));
  SetHome(partition, to);
  return log;
}

absl::Status LogManager::DeleteFuture(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOfFuture(partition);
  if (directory == nullptr) return absl::NotFoundError(absl::StrCat(partition.ToString(), " has no future log"));
  return directory->DeleteFuture(partition);
}

absl::Status LogManager::WriteCheckpoints(const std::vector<LogOffsets>& offsets) {
  return WriteCheckpoints([&offsets] { return offsets; });
}

std::vector<LogOffsets> LogManager::OfThoseIn(const LogDirectory& directory, std::vector<LogOffsets> offsets) {
  const std::lock_guard guard(homes_mutex_);
  std::erase_if(offsets, [&](const LogOffsets& log) { return DirectoryOf(log.partition) != &directory; });
  return offsets;
}

absl::Status LogManager::WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published) {
  absl::Status failed, went_offline;
  bool any_online = false;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    if (directory->health().offline()) continue;
    const absl::Status written = directory->WriteCheckpoints([&] { return OfThoseIn(*directory, published()); });
    // A checkpoint is made anew each time: only the whole directory can be missing, somebody took it away.
    if (absl::IsNotFound(written)) directory->health().TakeOffline(written);
    const bool online = !directory->health().offline();
    (online ? failed : went_offline).Update(written);
    any_online |= online;
  }
  if (!any_online) failed.Update(went_offline);  // else the others go on
  return failed;
}

void LogManager::Maintain(Timestamp now) {
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    directory->RemoveDeleted(now).IgnoreError();  // tried again the next time
}

absl::Status LogManager::Close() {
  absl::Status closed;
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    const bool was_offline = directory->health().offline();
    const absl::Status one = directory->Close();
    if (!was_offline || directories_.size() == 1) closed.Update(one);
  }
  return closed;
}

std::vector<LogManager::OfflineDirectory> LogManager::offline_directories() const {
  std::vector<OfflineDirectory> offline = never_opened_;
  for (const std::unique_ptr<LogDirectory>& directory : directories_)
    if (directory->health().offline()) offline.push_back({directory->path(), directory->health().cause()});
  return offline;
}

FileIo& LogManager::io(const std::filesystem::path& log_dir) {
  const auto found = std::ranges::find(directories_, log_dir, [](const auto& directory) { return directory->path(); });
  SLIP_CHECK(found != directories_.end());
  return (*found)->io();
}

bool LogManager::any_online() const {
  return std::ranges::any_of(directories_, [](const auto& directory) { return !directory->health().offline(); });
}

bool LogManager::IsOffline(const TopicPartition& partition) {
  LogDirectory* const directory = DirectoryOf(partition);
  return directory != nullptr && directory->health().offline();
}

std::vector<std::string> LogManager::LoadNotices() const {
  std::vector<std::string> notices;
  for (const OfflineDirectory& directory : never_opened_)
    notices.push_back(absl::StrCat(directory.path.native(), " is offline: ", directory.cause.message()));
  for (const std::unique_ptr<LogDirectory>& directory : directories_) {
    const std::vector<std::string> some = directory->LoadNotices();
    notices.insert(notices.end(), some.begin(), some.end());
  }
  return notices;
}

const std::string& LogManager::cluster_id() const { return directories_.front()->cluster_id(); }

}  // namespace slipstream
