#include "log/state/state_registry.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <tuple>

#include "log/check.h"
#include "log/state/state_codec.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kKeyBytesMax = 64 << 10;
constexpr char kReservedName[] = "default";  // RocksDB's own column family

absl::Status CheckChange(const StateSpec& spec, const std::string& key, const StateBatch::Change& change) {
  using Operation = StateBatch::Operation;
  if (key.empty() || key.size() > kKeyBytesMax)
    return absl::InvalidArgumentError(absl::StrCat("a key of ", key.size(), " bytes, must be 1 to ", kKeyBytesMax));
  if (change.value.expires_at < kNeverExpires)
    return absl::InvalidArgumentError(absl::StrCat("an expiry at ", change.value.expires_at.value, " ms"));
  if (change.operation == Operation::kAppend && spec.kind != StateKind::kList)
    return absl::InvalidArgumentError(absl::StrCat("an append to a ", StateKindName(spec.kind)));
  if (change.operation == Operation::kDelete || spec.kind != StateKind::kOffsetCheckpoint) return absl::OkStatus();
  if (change.value.expires_at != kNeverExpires)
    return absl::InvalidArgumentError("an entry of a checkpoint file cannot expire");
  return ReadOffsetCheckpointEntry(key, change.value.bytes).status();
}

}  // namespace

absl::StatusOr<std::optional<StateId>> StateRegistry::Find(const StateSpec& spec) const {
  SLIP_RETURN_IF_ERROR(ValidateStateName(spec.name));
  const auto found = by_name_.find(spec.name);
  if (found == by_name_.end()) return std::nullopt;
  const StateKind kind = this->spec(found->second).kind;
  if (kind != spec.kind)
    return absl::FailedPreconditionError(
        absl::StrCat("state ", spec.name, " is a ", StateKindName(kind), ", not a ", StateKindName(spec.kind)));
  return found->second;
}

StateId StateRegistry::Add(const StateSpec& spec) {
  const StateId id{static_cast<int32_t>(specs_.size())};
  SLIP_CHECK(by_name_.emplace(spec.name, id).second);
  specs_.push_back(spec);
  return id;
}

absl::Status StateRegistry::CheckId(StateId state) const {
  if (state.value >= 0 && static_cast<size_t>(state.value) < specs_.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("state id ", state.value, " of ", specs_.size()));
}

absl::Status StateRegistry::CheckBatch(const StateBatch& batch) const {
  for (const auto& [at, change] : batch.changes()) {
    SLIP_RETURN_IF_ERROR(CheckId(at.state));
    const StateSpec& spec = this->spec(at.state);
    SLIP_RETURN_IF_ERROR(Annotate(CheckChange(spec, at.key, change), absl::StrCat("state ", spec.name)));
  }
  return absl::OkStatus();
}

absl::Status ValidateStateName(const std::string& name) {
  SLIP_RETURN_IF_ERROR(Annotate(ValidateTopicName(name), absl::StrCat("state '", name, "'")));
  if (name == kReservedName)
    return absl::InvalidArgumentError(absl::StrCat("state '", name, "': the name is reserved"));
  return absl::OkStatus();
}

absl::StatusOr<OffsetCheckpointEntry> ReadOffsetCheckpointEntry(absl::string_view key, absl::string_view value) {
  const auto log_dir_and_partition = DecodeState<std::string, TopicPartition>(key);
  if (!log_dir_and_partition)
    return absl::InvalidArgumentError(absl::StrCat("key ", absl::CHexEscape(key), " is not log dir and partition"));
  const auto& [log_dir, partition] = *log_dir_and_partition;
  const auto offset = DecodeState<Offset>(value);
  if (!offset) return absl::InvalidArgumentError(absl::StrCat("value ", absl::CHexEscape(value), " is not an offset"));
  SLIP_RETURN_IF_ERROR(ValidateTopicName(partition.topic));
  if (partition.partition < 0 || std::get<0>(*offset) < Offset{0})
    return absl::InvalidArgumentError(
        absl::StrCat(partition.ToString(), " with offset ", std::get<0>(*offset).value, " is below zero"));
  return OffsetCheckpointEntry{log_dir, partition, std::get<0>(*offset)};
}

}  // namespace slipstream
