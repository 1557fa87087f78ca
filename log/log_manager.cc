#include "log/log_manager.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "log/check.h"
#include "log/meta_properties.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kDeleteSuffix[] = "-delete";
constexpr size_t kDirectoryNameMax = 255;

bool IsMarked(absl::string_view name) { return absl::EndsWith(name, "-future") || absl::EndsWith(name, "-stray"); }

// Directories that belong to others: tiered storage's cache and KRaft's own log (LOG-35).
bool IsForeign(absl::string_view name) {
  return name == "remote-log-index-cache" || absl::StartsWith(name, "__cluster_metadata-");
}

// <topic>-<partition>.<32 hex digits>-delete, the topic shortened when the name would be too long (LOG-34).
std::string DeletedName(const TopicPartition& partition) {
  const Uuid unique = Uuid::Random();
  const std::string end = absl::StrCat("-", partition.partition, ".", absl::Hex(unique.high, absl::kZeroPad16),
                                       absl::Hex(unique.low, absl::kZeroPad16), kDeleteSuffix);
  return absl::StrCat(partition.topic.substr(0, kDirectoryNameMax - end.size()), end);
}

Offset Checkpointed(const OffsetCheckpoint& offsets, const TopicPartition& partition) {
  const auto found = offsets.find(partition);
  return found == offsets.end() ? Offset{0} : found->second;
}

absl::Status ReplaceIfChanged(FileIo& io, const std::filesystem::path& path, OffsetCheckpoint& current,
                              OffsetCheckpoint wanted) {
  if (wanted == current) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(WriteOffsetCheckpoint(io, path, wanted));
  current = std::move(wanted);
  return absl::OkStatus();
}

}  // namespace

LogOffsets OffsetsOf(const PartitionLog& log) {
  return {log.partition(),      log.log_start_offset(), log.high_watermark(),
          log.recovery_point(), log.log_end_offset(),   log.log_start_in_segment()};
}

LogManager::LogManager(FileIo& io, const LogManagerConfig& config) : io_(io), config_(config) {}
LogManager::~LogManager() = default;

absl::StatusOr<std::unique_ptr<LogManager>> LogManager::Open(FileIo& io, const LogManagerConfig& config) {
  SLIP_RETURN_IF_ERROR(config.log.Validate());
  if (config.num_recovery_threads < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("num.recovery.threads.per.data.dir is ", config.num_recovery_threads, ", must be at least 1"));
  std::unique_ptr<LogManager> manager(new LogManager(io, config));
  SLIP_RETURN_IF_ERROR(manager->TakeOverDirectory());
  SLIP_ASSIGN_OR_RETURN(const std::vector<TopicPartition> partitions, manager->FindPartitions());
  SLIP_RETURN_IF_ERROR(manager->LoadAll(partitions));
  // Recovery may have found less than the checkpoints promise: that must be on disk before anything is appended.
  SLIP_RETURN_IF_ERROR(manager->WriteCheckpoints(manager->OffsetsOfAll()));
  return manager;
}

absl::Status LogManager::BelongToCluster(const std::string& cluster_id) {
  if (cluster_id.empty() || cluster_id == cluster_id_) return absl::OkStatus();
  if (!logs_.empty())
    return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), " holds partitions of cluster ",
                                                      cluster_id_, ", this is cluster ", cluster_id));
  SLIP_RETURN_IF_ERROR(WriteMetaProperties(io_, config_.log_dir, {cluster_id, node_id_, directory_id_}));
  cluster_id_ = cluster_id;
  return absl::OkStatus();
}

absl::Status LogManager::TakeOverDirectory() {
  SLIP_RETURN_IF_ERROR(io_.CreateDirectories(config_.log_dir));
  SLIP_ASSIGN_OR_RETURN(lock_, DirectoryLock::Acquire(io_, config_.log_dir));

  SLIP_ASSIGN_OR_RETURN(std::optional<MetaProperties> found, ReadMetaProperties(io_, config_.log_dir));
  const auto refuse = [&](const auto&... what) {
    return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), ": meta.properties is of ", what...));
  };
  if (found && !config_.cluster_id.empty() && found->cluster_id != config_.cluster_id)
    return refuse("cluster ", found->cluster_id, ", this is cluster ", config_.cluster_id);
  if (found && config_.node_id && found->node_id != *config_.node_id)
    return refuse("node ", found->node_id, ", this is node ", *config_.node_id);
  MetaProperties properties = found.value_or(MetaProperties{config_.cluster_id, config_.node_id.value_or(1), Uuid{}});
  if (properties.cluster_id.empty()) properties.cluster_id = Uuid::Random().ToString();
  if (properties.directory_id.IsZero()) {
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

absl::Status LogManager::ReadCheckpoints() {
  SLIP_ASSIGN_OR_RETURN(recovery_points_, ReadOffsetCheckpoint(io_, config_.log_dir / kRecoveryPointCheckpoint));
  SLIP_ASSIGN_OR_RETURN(log_starts_, ReadOffsetCheckpoint(io_, config_.log_dir / kLogStartCheckpoint));
  SLIP_ASSIGN_OR_RETURN(high_watermarks_, ReadOffsetCheckpoint(io_, config_.log_dir / kHighWatermarkCheckpoint));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TopicPartition>> LogManager::FindPartitions() {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io_.List(config_.log_dir, /*directories=*/true));
  std::vector<TopicPartition> partitions;
  for (const std::string& name : names) {
    if (IsForeign(name) || IsMarked(name)) continue;
    if (absl::EndsWith(name, kDeleteSuffix)) {  // a removal that was cut short (LOG-59)
      SLIP_RETURN_IF_ERROR(io_.RemoveTree(config_.log_dir / name));
      continue;
    }
    const absl::StatusOr<TopicPartition> partition = ParsePartitionDirectoryName(name);
    if (!partition.ok())
      return absl::FailedPreconditionError(absl::StrCat(config_.log_dir.string(), ": ", partition.status().message(),
                                                        "; nothing but partitions may lie in a log directory"));
    partitions.push_back(*partition);
  }
  return partitions;
}

absl::StatusOr<std::unique_ptr<PartitionLog>> LogManager::Load(const TopicPartition& partition) {
  const LogOpenOptions options{.clean = clean_start_,
                               .recovery_point = Checkpointed(recovery_points_, partition),
                               .log_start_offset = Checkpointed(log_starts_, partition),
                               .high_watermark = Checkpointed(high_watermarks_, partition),
                               .now = config_.clock->WallTime()};
  return PartitionLog::Open(io_, config_.log_dir / partition.ToString(), partition, config_.log, options);
}

absl::Status LogManager::LoadAll(const std::vector<TopicPartition>& partitions) {
  std::vector<absl::StatusOr<std::unique_ptr<PartitionLog>>> loaded(partitions.size());
  std::atomic<size_t> next = 0;
  const auto load_some = [&] {
    for (size_t i = next++; i < partitions.size(); i = next++) loaded[i] = Load(partitions[i]);
  };
  std::vector<std::jthread> helpers;
  const size_t threads = std::min(partitions.size(), static_cast<size_t>(config_.num_recovery_threads));
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(load_some);
  load_some();
  helpers.clear();  // joins
  for (size_t i = 0; i < partitions.size(); ++i) {
    SLIP_RETURN_IF_ERROR(Annotate(loaded[i].status(), absl::StrCat("cannot load ", partitions[i].ToString())));
    logs_[partitions[i]] = *std::move(loaded[i]);
  }
  return absl::OkStatus();
}

std::vector<std::string> LogManager::LoadNotices() const {
  std::vector<std::string> notices;
  for (const auto& [partition, log] : logs_)
    notices.insert(notices.end(), log->load_notices().begin(), log->load_notices().end());
  std::ranges::sort(notices);
  return notices;
}

std::vector<TopicPartition> LogManager::partitions() const {
  std::vector<TopicPartition> partitions;
  partitions.reserve(logs_.size());
  for (const auto& [partition, log] : logs_) partitions.push_back(partition);
  std::ranges::sort(partitions);
  return partitions;
}

PartitionLog* LogManager::Find(const TopicPartition& partition) {
  const auto found = logs_.find(partition);
  return found == logs_.end() ? nullptr : found->second.get();
}

absl::StatusOr<PartitionLog*> LogManager::GetOrCreate(const TopicPartition& partition, Uuid topic_id) {
  SLIP_CHECK(lock_ != nullptr);
  PartitionLog* log = Find(partition);
  if (log == nullptr) {
    SLIP_RETURN_IF_ERROR(ValidateTopicName(partition.topic));
    if (partition.partition < 0)
      return absl::InvalidArgumentError(
          absl::StrCat("partition ", partition.partition, " of topic ", partition.topic, " is negative"));
    SLIP_ASSIGN_OR_RETURN(
        std::unique_ptr<PartitionLog> created,
        PartitionLog::Open(io_, config_.log_dir / partition.ToString(), partition, config_.log, {.clean = true}));
    log = created.get();
    logs_[partition] = std::move(created);
  }
  if (!topic_id.IsZero()) SLIP_RETURN_IF_ERROR(log->AssignTopicId(topic_id));
  return log;
}

absl::Status LogManager::ForgetCheckpoints(const TopicPartition& partition) {
  const std::lock_guard serialised(checkpoints_mutex_);
  // First: were a topic of that name made anew after a crash in here, the old recovery point would vouch for data that
  // it never saw.
  for (OffsetCheckpoint* offsets : {&recovery_points_, &log_starts_, &high_watermarks_}) {
    if (offsets->erase(partition) == 0) continue;
    const char* name = offsets == &recovery_points_ ? kRecoveryPointCheckpoint
                       : offsets == &log_starts_    ? kLogStartCheckpoint
                                                    : kHighWatermarkCheckpoint;
    SLIP_RETURN_IF_ERROR(WriteOffsetCheckpoint(io_, config_.log_dir / name, *offsets));
  }
  return absl::OkStatus();
}

absl::Status LogManager::Delete(const TopicPartition& partition) {
  SLIP_CHECK(lock_ != nullptr);
  const auto found = logs_.find(partition);
  if (found == logs_.end())
    return absl::NotFoundError(absl::StrCat(partition.ToString(), " is not in ", config_.log_dir.string()));
  SLIP_RETURN_IF_ERROR(ForgetCheckpoints(partition));
  const std::filesystem::path doomed = config_.log_dir / DeletedName(partition);
  SLIP_RETURN_IF_ERROR(io_.Rename(found->second->directory(), doomed));
  logs_.erase(found);
  SLIP_RETURN_IF_ERROR(io_.SyncDirectory(config_.log_dir));
  SLIP_RETURN_IF_ERROR(io_.RemoveTree(doomed));
  return absl::OkStatus();
}

std::vector<LogOffsets> LogManager::OffsetsOfAll() const {
  std::vector<LogOffsets> offsets;
  for (const auto& [partition, log] : logs_) offsets.push_back(OffsetsOf(*log));
  return offsets;
}

absl::Status LogManager::WriteCheckpoints(const std::vector<LogOffsets>& offsets) {
  return WriteCheckpoints([&offsets] { return offsets; });
}

absl::Status LogManager::WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published) {
  SLIP_CHECK(lock_ != nullptr);
  const std::lock_guard serialised(checkpoints_mutex_);
  // Partitions that nobody published keep their entries.
  OffsetCheckpoint recovery_points = recovery_points_, log_starts = log_starts_, high_watermarks = high_watermarks_;
  for (const LogOffsets& log : published()) {
    recovery_points[log.partition] = log.recovery_point;
    high_watermarks[log.partition] = log.high_watermark;
    if (log.log_start_in_segment) {
      log_starts[log.partition] = log.log_start_offset;
    } else {
      log_starts.erase(log.partition);
    }
  }
  const std::filesystem::path& dir = config_.log_dir;
  SLIP_RETURN_IF_ERROR(
      ReplaceIfChanged(io_, dir / kHighWatermarkCheckpoint, high_watermarks_, std::move(high_watermarks)));
  SLIP_RETURN_IF_ERROR(
      ReplaceIfChanged(io_, dir / kRecoveryPointCheckpoint, recovery_points_, std::move(recovery_points)));
  return ReplaceIfChanged(io_, dir / kLogStartCheckpoint, log_starts_, std::move(log_starts));
}

absl::Status LogManager::Close() {
  if (lock_ == nullptr) return absl::OkStatus();
  const absl::Status closed = CloseAll();
  lock_.reset();  // whatever failed before (LOG-142)
  return closed;
}

absl::Status LogManager::CloseAll() {
  absl::Status closed;
  std::vector<LogOffsets> offsets;
  for (const auto& [partition, log] : logs_) {
    closed.Update(log->Close());
    offsets.push_back(OffsetsOf(*log));
  }
  logs_.clear();
  const absl::Status checkpointed = WriteCheckpoints(offsets);
  SLIP_RETURN_IF_ERROR(closed);
  SLIP_RETURN_IF_ERROR(checkpointed);
  return WriteCleanShutdownMark(io_, config_.log_dir);
}

}  // namespace slipstream
