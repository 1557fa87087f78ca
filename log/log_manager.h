// A log directory and the partitions in it: locks it, recovers it, opens and creates logs, writes the checkpoints that
// say where the next start may begin. One per --log-dir; used by the thread that made it, except where noted.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "log/checkpoint_file.h"
#include "log/clock.h"
#include "log/directory_lock.h"
#include "log/partition_log.h"

namespace slipstream {

struct LogManagerConfig {
  std::filesystem::path log_dir;
  LogConfig log;
  int32_t num_recovery_threads = 2;  // num.recovery.threads.per.data.dir
  std::string cluster_id;            // "" : take what meta.properties says, or write a new one
  // nullopt: as cluster_id; a new directory gets 1.
  std::optional<int32_t> node_id;
  Clock* clock = &SystemClock();  // outlives the LogManager
};

// Offsets of one partition as last published by the thread that owns its log; what checkpoints are written from.
struct LogOffsets {
  TopicPartition partition;
  Offset log_start_offset, high_watermark, recovery_point, log_end_offset;
  bool log_start_in_segment = false;  // above the first segment's base: only then it is checkpointed (LOG-52)
};

class LogManager {
 public:
  // Takes the directory's .lock (kFailedPrecondition, "in use by another process"), removes the clean-shutdown mark,
  // reads checkpoints, recovers every partition on num_recovery_threads threads. Blocking.
  static absl::StatusOr<std::unique_ptr<LogManager>> Open(FileIo& io, const LogManagerConfig& config);
  ~LogManager();

  // Says whose copy this is. A directory without partitions takes the cluster's id; one that holds another cluster's is
  // refused (kFailedPrecondition), lest two clusters mix.
  absl::Status BelongToCluster(const std::string& cluster_id);

  // Partitions found on disk at open, sorted.
  std::vector<TopicPartition> partitions() const;
  // The log of a partition, created when absent. Ownership of its use goes to the caller's thread; the LogManager keeps
  // the object alive until Close.
  absl::StatusOr<PartitionLog*> GetOrCreate(const TopicPartition& partition, Uuid topic_id);
  PartitionLog* Find(const TopicPartition& partition);
  // Renames the directory to -delete and removes it (LOG-59). REQUIRES: no thread uses the log.
  absl::Status Delete(const TopicPartition& partition);

  // Rewrites recovery-point-, log-start- and replication-offset-checkpoint from what the owners published, each only
  // when it changed. Any thread may call it, and own the logs meanwhile: nothing of them is read here.
  absl::Status WriteCheckpoints(const std::vector<LogOffsets>& offsets);
  // The same for callers that race with others: `published` is asked once it is this call's turn, so that offsets read
  // before another thread lowered them are not written after it.
  absl::Status WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published);

  // REQUIRES: no other thread uses a log any more. Closes every log, writes checkpoints, the clean-shutdown mark last
  // (only if all closed well), releases the lock.
  absl::Status Close();

  // What a person should know of how the partitions were opened: damage to what had been flushed.
  std::vector<std::string> LoadNotices() const;

  const std::string& cluster_id() const { return cluster_id_; }
  Uuid directory_id() const { return directory_id_; }

 private:
  LogManager(FileIo& io, const LogManagerConfig& config);

  absl::Status TakeOverDirectory();  // lock, meta.properties, clean-shutdown mark, checkpoints
  absl::Status ReadCheckpoints();
  absl::StatusOr<std::vector<TopicPartition>> FindPartitions();
  absl::Status LoadAll(const std::vector<TopicPartition>& partitions);
  absl::StatusOr<std::unique_ptr<PartitionLog>> Load(const TopicPartition& partition);
  absl::Status CloseAll();

  FileIo& io_;
  LogManagerConfig config_;
  std::unique_ptr<DirectoryLock> lock_;  // nullptr: closed
  bool clean_start_ = false;
  std::string cluster_id_;
  Uuid directory_id_;
  int32_t node_id_ = 0;
  std::vector<LogOffsets> OffsetsOfAll() const;
  absl::Status ForgetCheckpoints(const TopicPartition& partition);

  std::mutex checkpoints_mutex_;                                     // one writer per file (LOG-53); guards these three
  OffsetCheckpoint recovery_points_, log_starts_, high_watermarks_;  // as the files say
  absl::flat_hash_map<TopicPartition, std::unique_ptr<PartitionLog>> logs_;
};

// What the owner of a log publishes about it.
LogOffsets OffsetsOf(const PartitionLog& log);

}  // namespace slipstream
