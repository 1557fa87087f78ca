// The states that a backend holds, and what all backends ask of a batch before they touch anything. Plain data.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "log/state/state_backend.h"
#include "log/topic_partition.h"

namespace slipstream {

class StateRegistry {
 public:
  // nullopt: not there yet. Errors: not a name, or another kind than that state has.
  absl::StatusOr<std::optional<StateId>> Find(const StateSpec& spec) const;
  // REQUIRES: Find gives nullopt.
  StateId Add(const StateSpec& spec);

  const std::vector<StateSpec>& specs() const { return specs_; }  // by StateId
  const StateSpec& spec(StateId state) const { return specs_[static_cast<size_t>(state.value)]; }

  // kInvalidArgument when no state has this id.
  absl::Status CheckId(StateId state) const;
  // Every change is one that its state can take; the error names the first that is not.
  absl::Status CheckBatch(const StateBatch& batch) const;

 private:
  std::vector<StateSpec> specs_;
  absl::flat_hash_map<std::string, StateId> by_name_;
};

// Whether a state may be called so: as topics are, and not what RocksDB calls its own column family.
absl::Status ValidateStateName(const std::string& name);

// An entry of a StateKind::kOffsetCheckpoint state, as typed handles encode it.
struct OffsetCheckpointEntry {
  std::string log_dir;
  TopicPartition partition;
  Offset offset;
};
// kInvalidArgument: no such entry, or one that Kafka's file cannot hold.
absl::StatusOr<OffsetCheckpointEntry> ReadOffsetCheckpointEntry(absl::string_view key, absl::string_view value);

}  // namespace slipstream
