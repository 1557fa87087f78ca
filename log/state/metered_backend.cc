#include "log/state/metered_backend.h"

#include <utility>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {
namespace {

// One writer: no need to lock the bus for it.
void Add(std::atomic<uint64_t>& number, uint64_t amount) {
  number.store(number.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

void Count(StateOperationMetrics& operation, bool ok, std::chrono::nanoseconds took) {
  Add(operation.count, 1);
  if (!ok) Add(operation.errors, 1);
  Add(operation.nanoseconds, static_cast<uint64_t>(took.count()));
}

}  // namespace

MeteredBackend::MeteredBackend(std::unique_ptr<StateBackend> inner, StopClock clock)
    : inner_(std::move(inner)), clock_(std::move(clock)) {
  SLIP_CHECK(clock_ != nullptr);
}

const StateMetrics* MeteredBackend::metrics(StateId state) const {
  const auto found = by_state_.find(state.value);
  return found == by_state_.end() ? nullptr : found->second.get();
}

StateMetrics& MeteredBackend::Of(StateId state) {
  const auto found = by_state_.find(state.value);
  return found == by_state_.end() ? unopened_ : *found->second;
}

absl::StatusOr<StateId> MeteredBackend::OpenState(const StateSpec& spec) {
  SLIP_ASSIGN_OR_RETURN(const StateId state, inner_->OpenState(spec));
  std::unique_ptr<StateMetrics>& metrics = by_state_[state.value];
  if (metrics == nullptr) metrics = std::make_unique<StateMetrics>();
  return state;
}

absl::StatusOr<std::optional<StateValue>> MeteredBackend::Get(StateId state, absl::string_view key) {
  StateMetrics& metrics = Of(state);
  const auto began = clock_();
  absl::StatusOr<std::optional<StateValue>> value = inner_->Get(state, key);
  Count(metrics.get, value.ok(), clock_() - began);
  if (value.ok() && *value) Add(metrics.found, 1);
  return value;
}

absl::Status MeteredBackend::Scan(StateId state, absl::string_view prefix, StateVisitor visit) {
  StateMetrics& metrics = Of(state);
  const auto began = clock_();
  const absl::Status scanned = inner_->Scan(state, prefix, [&](absl::string_view key, absl::string_view value) {
    Add(metrics.entries_visited, 1);
    return visit(key, value);
  });
  Count(metrics.scan, scanned.ok(), clock_() - began);
  return scanned;
}

absl::Status MeteredBackend::Apply(const StateBatch& batch) {
  const auto began = clock_();
  const absl::Status applied = inner_->Apply(batch);
  const auto took = clock_() - began;
  StateId counted;
  for (const auto& [at, change] : batch.changes()) {
    StateMetrics& metrics = Of(at.state);
    if (at.state != counted) Count(metrics.apply, applied.ok(), took);  // changes are in the order of states
    counted = at.state;
    if (!applied.ok()) continue;
    switch (change.operation) {
      case StateBatch::Operation::kPut: Add(metrics.puts, 1); break;
      case StateBatch::Operation::kAppend: Add(metrics.appends, 1); break;
      case StateBatch::Operation::kDelete: Add(metrics.deletes, 1); break;
    }
  }
  return applied;
}

absl::StatusOr<std::unique_ptr<StateSnapshot>> MeteredBackend::BeginSnapshot(const std::filesystem::path& directory) {
  const auto began = clock_();
  absl::StatusOr<std::unique_ptr<StateSnapshot>> snapshot = inner_->BeginSnapshot(directory);
  Count(snapshots_.begin, snapshot.ok(), clock_() - began);
  return snapshot;
}

absl::Status MeteredBackend::Restore(const std::filesystem::path& directory) {
  const auto began = clock_();
  const absl::Status restored = inner_->Restore(directory);
  Count(snapshots_.restore, restored.ok(), clock_() - began);
  return restored;
}

}  // namespace slipstream
