#include "log/state/caching_backend.h"

#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kOverheadBytes = 64;  // list node and hash slot, beside the Entry itself

}  // namespace

size_t CachingBackend::Entry::bytes() const {
  return kOverheadBytes + sizeof(Entry) + at.key.size() + value.bytes.size();
}

CachingBackend::CachingBackend(std::unique_ptr<StateBackend> inner, size_t bytes_max)
    : inner_(std::move(inner)), bytes_max_(bytes_max) {}

absl::StatusOr<std::optional<StateValue>> CachingBackend::Get(StateId state, absl::string_view key) {
  const auto found = places_.find({state.value, key});
  if (found != places_.end()) {
    const Entries::iterator entry = found->second;
    ++hits_;
    if (HasExpired(entry->value.expires_at, Now())) {
      Forget(found->first);
      return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->value;
  }
  ++misses_;
  SLIP_ASSIGN_OR_RETURN(std::optional<StateValue> value, inner_->Get(state, key));
  if (value) Keep({state, std::string(key)}, *value);
  return value;
}

absl::Status CachingBackend::Apply(const StateBatch& batch) {
  const absl::Status applied = inner_->Apply(batch);
  for (const auto& [at, change] : batch.changes()) {
    // An Append is left to the next Get; after an error the old value may not be what the disk has.
    if (applied.ok() && change.operation == StateBatch::Operation::kPut)
      Keep(at, change.value);
    else
      Forget({at.state.value, at.key});
  }
  return applied;
}

absl::Status CachingBackend::Restore(const std::filesystem::path& directory) {
  Clear();
  return inner_->Restore(directory);
}

void CachingBackend::Keep(StateBatch::Key at, StateValue value) {
  Forget({at.state.value, at.key});
  Entry entry{std::move(at), std::move(value)};
  if (entry.bytes() > bytes_max_) return;
  while (bytes_held_ + entry.bytes() > bytes_max_) Forget({entries_.back().at.state.value, entries_.back().at.key});
  bytes_held_ += entry.bytes();
  entries_.push_front(std::move(entry));
  places_[{entries_.front().at.state.value, entries_.front().at.key}] = entries_.begin();
}

void CachingBackend::Forget(Place place) {
  const auto found = places_.find(place);
  if (found == places_.end()) return;
  const Entries::iterator entry = found->second;
  bytes_held_ -= entry->bytes();
  places_.erase(found);  // before the key it points into
  entries_.erase(entry);
}

void CachingBackend::Clear() {
  places_.clear();
  entries_.clear();
  bytes_held_ = 0;
}

}  // namespace slipstream
