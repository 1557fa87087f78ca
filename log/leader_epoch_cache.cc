#include "log/leader_epoch_cache.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "log/checkpoint_text.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kFields = 2;  // epoch, start offset

// Entries rise in both columns, so both searches may be binary.
auto FirstAbove(const std::vector<EpochStart>& entries, LeaderEpoch epoch) {
  return std::ranges::upper_bound(entries, epoch, {}, &EpochStart::epoch);
}
auto FirstAbove(const std::vector<EpochStart>& entries, Offset offset) {
  return std::ranges::upper_bound(entries, offset, {}, &EpochStart::start_offset);
}

void AssignTo(std::vector<EpochStart>& entries, EpochStart entry) {
  while (!entries.empty() && (entries.back().epoch >= entry.epoch || entries.back().start_offset >= entry.start_offset))
    entries.pop_back();
  entries.push_back(entry);
}

std::vector<std::string> Lines(const std::vector<EpochStart>& entries) {
  std::vector<std::string> lines;
  lines.reserve(entries.size());
  for (const EpochStart& entry : entries)
    lines.push_back(absl::StrCat(entry.epoch.value, " ", entry.start_offset.value));
  return lines;
}

}  // namespace

absl::StatusOr<LeaderEpochCache> LeaderEpochCache::Load(FileIo& io, const std::filesystem::path& path) {
  LeaderEpochCache cache(io, path);
  // Re-assigning in file order, as Kafka does, also mends a file whose entries do not rise (EC-01).
  const auto add = [&cache](CheckpointFields fields) -> absl::Status {
    SLIP_ASSIGN_OR_RETURN(const int64_t epoch,
                          ParseCheckpointNumber(fields[0], "leader epoch", std::numeric_limits<int32_t>::max()));
    SLIP_ASSIGN_OR_RETURN(const int64_t start,
                          ParseCheckpointNumber(fields[1], "start offset", std::numeric_limits<int64_t>::max()));
    const EpochStart entry{{static_cast<int32_t>(epoch)}, {start}};
    if (!cache.Covers(entry.epoch, entry.start_offset)) AssignTo(cache.entries_, entry);
    return absl::OkStatus();
  };
  SLIP_RETURN_IF_ERROR(ReadCheckpointText(io, cache.path_, kFields, add));
  return cache;
}

absl::Status LeaderEpochCache::Note(LeaderEpoch epoch, Offset start_offset) {
  if (trimmed_) SLIP_RETURN_IF_ERROR(Replace(entries_));
  return NoteToBeSaved(epoch, start_offset);
}

absl::Status LeaderEpochCache::NoteToBeSaved(LeaderEpoch epoch, Offset start_offset) {
  if (epoch < LeaderEpoch{0} || start_offset < Offset{0})
    return absl::InvalidArgumentError(absl::StrCat("leader epoch ", epoch.value, " from offset ", start_offset.value,
                                                   " for ", path_, ": neither may be negative"));
  if (Covers(epoch, start_offset)) return absl::OkStatus();
  if (!Holds(epoch, start_offset)) AssignTo(entries_, {epoch, start_offset});
  unsaved_ = true;
  return absl::OkStatus();
}

absl::Status LeaderEpochCache::Save() { return unsaved_ ? Replace(entries_) : absl::OkStatus(); }

absl::Status LeaderEpochCache::Assign(LeaderEpoch epoch, Offset start_offset) {
  std::vector<EpochStart> before = entries_;
  SLIP_RETURN_IF_ERROR(NoteToBeSaved(epoch, start_offset));
  const absl::Status saved = Save();
  if (!saved.ok()) entries_ = std::move(before);
  return saved;
}

bool LeaderEpochCache::Covers(LeaderEpoch epoch, Offset start_offset) const {
  return !trimmed_ && Holds(epoch, start_offset);
}

bool LeaderEpochCache::Holds(LeaderEpoch epoch, Offset start_offset) const {
  return !entries_.empty() && entries_.back().epoch == epoch && entries_.back().start_offset <= start_offset;
}

absl::Status LeaderEpochCache::TruncateFromEnd(Offset offset) {
  if (offset < Offset{0} || entries_.empty() || entries_.back().start_offset < offset) return absl::OkStatus();
  const auto kept_end = std::ranges::lower_bound(entries_, offset, {}, &EpochStart::start_offset);
  return Replace(std::vector<EpochStart>(entries_.begin(), kept_end));
}

void LeaderEpochCache::ForgetFromEnd(Offset offset) {
  trimmed_ = std::erase_if(entries_, [offset](const EpochStart& entry) { return entry.start_offset >= offset; }) > 0;
}

absl::Status LeaderEpochCache::TruncateFromStart(Offset offset) {
  const auto kept = FirstAbove(entries_, offset);
  if (kept == entries_.begin()) return absl::OkStatus();
  const auto straddling = kept - 1;  // the epoch that `offset` belongs to
  if (straddling == entries_.begin() && straddling->start_offset == offset) return absl::OkStatus();
  std::vector<EpochStart> entries(straddling, entries_.cend());
  entries.front().start_offset = offset;
  return Replace(std::move(entries));
}

absl::Status LeaderEpochCache::Clear() {
  if (entries_.empty() && !trimmed_) return absl::OkStatus();
  return Replace({});
}

absl::Status LeaderEpochCache::BeginSave() {
  return unsaved_ ? WriteTemporary(*io_, path_, CheckpointText(Lines(entries_))).status() : absl::OkStatus();
}

absl::Status LeaderEpochCache::FinishSave() {
  if (!unsaved_) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(io_->Rename(TemporaryOf(path_), path_));
  unsaved_ = trimmed_ = false;
  return absl::OkStatus();
}

absl::Status LeaderEpochCache::Replace(std::vector<EpochStart> entries) {
  SLIP_RETURN_IF_ERROR(WriteCheckpointText(*io_, path_, Lines(entries)));
  entries_ = std::move(entries);
  unsaved_ = trimmed_ = false;
  return absl::OkStatus();
}

std::optional<LeaderEpoch> LeaderEpochCache::latest_epoch() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().epoch;
}

std::optional<LeaderEpoch> LeaderEpochCache::EpochForOffset(Offset offset) const {
  const auto next = FirstAbove(entries_, offset);
  if (next == entries_.begin()) return std::nullopt;
  return (next - 1)->epoch;
}

EpochEndOffset LeaderEpochCache::EndOffsetFor(LeaderEpoch epoch, Offset log_end_offset) const {
  if (epoch < LeaderEpoch{0} || entries_.empty()) return {};
  if (epoch == entries_.back().epoch) return {epoch, log_end_offset};
  const auto next = FirstAbove(entries_, epoch);
  if (next == entries_.end()) return {};
  if (next == entries_.begin()) return {epoch, next->start_offset};
  return {(next - 1)->epoch, next->start_offset};
}

}  // namespace slipstream
