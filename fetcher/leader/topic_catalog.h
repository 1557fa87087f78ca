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
  // Takes what `logs` found on disk. Topics without an id get one. kFailedPrecondition when two partitions of a topic
  // have different ids. `epoch_file` keeps the last term, for logs do not keep one in which nothing was written. `logs`
  // and `io` outlive the catalog.
  static absl::StatusOr<std::unique_ptr<TopicCatalog>> Open(LogManager& logs, FileIo& io,
                                                            std::filesystem::path epoch_file);

  // Begins a term for every partition, one above all terms that any of them had when the catalog was opened.
  absl::Status ElectAll();
  // A new topic with partitions 0 to `partitions` - 1, in epoch 0. REQUIRES: a valid name that is not taken, partitions
  // > 0. After an error some partitions may be there; the topic is not served.
  absl::StatusOr<HostedTopic*> Create(const std::string& name, int32_t partitions);

  HostedTopic* Find(absl::string_view name);
  HostedTopic* Find(const Uuid& id);
  const std::map<std::string, std::unique_ptr<HostedTopic>, std::less<>>& topics() const { return topics_; }
  const std::string& cluster_id() const { return logs_.cluster_id(); }
  std::vector<LogOffsets> Offsets() const;  // for the checkpoints

 private:
  TopicCatalog(LogManager& logs, FileIo& io, std::filesystem::path epoch_file)
      : logs_(logs), io_(io), epoch_file_(std::move(epoch_file)) {}
  absl::Status Adopt(const TopicPartition& partition);
  absl::Status AssignIds();
  absl::Status ReadEpochFile();

  LogManager& logs_;
  FileIo& io_;
  std::filesystem::path epoch_file_;
  LeaderEpoch largest_epoch_;  // of any term known of; -1: none yet
  std::map<std::string, std::unique_ptr<HostedTopic>, std::less<>> topics_;
  absl::flat_hash_map<Uuid, HostedTopic*> by_id_;
};

}  // namespace slipstream
