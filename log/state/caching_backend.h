// Keeps what was read or written last in memory, in front of a backend for which a read is dear. Writes go through.
// Only Get is answered from it. Belongs to the backend's thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "log/state/state_backend.h"

namespace slipstream {

class CachingBackend final : public StateBackend {
 public:
  // Holds at most `bytes_max`, counting keys, values and what keeping them costs; the least recently used go first.
  CachingBackend(std::unique_ptr<StateBackend> inner, size_t bytes_max);

  absl::StatusOr<StateId> OpenState(const StateSpec& spec) override { return inner_->OpenState(spec); }
  absl::StatusOr<std::optional<StateValue>> Get(StateId state, absl::string_view key) override;
  absl::Status Scan(StateId state, absl::string_view prefix, StateVisitor visit) override {
    return inner_->Scan(state, prefix, visit);
  }
  absl::Status Apply(const StateBatch& batch) override;
  absl::StatusOr<std::unique_ptr<StateSnapshot>> BeginSnapshot(const std::filesystem::path& directory) override {
    return inner_->BeginSnapshot(directory);
  }
  absl::Status Restore(const std::filesystem::path& directory) override;
  Timestamp Now() const override { return inner_->Now(); }

  size_t bytes_held() const { return bytes_held_; }
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }

 private:
  struct Entry {
    StateBatch::Key at;
    StateValue value;
    size_t bytes() const;
  };
  using Entries = std::list<Entry>;
  using Place = std::pair<int32_t, absl::string_view>;  // state and key, the latter inside its Entry

  void Keep(StateBatch::Key at, StateValue value);
  void Forget(Place place);
  void Clear();

  const std::unique_ptr<StateBackend> inner_;
  const size_t bytes_max_;
  Entries entries_;  // the most recently used first
  absl::flat_hash_map<Place, Entries::iterator> places_;
  size_t bytes_held_ = 0;
  uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace slipstream
