// The partitions of a log dir, only ever read: takes no lock and repairs nothing, so another process may be using it.
#pragma once

#include <filesystem>

#include "log/checkpoint_file.h"
#include "log/io/file_io.h"
#include "tool/batch_source.h"

namespace slipstream {

class LogDirSource final : public BatchSource {
 public:
  // Lists the partitions, at least one. Errors carry ExitCode::kCannotStart and name the path. `io` outlives this.
  static absl::StatusOr<std::unique_ptr<BatchSource>> Open(FileIo& io, std::filesystem::path directory);

  const std::string& name() const override { return directory_.native(); }
  const std::vector<TopicPartition>& partitions() const override { return partitions_; }
  // What a crash left torn at the end counts as not there: the partition ends after its last whole valid batch.
  absl::StatusOr<std::unique_ptr<BatchStream>> Open(const TopicPartition& partition) override;

 private:
  LogDirSource(FileIo& io, std::filesystem::path directory) : io_(io), directory_(std::move(directory)) {}

  FileIo& io_;
  const std::filesystem::path directory_;
  std::vector<TopicPartition> partitions_;
  std::vector<std::byte> buffer_;  // of the one open stream
};

}  // namespace slipstream
