// The log directories of a broker or a copy, and the partitions in them: where a new partition goes, which directory
// has which, what happens when a disk fails. One per process; used by the thread that made it, except where noted.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/log_directory.h"

namespace slipstream {

struct LogManagerConfig {
  std::vector<std::filesystem::path> log_dirs;  // at least one, no two the same
  LogConfig log;
  int32_t num_recovery_threads = 2;  // num.recovery.threads.per.data.dir, >= 1
  int32_t num_sync_threads = 32;     // of each log dir, >= 1
  std::string cluster_id;            // as LogDirectoryConfig's
  std::optional<int32_t> node_id;
  Clock* clock = &SystemClock();  // outlives the LogManager
  LoadWatch on_loaded;            // may be empty; of several log dirs at once
};

class LogManager {
 public:
  struct OfflineDirectory {
    std::filesystem::path path;
    absl::Status cause;
  };

  // Opens all directories, each on a thread of its own. One whose disk fails stays out (offline_directories()); no
  // directory left, a lock that another process holds, directories of different clusters or nodes, and a partition that
  // lies in two of them are errors (LOG-36, LOG-55, LOG-57). Blocking.
  static absl::StatusOr<std::unique_ptr<LogManager>> Open(FileIo& io, const LogManagerConfig& config);

  // Says whose copy this is. Directories without partitions take the cluster's id; ones that hold another cluster's are
  // refused (kFailedPrecondition), lest two clusters mix.
  absl::Status BelongToCluster(const std::string& cluster_id);

  std::vector<TopicPartition> partitions() const;  // with a current log, sorted
  // The log of a partition, created when absent, unless there is a future one that has only to take its place: where
  // its directory is already, made without a log by an earlier try, else in the log dir that holds the fewest.
  // Ownership of its use goes to the caller's thread; the LogManager keeps the object alive until Close. kUnavailable
  // for a partition that is not there while a directory is offline: it may be in that one.
  absl::StatusOr<PartitionLog*> GetOrCreate(const TopicPartition& partition, Uuid topic_id);
  // Makes those that are in no log dir, many at once: each where its directory is already, or where it is to lie, if
  // that is one of ours, or as GetOrCreate does. One that cannot be made is left out: GetOrCreate tells why.
  void CreateMissing(const std::vector<NewLog>& wanted);
  PartitionLog* Find(const TopicPartition& partition);
  // Takes the partition's directory out of use; Maintain removes it (LOG-59). REQUIRES: no thread uses the log.
  absl::Status Delete(const TopicPartition& partition);

  // A second log of the partition, in `log_dir`, that is to take its place (KIP-113). Until it does, or until Close, no
  // checkpoint speaks of it: a crash has all of it scanned. kNotFound for a directory that is not ours,
  // the cause when the current log's is offline, kFailedPrecondition when the partition lives there already.
  absl::StatusOr<PartitionLog*> GetOrCreateFuture(const TopicPartition& partition,
                                                  const std::filesystem::path& log_dir);
  PartitionLog* FindFuture(const TopicPartition& partition);
  std::vector<std::pair<TopicPartition, std::filesystem::path>> futures() const;  // and the log dirs they are in
  // The future log becomes the current one, with the marks of the former one, which goes.
  // REQUIRES: no thread uses either log; the future one has all of the current one's records. Returns the log under its
  // new name: the old pointers are gone.
  absl::StatusOr<PartitionLog*> PromoteFuture(const TopicPartition& partition);
  absl::Status DeleteFuture(const TopicPartition& partition);

  // Rewrites the checkpoint files of each directory from what the owners published, where they changed. A directory
  // that fails goes offline, which is an error only when none is left; kResourceExhausted: one that goes on had no room
  // or descriptor, and its files are as they were. `published` is asked for each directory once it is this call's turn
  // there, so that offsets read before another thread lowered them are not written after it. Any thread.
  absl::Status WriteCheckpoints(const std::function<std::vector<LogOffsets>()>& published);
  absl::Status WriteCheckpoints(const std::vector<LogOffsets>& offsets);

  // For what a role of this process keeps beside the partitions of a log dir: an error of the disk takes that directory
  // offline. REQUIRES: `log_dir` could be opened.
  FileIo& io(const std::filesystem::path& log_dir);

  // To be called from time to time: removes what Delete set aside (file.delete.delay.ms). Blocking.
  void Maintain(Timestamp now);

  // REQUIRES: no other thread uses a log any more. Closes every log and directory, as LogDirectory::Close; returns the
  // first error of a directory that was not offline before.
  absl::Status Close();

  std::vector<OfflineDirectory> offline_directories() const;
  bool any_online() const;
  bool IsOffline(const TopicPartition& partition);  // lies in a directory that is
  std::vector<std::string> LoadNotices() const;
  const std::string& cluster_id() const;
  // Where the partition lies; empty: in no log dir.
  std::filesystem::path log_dir(const TopicPartition& partition);

 private:
  LogManager() = default;

  absl::Status OpenAll(FileIo& io, const LogManagerConfig& config);
  absl::Status CheckThatTheyBelongTogether();
  absl::Status FinishMoves();
  LogDirectory* OnlineAt(const std::filesystem::path& log_dir);  // nullptr: none
  LogDirectory* DirectoryOf(const TopicPartition& partition);
  std::vector<LogOffsets> OfThoseIn(const LogDirectory& directory, std::vector<LogOffsets> offsets);
  void SetHome(const TopicPartition& partition, LogDirectory* directory);  // nullptr: it has none any more
  LogDirectory* DirectoryOfFuture(const TopicPartition& partition);
  LogDirectory* FurthestFuture(const TopicPartition& partition);
  absl::Status DeleteFutures(const TopicPartition& partition, const LogDirectory* but);  // nullptr: all
  using Placed = std::map<LogDirectory*, std::vector<NewLog>>;                           // where they are to be made
  // For a log that is in none: where its directory is already, or `wish`, if that is one of ours, or the least loaded;
  // nullptr: all are offline.
  LogDirectory* PlaceFor(const TopicPartition& partition, const std::filesystem::path& wish, const Placed& placed);
  LogDirectory* LeastLoaded(const Placed& placed);

  std::vector<std::unique_ptr<LogDirectory>> directories_;  // those that could be opened
  std::vector<OfflineDirectory> never_opened_;
  // Changed by the owner's thread only, under the mutex; read by others under the mutex.
  absl::flat_hash_map<TopicPartition, LogDirectory*> homes_;
  std::mutex homes_mutex_;
};

}  // namespace slipstream
