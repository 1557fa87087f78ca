// The partitions of a node's log dirs, only ever read: takes no lock and repairs nothing, so another process may be
// using them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "log/checkpoint_file.h"
#include "log/io/file_io.h"
#include "tool/batch_source.h"

namespace slipstream {

class LogDirSource final : public BatchSource {
 public:
  // `log_dirs`: one, or several separated by commas, as Kafka's log.dirs; together they hold at least one partition,
  // and none twice. Errors carry ExitCode::kCannotStart and name the path. `io` outlives this.
  static absl::StatusOr<std::unique_ptr<BatchSource>> Open(FileIo& io, const std::string& log_dirs);

  const std::string& name() const override { return name_; }
  const std::vector<TopicPartition>& partitions() const override { return partitions_; }
  // What a crash left torn at the end counts as not there: the partition ends after its last whole valid batch.
  absl::StatusOr<std::unique_ptr<BatchStream>> Open(const TopicPartition& partition) override;

 private:
  LogDirSource(FileIo& io, std::string name) : io_(io), name_(std::move(name)) {}

  absl::Status AddPartitionsOf(const std::filesystem::path& log_dir);

  FileIo& io_;
  const std::string name_;
  std::map<TopicPartition, std::filesystem::path> log_dirs_;  // of each partition
  std::vector<TopicPartition> partitions_;
  std::vector<std::byte> buffer_;  // of the one open stream
};

}  // namespace slipstream
