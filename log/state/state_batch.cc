#include "log/state/state_batch.h"

#include <utility>

namespace slipstream {

void StateBatch::Put(StateId state, std::string key, StateValue value) {
  changes_[{state, std::move(key)}] = {Operation::kPut, std::move(value)};
}

void StateBatch::Append(StateId state, std::string key, StateValue value) {
  const auto [at, is_new] = changes_.try_emplace({state, std::move(key)}, Operation::kAppend, StateValue{});
  Change& change = at->second;
  if (change.operation == Operation::kDelete) change = {Operation::kPut, {}};  // behind nothing
  change.value.bytes += value.bytes;
  change.value.expires_at = value.expires_at;
}

void StateBatch::Delete(StateId state, std::string key) {
  changes_[{state, std::move(key)}] = {Operation::kDelete, {}};
}

}  // namespace slipstream
