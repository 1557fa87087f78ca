#include "log/state/state_handle.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

namespace slipstream {

absl::StatusOr<StateHandle> StateHandle::Open(StateBackend& backend, StateSpec spec, StateOptions options) {
  if (options.ttl.count() < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("state ", spec.name, ": ttl is ", options.ttl.count(), " ms, must not be negative"));
  SLIP_ASSIGN_OR_RETURN(const StateId id, backend.OpenState(spec));
  return StateHandle(backend, id, std::move(spec.name), options);
}

absl::Status StateHandle::Undecodable(absl::string_view what, absl::string_view bytes) const {
  return absl::DataLossError(
      absl::StrCat("state ", name_, ": ", what, " '", absl::CHexEscape(bytes), "' is not of the type of its handle"));
}

absl::Status StateHandle::Scan(const std::string& prefix, Visitor visit) const {
  absl::Status status;
  SLIP_RETURN_IF_ERROR(backend_->Scan(id_, prefix, [&](absl::string_view key, absl::string_view value) {
    const absl::StatusOr<bool> more = visit(key.substr(prefix.size()), value);
    status = more.status();
    return more.ok() && *more;
  }));
  return status;
}

void StateHandle::Put(StateBatch& batch, std::string key, std::string value) const {
  batch.Put(id_, std::move(key), {std::move(value), ExpiryOfWrite()});
}

void StateHandle::Append(StateBatch& batch, std::string key, std::string value) const {
  batch.Append(id_, std::move(key), {std::move(value), ExpiryOfWrite()});
}

void StateHandle::Delete(StateBatch& batch, std::string key) const { batch.Delete(id_, std::move(key)); }

Timestamp StateHandle::ExpiryOfWrite() const {
  if (options_.ttl.count() == 0) return kNeverExpires;
  const int64_t now = backend_->Now().value;
  return {now + std::min(options_.ttl.count(), std::numeric_limits<int64_t>::max() - std::max<int64_t>(now, 0))};
}

}  // namespace slipstream
