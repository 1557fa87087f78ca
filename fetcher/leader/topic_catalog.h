// The topics that this process leads, by name and by id: all that its log dir holds.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fetcher/leader/hosted_partition.h"
#include "log/io/file_io.h"
#include "log/log_manager.h"
#include "log/uuid.h"

namespace slipstream {

struct HostedTopic {
  std::string name;
  Uuid id;
  std::map<int32_t, std::unique_ptr<HostedPartition>> partitions;  // by number; a copied log dir may lack some

  HostedPartition* Find(int32_t partition) const;  // nullptr: not here
};

class TopicCatalog {
 public:
  // In the log dir: the largest leader epoch given, for logs do not keep one in which nothing was written, or whose
  // records a power cut took.
  static constexpr char kEpochFile[] = "slipstream-leader-epoch";

  // Takes what `logs` found in `log_dir`. Topics without an id get one. kFailedPrecondition when two partitions of a
  // topic have different ids. `logs` and `io` outlive the catalog.
  static absl::StatusOr<std::unique_ptr<TopicCatalog>> Open(LogManager& logs, FileIo& io,
                                                            std::filesystem::path log_dir);

  // Begins a leader epoch for every partition, one above all that any of them had when the catalog was opened.
  absl::Status ElectAll();
  // Begins the next leader epoch of a partition of this catalog, as if its leader had been elected again.
  absl::Status ElectNext(HostedPartition& partition);
  // A new topic with partitions 0 to `partitions` - 1, in epoch 0. REQUIRES: a valid name that is not taken, partitions
  // > 0. After an error, of the disk most likely, what was made is taken back, so that another attempt may succeed.
  absl::StatusOr<HostedTopic*> Create(const std::string& name, int32_t partitions);

  HostedTopic* Find(absl::string_view name);
  HostedTopic* Find(const Uuid& id);
  const std::map<std::string, std::unique_ptr<HostedTopic>, std::less<>>& topics() const { return topics_; }
  const std::string& cluster_id() const { return logs_.cluster_id(); }
  std::vector<LogOffsets> Offsets() const;  // for the checkpoints

 private:
  TopicCatalog(LogManager& logs, FileIo& io, std::filesystem::path log_dir)
      : logs_(logs), io_(io), log_dir_(std::move(log_dir)) {}
  absl::Status Adopt(const TopicPartition& partition);
  absl::Status AssignIds();
  absl::Status ReadEpochFile();
  absl::Status NoteEpoch(LeaderEpoch epoch);
  absl::Status Elect(const std::vector<HostedPartition*>& partitions, LeaderEpoch epoch);
  absl::Status Make(HostedTopic& topic, int32_t partitions);
  absl::Status TakeBack(const TopicPartition& partition);

  LogManager& logs_;
  FileIo& io_;
  std::filesystem::path log_dir_;
  LeaderEpoch largest_epoch_;  // known of; -1: none yet
  std::map<std::string, std::unique_ptr<HostedTopic>, std::less<>> topics_;
  absl::flat_hash_map<Uuid, HostedTopic*> by_id_;
};

}  // namespace slipstream
