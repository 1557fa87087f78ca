#include "log/state/state_backend.h"

#include "log/status.h"

namespace slipstream {

absl::string_view StateKindName(StateKind kind) {
  switch (kind) {
    case StateKind::kValue: return "value";
    case StateKind::kList: return "list";
    case StateKind::kMap: return "map";
    case StateKind::kOffsetCheckpoint: return "offset checkpoint";
  }
  return "unknown";
}

absl::Status StateBackend::Snapshot(const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<StateSnapshot> snapshot, BeginSnapshot(directory));
  return snapshot->Finish();
}

}  // namespace slipstream
