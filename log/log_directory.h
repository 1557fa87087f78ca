// One log directory and the partitions in it: locks it, recovers it, opens and creates logs, writes the checkpoints
// that say where the next start may begin. Belongs to the LogManager; used by its thread, except where noted.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "log/checkpoint_file.h"
#include "log/clock.h"
#include "log/directory_health.h"
#include "log/directory_io.h"
#include "log/directory_lock.h"
#include "log/log_offsets.h"
#include "log/new_logs.h"
#include "log/partition_log.h"

namespace slipstream {

struct LoadProgress {
  const std::filesystem::path& log_dir;
  size_t loaded, partitions;  // so many of so many
};
// Told of each partition that is loaded, on any thread, of a log dir one at a time. An error ends an opening that has
// to recover, with that error: what was not loaded is as it was. A clean one is over soon, and an end in the middle
// would cost the next start a recovery.
using LoadWatch = std::function<absl::Status(const LoadProgress&)>;

struct LogDirectoryConfig {
  std::filesystem::path log_dir;
  LogConfig log;
  int32_t num_recovery_threads = 2;  // num.recovery.threads.per.data.dir
  int32_t num_sync_threads = 32;     // make and close logs: they wait for fsyncs, which a disk takes many of at once
  std::string cluster_id;            // "" : take what meta.properties says, or write a new one
  // nullopt: as cluster_id; a new directory gets 1.
  std::optional<int32_t> node_id;
  Clock* clock = &SystemClock();  // outlives the LogDirectory
  LoadWatch on_loaded;            // may be empty
};

class LogDirectory {
 public:
  // Takes the directory's .lock (kFailedPrecondition, "in use by another process"), removes the clean-shutdown mark,
  // reads checkpoints, recovers every partition on num_recovery_threads threads. Blocking.
  static absl::StatusOr<std::unique_ptr<LogDirectory>> Open(FileIo& io, const LogDirectoryConfig& config);
  ~LogDirectory();

  // Says whose copy this is. A directory without partitions takes the cluster's id; one that holds another cluster's is
  // refused (kFailedPrecondition), lest two clusters mix.
  absl::Status BelongToCluster(const std::string& cluster_id);
  absl::Status MayBelongToCluster(const std::string& cluster_id) const;  // its error, and nothing is changed

  // Partitions with a current log, sorted.
  std::vector<TopicPartition> partitions() const;
  // The log of a partition, created when absent. Ownership of its use goes to the caller's thread; the LogDirectory
  // keeps the object alive until Close.
  absl::StatusOr<PartitionLog*> GetOrCreate(const TopicPartition& partition, Uuid topic_id);
  // Makes those that are not there, many at once. One that cannot be made is left out: GetOrCreate tells why.
  void CreateMissing(const std::vector<NewLog>& wanted);
  PartitionLog* Find(const TopicPartition& partition);
  // Its directory is there, whether its log could be opened or not.
  bool HasDirectoryOf(const TopicPartition& partition);
  // Renames the directory to -delete; RemoveDeleted, or the end of the next run, removes it (LOG-59). REQUIRES: no
  // thread uses the log.
  absl::Status Delete(const TopicPartition& partition);

  // Rewrites recovery-point-, log-start-, replication- and cleaner-offset-checkpoint from what the owners published,
  // each only when it changed. Any thread may call it, and own the logs meanwhile: nothing of them is read here.
  // `published` is asked once it is this call's turn.
  absl::Status WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published);
  absl::Status WriteCheckpoints(const std::vector<LogOffsets>& offsets);

  // REQUIRES: no other thread uses a log any more. Closes every log, writes checkpoints, the clean-shutdown mark last
  // (only if all closed well), removes what earlier runs set aside, releases the lock. Offline: lets go of everything
  // as it is, and returns the cause.
  absl::Status Close();

  // Removes what Delete set aside `file_delete_delay` ago. Blocking.
  absl::Status RemoveDeleted(Timestamp now);

  // The log that will take the place of the partition's once it has caught up with it, from another log dir (LOG-34,
  // KIP-113): created when absent. What checkpoints said of it is forgotten.
  absl::StatusOr<PartitionLog*> GetOrCreateFuture(const TopicPartition& partition, Uuid topic_id);
  PartitionLog* FindFuture(const TopicPartition& partition);
  std::vector<TopicPartition> future_partitions() const;
  // The future log becomes the partition's. REQUIRES: there is a future log and no current one here; no thread uses it.
  absl::StatusOr<PartitionLog*> PromoteFuture(const TopicPartition& partition);
  absl::Status DeleteFuture(const TopicPartition& partition);

  const std::filesystem::path& path() const { return config_.log_dir; }
  size_t partition_count() const { return logs_.size() + futures_.size(); }
  bool HoldsLogs() const { return partition_count() > 0; }
  DirectoryHealth& health() { return *health_; }
  FileIo& io() { return io_; }  // for what lies beside the partitions: what fails in it is this directory's failure

  // What a person should know of how the partitions were opened: what recovery took away.
  std::vector<std::string> LoadNotices() const;

  const std::string& cluster_id() const { return cluster_id_; }
  Uuid directory_id() const { return directory_id_; }
  int32_t node_id() const { return node_id_; }

 private:
  LogDirectory(FileIo& io, const LogDirectoryConfig& config);

  absl::Status CheckThatItIsOurs();  // a directory of something else, named by mistake, must stay as it is
  absl::Status TakeOverDirectory();  // lock, meta.properties, clean-shutdown mark, checkpoints
  absl::Status ReadCheckpoints();
  struct Found {
    TopicPartition partition;
    std::string name;  // of its directory
    bool future = false;
  };
  absl::StatusOr<std::vector<Found>> FindPartitions();
  absl::Status LoadAll(const std::vector<Found>& found);
  absl::StatusOr<std::unique_ptr<PartitionLog>> Load(const Found& found);
  LogOpenOptions OptionsFor(const Found& found);
  absl::Status TakeFuture(std::unique_ptr<PartitionLog> future);
  absl::Status RaiseRecoveryPoint(const TopicPartition& partition, Offset offset);
  std::unique_ptr<PartitionLog> TryOpenNew(const NewLog& wanted);
  absl::StatusOr<std::unique_ptr<PartitionLog>> OpenNew(const TopicPartition& partition, const std::string& name);
  absl::Status SetAside(const PartitionLog& log);  // as -delete
  void RemoveFound();
  absl::Status CloseAll();
  std::vector<absl::Status> CloseLogs(const std::vector<PartitionLog*>& logs, size_t threads);

  std::shared_ptr<DirectoryHealth> health_ = std::make_shared<DirectoryHealth>();
  FileIo& disk_;
  DirectoryIo io_;  // over disk_: all but the lock goes through it
  LogDirectoryConfig config_;
  std::unique_ptr<DirectoryLock> lock_;  // nullptr: closed
  // Open all the while: a sync of the file system tells of failed writes since its handle was opened, and no earlier.
  std::unique_ptr<File> handle_;
  bool empty_ = true;  // no partition was there, nor any other directory, when it was opened
  bool clean_start_ = false;
  std::string cluster_id_;
  Uuid directory_id_;
  int32_t node_id_ = 0;
  std::vector<LogOffsets> OffsetsOfAll() const;
  absl::Status ForgetCheckpoints(const std::vector<TopicPartition>& partitions);

  std::mutex checkpoints_mutex_;  // one writer per file (LOG-53); guards these, as the files say
  OffsetCheckpoint recovery_points_, log_starts_, high_watermarks_, first_dirty_offsets_;
  absl::flat_hash_map<TopicPartition, std::unique_ptr<PartitionLog>> logs_, futures_;
  struct DeletedDirectory {
    std::filesystem::path path;
    Timestamp due;       // -1: not decided yet
    bool found = false;  // of an earlier run: goes at the end of this one at the latest
  };
  std::vector<DeletedDirectory> deleted_;  // waiting to leave the disk
};

// Which of two logs of one partition has come further: one of a later leader epoch may end lower, as the log it was
// copied from was cut meanwhile.
std::pair<LeaderEpoch, Offset> ReachOf(const PartitionLog& log);

}  // namespace slipstream
