// Counts and times what is asked of a backend, state by state. Belongs to the backend's thread; what it counts may be
// read on any.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "log/state/state_backend.h"

namespace slipstream {

// Each number by itself is exact and only grows; between two of them a reader may catch an operation half counted.
struct StateOperationMetrics {
  std::atomic<uint64_t> count = 0, errors = 0;  // all, and those of them that failed
  std::atomic<uint64_t> nanoseconds = 0;        // of all together
};

struct StateMetrics {
  StateOperationMetrics get, scan;            // a scan's time includes its visitor's
  StateOperationMetrics apply;                // batches with a change of this state; each state counts all of its time
  std::atomic<uint64_t> found = 0;            // gets that gave a value
  std::atomic<uint64_t> entries_visited = 0;  // by scans
  std::atomic<uint64_t> puts = 0, appends = 0, deletes = 0;  // in batches that were applied
};

struct SnapshotMetrics {
  StateOperationMetrics begin, restore;  // Finish belongs to no thread of ours
};

class MeteredBackend final : public StateBackend {
 public:
  using StopClock = std::function<std::chrono::nanoseconds()>;  // never goes back

  MeteredBackend(std::unique_ptr<StateBackend> inner, StopClock clock);

  // The numbers of a state that was opened through this, nullptr of others. They last as long as the backend.
  const StateMetrics* metrics(StateId state) const;
  const SnapshotMetrics& snapshot_metrics() const { return snapshots_; }

  absl::StatusOr<StateId> OpenState(const StateSpec& spec) override;
  absl::StatusOr<std::optional<StateValue>> Get(StateId state, absl::string_view key) override;
  absl::Status Scan(StateId state, absl::string_view prefix, StateVisitor visit) override;
  absl::Status Apply(const StateBatch& batch) override;
  absl::StatusOr<std::unique_ptr<StateSnapshot>> BeginSnapshot(const std::filesystem::path& directory) override;
  absl::Status Restore(const std::filesystem::path& directory) override;
  Timestamp Now() const override { return inner_->Now(); }

 private:
  StateMetrics& Of(StateId state);

  const std::unique_ptr<StateBackend> inner_;
  const StopClock clock_;
  absl::flat_hash_map<int32_t, std::unique_ptr<StateMetrics>> by_state_;
  StateMetrics unopened_;  // what is counted for ids that OpenState has not given
  SnapshotMetrics snapshots_;
};

}  // namespace slipstream
