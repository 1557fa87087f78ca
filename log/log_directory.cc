#include "log/log_directory.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "log/check.h"
#include "log/in_parallel.h"
#include "log/io/make_directory.h"
#include "log/many_logs.h"
#include "log/meta_properties.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kDeleteSuffix[] = "-delete", kFutureSuffix[] = "-future", kStraySuffix[] = "-stray";
constexpr size_t kDirectoryNameMax = 255;

// Directories that belong to others: tiered storage's cache and KRaft's own log (LOG-35).
bool IsForeign(absl::string_view name) {
  return name == "remote-log-index-cache" || absl::StartsWith(name, "__cluster_metadata-");
}

// <topic>-<partition>.<32 hex digits>-delete or -future (LOG-34). `shortened`: to what a directory's name may be, at
// the cost of the topic's.
std::string MarkedName(const TopicPartition& partition, absl::string_view suffix, bool shortened) {
  const Uuid unique = Uuid::Random();
  const std::string end = absl::StrCat("-", partition.partition, ".", absl::Hex(unique.high, absl::kZeroPad16),
                                       absl::Hex(unique.low, absl::kZeroPad16), suffix);
  const size_t topic_bytes = shortened ? kDirectoryNameMax - end.size() : partition.topic.size();
  return absl::StrCat(absl::string_view(partition.topic).substr(0, topic_bytes), end);
}

// What precedes the last dot of a marked name.
absl::string_view Unmarked(absl::string_view name) { return name.substr(0, name.rfind('.')); }

// `directory`: the name that its directory is to have.
absl::Status CheckName(const TopicPartition& partition, absl::string_view directory) {
  SLIP_RETURN_IF_ERROR(ValidateTopicName(partition.topic));
  if (partition.partition < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("partition ", partition.partition, " of topic ", partition.topic, " is negative"));
  if (directory.size() > kDirectoryNameMax)
    return absl::InvalidArgumentError(absl::StrCat("directory name ", directory, " has ", directory.size(),
                                                   " characters, at most ", kDirectoryNameMax));
  return absl::OkStatus();
}

}  // namespace

LogDirectory::LogDirectory(FileIo& io, const LogDirectoryConfig& config)
    : disk_(io), io_(io, health_), config_(config) {}
LogDirectory::~LogDirectory() = default;

absl::StatusOr<std::unique_ptr<LogDirectory>> LogDirectory::Open(FileIo& io, const LogDirectoryConfig& config) {
  SLIP_RETURN_IF_ERROR(config.log.Validate());
  if (config.num_recovery_threads < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("num.recovery.threads.per.data.dir is ", config.num_recovery_threads, ", must be at least 1"));
  if (config.num_sync_threads < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("num_sync_threads is ", config.num_sync_threads, ", must be at least 1"));
  std::unique_ptr<LogDirectory> directory(new LogDirectory(io, config));
  SLIP_RETURN_IF_ERROR(directory->TakeOverDirectory());
  SLIP_ASSIGN_OR_RETURN(const std::vector<Found> partitions, directory->FindPartitions());
  SLIP_RETURN_IF_ERROR(directory->LoadAll(partitions));
  directory->config_.on_loaded = nullptr;  // may be of shorter life
  // Recovery may have found less than the checkpoints promise: that must be on disk before anything is appended.
  SLIP_RETURN_IF_ERROR(directory->WriteCheckpoints(directory->OffsetsOfAll()));
  return directory;
}

absl::Status LogDirectory::MayBelongToCluster(const std::string& cluster_id) const {
  if (cluster_id.empty() || cluster_id == cluster_id_ || !HoldsLogs()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), " holds partitions of cluster ",
                                                    cluster_id_, ", this is cluster ", cluster_id));
}

absl::Status LogDirectory::BelongToCluster(const std::string& cluster_id) {
  SLIP_RETURN_IF_ERROR(MayBelongToCluster(cluster_id));
  if (cluster_id.empty() || cluster_id == cluster_id_) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(WriteMetaProperties(io_, config_.log_dir, {cluster_id, node_id_, directory_id_}));
  cluster_id_ = cluster_id;
  return absl::OkStatus();
}

absl::Status LogDirectory::CheckThatItIsOurs() {
  if (!io_.Exists(config_.log_dir)) return absl::OkStatus();
  // In this order: whoever makes a partition there has written meta.properties before.
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io_.List(config_.log_dir, /*directories=*/true));
  SLIP_ASSIGN_OR_RETURN(const std::optional<MetaProperties> properties, ReadMetaProperties(io_, config_.log_dir));
  empty_ = names.empty();
  const auto foreign = std::ranges::find_if_not(names, IsForeign);
  if (properties || foreign == names.end()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(config_.log_dir.string(), " holds ", *foreign,
                   ", but no meta.properties, which says whose log directory it is; nothing in it was changed"));
}

absl::Status LogDirectory::TakeOverDirectory() {
  SLIP_RETURN_IF_ERROR(CheckThatItIsOurs());
  SLIP_RETURN_IF_ERROR(MakeDirectory(io_, config_.log_dir));
  SLIP_ASSIGN_OR_RETURN(lock_, DirectoryLock::Acquire(disk_, config_.log_dir));
  SLIP_ASSIGN_OR_RETURN(handle_, io_.Open(config_.log_dir, OpenMode::kDirectory));

  SLIP_ASSIGN_OR_RETURN(std::optional<MetaProperties> found, ReadMetaProperties(io_, config_.log_dir));
  const auto refuse = [&](const auto&... what) {
    return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), ": meta.properties is of ", what...));
  };
  // Also without a partition: a broker's disk is so between being formatted and its first use.
  if (found && !config_.cluster_id.empty() && found->cluster_id != config_.cluster_id)
    return refuse("cluster ", found->cluster_id, ", this is cluster ", config_.cluster_id,
                  empty_ ? "; there is no partition in it: without that file it would be taken" : "");
  if (found && config_.node_id && found->node_id != *config_.node_id)
    return refuse("node ", found->node_id, ", this is node ", *config_.node_id);
  MetaProperties properties = found.value_or(MetaProperties{config_.cluster_id, config_.node_id.value_or(1), Uuid{}});
  if (properties.cluster_id.empty()) properties.cluster_id = Uuid::Random().ToString();
  if (properties.directory_id.IsZero()) {
    SLIP_RETURN_IF_ERROR(SyncNameOf(io_, config_.log_dir));  // the first start: an earlier one may have died in here
    properties.directory_id = Uuid::Random();
    SLIP_RETURN_IF_ERROR(WriteMetaProperties(io_, config_.log_dir, properties));
  }
  cluster_id_ = properties.cluster_id;
  directory_id_ = properties.directory_id;
  node_id_ = properties.node_id;

  SLIP_RETURN_IF_ERROR(ReadCheckpoints());
  SLIP_ASSIGN_OR_RETURN(clean_start_, TakeCleanShutdownMark(io_, config_.log_dir));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LogDirectory::Found>> LogDirectory::FindPartitions() {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io_.List(config_.log_dir, /*directories=*/true));
  std::vector<Found> found;
  for (const std::string& name : names) {
    if (IsForeign(name) || absl::EndsWith(name, kStraySuffix)) continue;
    if (absl::EndsWith(name, kDeleteSuffix)) {  // a removal that was cut short (LOG-59)
      deleted_.push_back({config_.log_dir / name, Timestamp{}, /*found=*/true});
      continue;
    }
    const bool future = absl::EndsWith(name, kFutureSuffix);
    const absl::StatusOr<TopicPartition> partition = ParsePartitionDirectoryName(future ? Unmarked(name) : name);
    if (!partition.ok())
      return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), ": ", partition.status().message(),
                                                        "; nothing but partitions may lie in a log directory"));
    found.push_back({*partition, name, future});
  }
  return found;
}

std::vector<TopicPartition> LogDirectory::partitions() const {
  std::vector<TopicPartition> partitions;
  partitions.reserve(logs_.size());
  for (const auto& [partition, log] : logs_) partitions.push_back(partition);
  std::ranges::sort(partitions);
  return partitions;
}

PartitionLog* LogDirectory::Find(const TopicPartition& partition) {
  const auto found = logs_.find(partition);
  return found == logs_.end() ? nullptr : found->second.get();
}

bool LogDirectory::HasDirectoryOf(const TopicPartition& partition) {
  return io_.Exists(config_.log_dir / partition.ToString());
}

absl::StatusOr<PartitionLog*> LogDirectory::GetOrCreate(const TopicPartition& partition, Uuid topic_id) {
  SLIP_CHECK(lock_ != nullptr);
  PartitionLog* log = Find(partition);
  if (log == nullptr) {
    // Of one that was here and is not any more: it vouched for other files.
    SLIP_RETURN_IF_ERROR(ForgetCheckpoints({partition}));
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<PartitionLog> created, OpenNew(partition, partition.ToString()));
    log = created.get();
    logs_[partition] = std::move(created);
  }
  if (!topic_id.IsZero()) SLIP_RETURN_IF_ERROR(log->AssignTopicId(topic_id));
  return log;
}

void LogDirectory::CreateMissing(const std::vector<NewLog>& wanted) {
  SLIP_CHECK(lock_ != nullptr);
  std::vector<NewLog> missing;
  std::vector<TopicPartition> names;
  for (const NewLog& log : wanted) {
    if (Find(log.partition) != nullptr || !CheckName(log.partition, log.partition.ToString()).ok()) continue;
    missing.push_back(log);
    names.push_back(log.partition);
  }
  if (!ForgetCheckpoints(names).ok()) return;  // GetOrCreate tries that again
  // Where it fails each is made for itself, and the log dir is offline if the disk is to blame.
  const bool together = missing.size() >= kManyLogs && MakePartitionDirectories(io_, *handle_, missing).ok();
  std::vector<std::unique_ptr<PartitionLog>> made(missing.size());
  // What is left to do for each after that is work, and no waiting.
  const int32_t threads = together ? config_.num_recovery_threads : config_.num_sync_threads;
  InParallel(missing.size(), static_cast<size_t>(threads), [&](size_t i) { made[i] = TryOpenNew(missing[i]); });
  for (size_t i = 0; i < missing.size(); ++i)
    if (made[i] != nullptr) logs_[missing[i].partition] = std::move(made[i]);
}

std::unique_ptr<PartitionLog> LogDirectory::TryOpenNew(const NewLog& wanted) {
  auto made = OpenNew(wanted.partition, wanted.partition.ToString());
  if (!made.ok()) return nullptr;
  // Without its topic id it is one that is there already: GetOrCreate tries that again.
  if (!wanted.topic_id.IsZero()) (void)(*made)->AssignTopicId(wanted.topic_id);
  return *std::move(made);
}

absl::StatusOr<std::unique_ptr<PartitionLog>> LogDirectory::OpenNew(const TopicPartition& partition,
                                                                    const std::string& name) {
  if (health_->offline()) return Annotate(health_->cause(), "log dir is offline");
  SLIP_RETURN_IF_ERROR(CheckName(partition, name));
  return PartitionLog::Open(io_, config_.log_dir / name, partition, config_.log, {.clean = true, .health = health_});
}

absl::Status LogDirectory::Delete(const TopicPartition& partition) {
  SLIP_CHECK(lock_ != nullptr);
  const auto found = logs_.find(partition);
  if (found == logs_.end())
    return absl::NotFoundError(absl::StrCat(partition.ToString(), " is not in ", config_.log_dir.string()));
  SLIP_RETURN_IF_ERROR(ForgetCheckpoints({partition}));
  SLIP_RETURN_IF_ERROR(SetAside(*found->second));
  logs_.erase(found);
  return absl::OkStatus();
}

absl::Status LogDirectory::SetAside(const PartitionLog& log) {
  // Opened first: the log must not lose its name to a call that then fails for want of a descriptor.
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> directory, io_.Open(config_.log_dir, OpenMode::kDirectory));
  std::filesystem::path doomed = config_.log_dir / MarkedName(log.partition(), kDeleteSuffix, /*shortened=*/true);
  SLIP_RETURN_IF_ERROR(io_.Rename(log.directory(), doomed));
  deleted_.push_back({std::move(doomed), Timestamp{}});
  return directory->Sync();
}

absl::Status LogDirectory::RemoveDeleted(Timestamp now) {
  absl::Status removed;
  std::erase_if(deleted_, [&](DeletedDirectory& directory) {
    if (directory.due < Timestamp{0}) directory.due = {now.value + config_.log.file_delete_delay.count()};
    if (directory.due > now || health_->offline()) return false;
    const absl::Status gone = io_.RemoveTree(directory.path);
    removed.Update(gone);
    return gone.ok();  // else it is tried again
  });
  return removed;
}

// Where every run is shorter than file.delete.delay.ms nothing would ever go.
void LogDirectory::RemoveFound() {
  for (const DeletedDirectory& directory : deleted_)
    if (directory.found) io_.RemoveTree(directory.path).IgnoreError();  // or the next run does it
}

// Futures.

PartitionLog* LogDirectory::FindFuture(const TopicPartition& partition) {
  const auto found = futures_.find(partition);
  return found == futures_.end() ? nullptr : found->second.get();
}

std::vector<TopicPartition> LogDirectory::future_partitions() const {
  std::vector<TopicPartition> partitions;
  partitions.reserve(futures_.size());
  for (const auto& [partition, log] : futures_) partitions.push_back(partition);
  std::ranges::sort(partitions);
  return partitions;
}

absl::StatusOr<PartitionLog*> LogDirectory::GetOrCreateFuture(const TopicPartition& partition, Uuid topic_id) {
  SLIP_CHECK(lock_ != nullptr);
  SLIP_RETURN_IF_ERROR(ForgetCheckpoints({partition}));
  PartitionLog* log = FindFuture(partition);
  if (log == nullptr) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<PartitionLog> created,
                          OpenNew(partition, MarkedName(partition, kFutureSuffix, /*shortened=*/false)));
    log = created.get();
    futures_[partition] = std::move(created);
  }
  if (!topic_id.IsZero()) SLIP_RETURN_IF_ERROR(log->AssignTopicId(topic_id));
  return log;
}

absl::StatusOr<PartitionLog*> LogDirectory::PromoteFuture(const TopicPartition& partition) {
  PartitionLog* const future = FindFuture(partition);
  SLIP_CHECK(future != nullptr && Find(partition) == nullptr);
  // Closed and opened again, so that no part of it keeps a path of before (LOG-60).
  const LogOpenOptions options{.clean = true,
                               .begun = future->begun(),
                               .recovery_point = future->log_end_offset(),
                               .log_start_offset = future->log_start_offset(),
                               .start_may_be_remote = future->log_start_offset() < future->local_log_start_offset(),
                               .high_watermark = future->high_watermark(),
                               .first_dirty_offset = future->first_dirty_offset().value_or(Offset{}),
                               .now = config_.clock->WallTime(),
                               .health = health_};
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> directory, io_.Open(config_.log_dir, OpenMode::kDirectory));
  SLIP_RETURN_IF_ERROR(future->Close());
  const std::filesystem::path path = config_.log_dir / partition.ToString();
  SLIP_RETURN_IF_ERROR(io_.Rename(future->directory(), path));
  SLIP_RETURN_IF_ERROR(directory->Sync());
  futures_.erase(partition);
  SLIP_ASSIGN_OR_RETURN(logs_[partition], PartitionLog::Open(io_, path, partition, config_.log, options));
  return logs_[partition].get();
}

absl::Status LogDirectory::DeleteFuture(const TopicPartition& partition) {
  const auto found = futures_.find(partition);
  if (found == futures_.end())
    return absl::NotFoundError(absl::StrCat(partition.ToString(), " has no future log in ", config_.log_dir.string()));
  // On a disk that failed it stays as it is, and is in nobody's way (INV-23).
  if (!health_->offline()) {
    SLIP_RETURN_IF_ERROR(ForgetCheckpoints({partition}));
    SLIP_RETURN_IF_ERROR(SetAside(*found->second));
  }
  futures_.erase(found);
  return absl::OkStatus();
}

absl::Status LogDirectory::Close() {
  if (lock_ == nullptr) return absl::OkStatus();
  const absl::Status closed = CloseAll();
  lock_.reset();  // whatever failed before (LOG-142)
  return closed;
}

std::vector<absl::Status> LogDirectory::CloseLogs(const std::vector<PartitionLog*>& logs, size_t threads) {
  if (static_cast<size_t>(std::ranges::count_if(logs, &PartitionLog::unflushed)) >= kManyLogs)
    return PartitionLog::CloseTogether(logs, *handle_,
                                       std::min(threads, static_cast<size_t>(config_.num_recovery_threads)));
  std::vector<absl::Status> closed(logs.size());
  InParallel(logs.size(), threads, [&](size_t i) { closed[i] = logs[i]->Close(); });
  return closed;
}

absl::Status LogDirectory::CloseAll() {
  std::vector<PartitionLog*> to_close;
  for (const auto* logs : {&logs_, &futures_})
    for (const auto& [partition, log] : *logs) to_close.push_back(log.get());
  // What is closed when the power goes does not hang on the order of a hash table (INV-28).
  std::ranges::sort(to_close, {},
                    [](const PartitionLog* log) -> absl::string_view { return log->directory().native(); });
  const std::vector<absl::Status> results = CloseLogs(to_close, static_cast<size_t>(config_.num_sync_threads));
  absl::Status closed;
  std::vector<PartitionLog*> again;
  for (size_t i = 0; i < to_close.size(); ++i) {
    if (absl::IsResourceExhausted(results[i])) {
      again.push_back(to_close[i]);
    } else {
      closed.Update(results[i]);
    }
  }
  // One after the other they may have the descriptors that they lacked beside each other.
  for (const absl::Status& result : CloseLogs(again, /*threads=*/1)) closed.Update(result);
  const std::vector<LogOffsets> offsets = OffsetsOfAll();
  logs_.clear();
  futures_.clear();
  // Of a disk that failed nothing is known any more, so nothing is said of it (LOG-143).
  if (health_->offline()) return Annotate(health_->cause(), absl::StrCat(config_.log_dir.string(), " is offline"));
  const absl::Status checkpointed = WriteCheckpoints(offsets);
  SLIP_RETURN_IF_ERROR(closed);
  SLIP_RETURN_IF_ERROR(checkpointed);
  SLIP_RETURN_IF_ERROR(WriteCleanShutdownMark(io_, config_.log_dir));
  RemoveFound();  // behind the mark: it may take a while, and who loses patience then costs nobody a recovery
  return absl::OkStatus();
}

}  // namespace slipstream
