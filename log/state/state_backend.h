// Where small state lives that is not a log: high watermarks, mirror positions, offset maps, group offsets. This is the
// level of bytes: named states, each an ordered map from key to value. Typed handles over it: log/state/typed_state.h.
// Keys and values are byte strings, held as std::string.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "log/offset.h"
#include "log/state/state_batch.h"

namespace slipstream {

// The time that expiry is held against. RocksDB also asks it on a thread of its own, so it must be callable from any.
using StateClock = std::function<Timestamp()>;

enum class StateKind : int8_t {
  kValue = 0,
  kList = 1,
  kMap = 2,
  // A kValue with partition -> Offset in namespaces that are log dirs. The heap backend keeps it in Kafka's own
  // checkpoint file of the state's name, so the entries are held to what that file can hold, and never expire.
  kOffsetCheckpoint = 3,
};
absl::string_view StateKindName(StateKind kind);

struct StateSpec {
  std::string name;  // 1-249 of [A-Za-z0-9._-]: also the name of a file or column family
  StateKind kind = StateKind::kValue;
  bool operator==(const StateSpec&) const = default;
};

// Called with each key and value, keys rising as bytes; false ends the scan. The views last until it returns; it must
// not call the backend.
using StateVisitor = absl::FunctionRef<bool(absl::string_view key, absl::string_view value)>;

// A snapshot whose content is fixed but not yet in place. Dropped without Finish it leaves nothing behind.
class StateSnapshot {
 public:
  virtual ~StateSnapshot() = default;
  // Puts the content in place, durably; any thread, while the backend is used or even gone. At most once. Whatever ends
  // it, a Restore finds the snapshot that was there before or this one.
  virtual absl::Status Finish() = 0;
};

// Belongs to one thread. Errors: kInvalidArgument our caller's mistake, kDataLoss bytes on disk that are not what was
// written; all name the state or the file.
class StateBackend {
 public:
  virtual ~StateBackend() = default;

  // The state of that name, empty when there was none. The id is good for this backend's life; opened again, the same.
  // kInvalidArgument: not a name. kFailedPrecondition: the state was made as another kind.
  virtual absl::StatusOr<StateId> OpenState(const StateSpec& spec) = 0;

  // nullopt: no such entry, or it has expired: an entry is gone from the moment its expires_at is reached.
  virtual absl::StatusOr<std::optional<StateValue>> Get(StateId state, absl::string_view key) = 0;
  // Visits all entries whose key starts with `prefix`.
  virtual absl::Status Scan(StateId state, absl::string_view prefix, StateVisitor visit) = 0;
  // All changes, over all states, or on error none.
  virtual absl::Status Apply(const StateBatch& batch) = 0;

  // Fixes the content of all states as it is now, for a snapshot in `directory`, replacing one that is there. A
  // directory takes snapshots of one backend, one at a time.
  virtual absl::StatusOr<std::unique_ptr<StateSnapshot>> BeginSnapshot(const std::filesystem::path& directory) = 0;
  // Both halves at once.
  absl::Status Snapshot(const std::filesystem::path& directory);
  // The content becomes exactly that of the snapshot: states that it does not know are empty. On error the content is
  // as before. kNotFound: there is no snapshot in `directory`.
  virtual absl::Status Restore(const std::filesystem::path& directory) = 0;

  virtual Timestamp Now() const = 0;
};

}  // namespace slipstream
