// All state in memory, lost with the process but for its snapshots. An offset checkpoint lives in the log dirs: opening
// it reads Kafka's file of its name in each of them, a snapshot writes all of them, so a Kafka broker can boot from
// what we leave and we from what it left. The other states go into one file of the snapshot's directory
// (log/state/heap_snapshot.h), so that a snapshot is as atomic over them as a batch is. Each file is replaced whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/io/file_io.h"
#include "log/state/heap_snapshot.h"
#include "log/state/state_backend.h"
#include "log/state/state_registry.h"

namespace slipstream {

struct HeapBackendOptions {
  StateClock clock;
  // The namespaces that an offset checkpoint may have, written as here.
  std::vector<std::filesystem::path> log_dirs;
};

class HeapBackend final : public StateBackend {
 public:
  HeapBackend(FileIo& io, HeapBackendOptions options);  // `io` outlives this and its snapshots

  // For an offset checkpoint also: kDataLoss names the file that Kafka could not read either.
  absl::StatusOr<StateId> OpenState(const StateSpec& spec) override;
  absl::StatusOr<std::optional<StateValue>> Get(StateId state, absl::string_view key) override;
  absl::Status Scan(StateId state, absl::string_view prefix, StateVisitor visit) override;
  absl::Status Apply(const StateBatch& batch) override;
  // With nothing but offset checkpoints open, `directory` is not touched.
  absl::StatusOr<std::unique_ptr<StateSnapshot>> BeginSnapshot(const std::filesystem::path& directory) override;
  absl::Status Restore(const std::filesystem::path& directory) override;
  Timestamp Now() const override { return options_.clock(); }

  size_t entries_held() const;  // expired ones that are still in memory included

 private:
  struct Column {
    HeapEntries entries;
    size_t sweep_at = 0;  // with as many entries, expired ones are looked for
  };
  Column& column(StateId state) { return columns_[static_cast<size_t>(state.value)]; }
  bool HasOnlyCheckpoints() const;
  absl::Status CheckLogDirs(const StateBatch& batch) const;
  absl::StatusOr<HeapEntries> ReadCheckpoints(const std::string& name);
  void SweepIfGrown(Column& column);

  FileIo& io_;
  HeapBackendOptions options_;
  StateRegistry registry_;
  std::vector<Column> columns_;  // by StateId
};

}  // namespace slipstream
