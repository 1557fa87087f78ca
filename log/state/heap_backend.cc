#include "log/state/heap_backend.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/checkpoint_file.h"
#include "log/state/state_codec.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kSweepAtLeast = 1024;

void Sweep(HeapEntries& entries, Timestamp now) {
  absl::erase_if(entries, [now](const auto& entry) { return HasExpired(entry.second.expires_at, now); });
}

class HeapSnapshot final : public StateSnapshot {
 public:
  struct CheckpointFile {
    std::filesystem::path path;
    OffsetCheckpoint offsets;
  };
  HeapSnapshot(FileIo& io, std::filesystem::path directory) : io_(io), directory_(std::move(directory)) {}

  // The first error, but not before every file was tried: one failed disk must not age the checkpoints of the others.
  absl::Status Finish() override {
    absl::Status status;
    for (const auto& [path, offsets] : checkpoints) status.Update(WriteOffsetCheckpoint(io_, path, offsets));
    if (states) status.Update(WriteHeapSnapshot(io_, directory_, *states));
    return status;
  }

  std::vector<CheckpointFile> checkpoints;
  std::optional<std::string> states;  // the content of the file

 private:
  FileIo& io_;
  std::filesystem::path directory_;
};

// Every log dir gets its file, without entries too: what was removed must not come back.
void AddCheckpointFiles(const std::string& name, const std::vector<std::filesystem::path>& log_dirs,
                        const HeapEntries& entries, std::vector<HeapSnapshot::CheckpointFile>& files) {
  std::map<std::string, OffsetCheckpoint> by_log_dir;
  for (const auto& [key, value] : entries) {
    const absl::StatusOr<OffsetCheckpointEntry> entry = ReadOffsetCheckpointEntry(key, value.bytes);
    SLIP_CHECK(entry.ok());  // looked at before it got in
    by_log_dir[entry->log_dir][entry->partition] = entry->offset;
  }
  for (const std::filesystem::path& log_dir : log_dirs)
    files.push_back({log_dir / name, std::move(by_log_dir[log_dir.native()])});
}

}  // namespace

HeapBackend::HeapBackend(FileIo& io, HeapBackendOptions options) : io_(io), options_(std::move(options)) {
  SLIP_CHECK(options_.clock != nullptr);
}

absl::StatusOr<StateId> HeapBackend::OpenState(const StateSpec& spec) {
  SLIP_ASSIGN_OR_RETURN(const std::optional<StateId> known, registry_.Find(spec));
  if (known) return *known;
  HeapEntries entries;
  if (spec.kind == StateKind::kOffsetCheckpoint) {
    SLIP_ASSIGN_OR_RETURN(entries, ReadCheckpoints(spec.name));
  }
  columns_.push_back({std::move(entries)});
  return registry_.Add(spec);
}

absl::StatusOr<std::optional<StateValue>> HeapBackend::Get(StateId state, absl::string_view key) {
  SLIP_RETURN_IF_ERROR(registry_.CheckId(state));
  const HeapEntries& entries = column(state).entries;
  const auto found = entries.find(key);
  if (found == entries.end() || HasExpired(found->second.expires_at, Now())) return std::nullopt;
  return found->second;
}

absl::Status HeapBackend::Scan(StateId state, absl::string_view prefix, StateVisitor visit) {
  SLIP_RETURN_IF_ERROR(registry_.CheckId(state));
  const Timestamp now = Now();
  const HeapEntries& entries = column(state).entries;
  for (auto entry = entries.lower_bound(prefix); entry != entries.end(); ++entry) {
    const auto& [key, value] = *entry;
    if (!absl::StartsWith(key, prefix)) break;
    if (HasExpired(value.expires_at, now)) continue;
    if (!visit(key, value.bytes)) break;
  }
  return absl::OkStatus();
}

absl::Status HeapBackend::Apply(const StateBatch& batch) {
  SLIP_RETURN_IF_ERROR(registry_.CheckBatch(batch));
  SLIP_RETURN_IF_ERROR(CheckLogDirs(batch));
  const Timestamp now = Now();
  for (const auto& [at, change] : batch.changes()) {  // nothing from here on can fail
    Column& into = column(at.state);
    if (change.operation == StateBatch::Operation::kDelete) {
      into.entries.erase(at.key);
      continue;
    }
    StateValue& value = into.entries[at.key];
    if (change.operation == StateBatch::Operation::kPut || HasExpired(value.expires_at, now)) value.bytes.clear();
    value.bytes += change.value.bytes;
    value.expires_at = change.value.expires_at;
    SweepIfGrown(into);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StateSnapshot>> HeapBackend::BeginSnapshot(const std::filesystem::path& directory) {
  auto snapshot = std::make_unique<HeapSnapshot>(io_, directory);
  HeapSnapshotEncoder states;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const StateSpec& spec = registry_.specs()[i];
    HeapEntries& entries = columns_[i].entries;
    Sweep(entries, Now());
    if (spec.kind == StateKind::kOffsetCheckpoint)
      AddCheckpointFiles(spec.name, options_.log_dirs, entries, snapshot->checkpoints);
    else
      states.Add(spec, entries);
  }
  if (!HasOnlyCheckpoints()) {
    SLIP_ASSIGN_OR_RETURN(snapshot->states, std::move(states).Finish());
  }
  return snapshot;
}

absl::Status HeapBackend::Restore(const std::filesystem::path& directory) {
  absl::StatusOr<std::vector<HeapState>> saved = ReadHeapSnapshot(io_, directory);
  if (absl::IsNotFound(saved.status()) && HasOnlyCheckpoints()) saved = std::vector<HeapState>();
  SLIP_RETURN_IF_ERROR(saved.status());
  for (const HeapState& state : *saved)
    SLIP_RETURN_IF_ERROR(Annotate(registry_.Find(state.spec).status(), directory.native()));

  std::vector<Column> columns(columns_.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (registry_.specs()[i].kind != StateKind::kOffsetCheckpoint) continue;
    SLIP_ASSIGN_OR_RETURN(columns[i].entries, ReadCheckpoints(registry_.specs()[i].name));
  }
  columns_ = std::move(columns);  // all is read: nothing from here on can fail
  for (HeapState& state : *saved) {
    const std::optional<StateId> known = *registry_.Find(state.spec);
    if (!known) columns_.emplace_back();
    column(known ? *known : registry_.Add(state.spec)).entries = std::move(state.entries);
  }
  return absl::OkStatus();
}

size_t HeapBackend::entries_held() const {
  size_t held = 0;
  for (const Column& column : columns_) held += column.entries.size();
  return held;
}

bool HeapBackend::HasOnlyCheckpoints() const {
  const std::vector<StateSpec>& specs = registry_.specs();
  const auto is_checkpoint = [](const StateSpec& spec) { return spec.kind == StateKind::kOffsetCheckpoint; };
  return !specs.empty() && std::ranges::all_of(specs, is_checkpoint);
}

// REQUIRES: the registry has nothing against the batch.
absl::Status HeapBackend::CheckLogDirs(const StateBatch& batch) const {
  for (const auto& [at, change] : batch.changes()) {
    const StateSpec& spec = registry_.spec(at.state);
    if (spec.kind != StateKind::kOffsetCheckpoint || change.operation == StateBatch::Operation::kDelete) continue;
    SLIP_ASSIGN_OR_RETURN(const OffsetCheckpointEntry entry, ReadOffsetCheckpointEntry(at.key, change.value.bytes));
    if (std::ranges::find(options_.log_dirs, entry.log_dir, &std::filesystem::path::native) == options_.log_dirs.end())
      return absl::InvalidArgumentError(absl::StrCat("state ", spec.name, ": '", entry.log_dir, "' is not one of the ",
                                                     options_.log_dirs.size(), " log dirs"));
  }
  return absl::OkStatus();
}

absl::StatusOr<HeapEntries> HeapBackend::ReadCheckpoints(const std::string& name) {
  HeapEntries entries;
  for (const std::filesystem::path& log_dir : options_.log_dirs) {
    const std::filesystem::path path = log_dir / name;
    SLIP_ASSIGN_OR_RETURN(const OffsetCheckpoint offsets, ReadOffsetCheckpoint(io_, path));
    for (const auto& [partition, offset] : offsets) {
      std::string key = EncodeState(log_dir.native(), partition), value = EncodeState(offset);
      if (const auto entry = ReadOffsetCheckpointEntry(key, value); !entry.ok())
        return absl::DataLossError(absl::StrCat(path.native(), ": ", entry.status().message()));
      entries[std::move(key)] = {std::move(value)};
    }
  }
  return entries;
}

// Looking again only at twice what was left keeps it cheap, and what has expired below what lives.
void HeapBackend::SweepIfGrown(Column& column) {
  if (column.entries.size() < std::max(column.sweep_at, kSweepAtLeast)) return;
  Sweep(column.entries, Now());
  column.sweep_at = 2 * column.entries.size();
}

}  // namespace slipstream
