#include "log/state/rocksdb_backend.h"

#include <absl/strings/str_cat.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>

#include <utility>
#include <vector>

#include "log/check.h"
#include "log/io/make_directory.h"
#include "log/state/generations.h"
#include "log/state/rocksdb_database.h"
#include "log/state/rocksdb_expiry.h"
#include "log/status.h"

namespace slipstream {
namespace {

rocksdb::Slice ToSlice(absl::string_view text) { return {text.data(), text.size()}; }
absl::string_view ToText(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The first key behind all that start with `prefix`; empty: there is none.
std::string EndOfPrefix(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

class RocksDbSnapshot final : public StateSnapshot {
 public:
  RocksDbSnapshot(FileIo& io, std::unique_ptr<DirectoryLock> lock, std::filesystem::path generation)
      : io_(io), lock_(std::move(lock)), generation_(std::move(generation)) {}
  ~RocksDbSnapshot() override {
    if (!finish_began_) (void)io_.RemoveTree(generation_);  // what stays, the next snapshot removes
  }

  absl::Status Finish() override {
    finish_began_ = true;
    SLIP_RETURN_IF_ERROR(MakeCurrent(io_, generation_));
    return RemoveOtherGenerations(io_, generation_.parent_path());
  }

 private:
  FileIo& io_;
  std::unique_ptr<DirectoryLock> lock_;
  const std::filesystem::path generation_;
  bool finish_began_ = false;
};

}  // namespace

absl::Status RocksDbBackendOptions::Validate() const {
  constexpr size_t kWriteBufferMin = 64 << 10;
  constexpr int kOpenFilesMin = 16;
  if (clock == nullptr) return absl::InvalidArgumentError("clock is missing");
  if (write_buffer_bytes < kWriteBufferMin)
    return absl::InvalidArgumentError(
        absl::StrCat("write_buffer_bytes is ", write_buffer_bytes, ", must be at least ", kWriteBufferMin));
  if (write_buffers_bytes_max < write_buffer_bytes)
    return absl::InvalidArgumentError(absl::StrCat("write_buffers_bytes_max is ", write_buffers_bytes_max,
                                                   ", must be at least write_buffer_bytes, ", write_buffer_bytes));
  if (open_files_max < kOpenFilesMin)
    return absl::InvalidArgumentError(
        absl::StrCat("open_files_max is ", open_files_max, ", must be at least ", kOpenFilesMin));
  return absl::OkStatus();
}

RocksDbBackend::RocksDbBackend(FileIo& io, std::filesystem::path directory, RocksDbBackendOptions options)
    : io_(io), directory_(std::move(directory)), options_(std::move(options)) {}
RocksDbBackend::~RocksDbBackend() = default;

absl::StatusOr<std::unique_ptr<RocksDbBackend>> RocksDbBackend::Open(FileIo& io, std::filesystem::path directory,
                                                                     RocksDbBackendOptions options) {
  SLIP_RETURN_IF_ERROR(options.Validate());
  std::unique_ptr<RocksDbBackend> backend(new RocksDbBackend(io, std::move(directory), std::move(options)));
  SLIP_RETURN_IF_ERROR(backend->OpenCurrent());
  return backend;
}

absl::Status RocksDbBackend::OpenCurrent() {
  using Mode = RocksDbDatabase::Mode;
  SLIP_RETURN_IF_ERROR(MakeDirectory(io_, directory_));
  SLIP_ASSIGN_OR_RETURN(lock_, DirectoryLock::Acquire(io_, directory_));
  SLIP_RETURN_IF_ERROR(RemoveOtherGenerations(io_, directory_));
  absl::StatusOr<std::filesystem::path> current = CurrentGeneration(io_, directory_);
  const bool create = absl::IsNotFound(current.status());
  if (create) current = NextGeneration(io_, directory_);
  SLIP_RETURN_IF_ERROR(current.status());
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<RocksDbDatabase> database,
                        RocksDbDatabase::Open(*current, create ? Mode::kCreate : Mode::kExisting, options_));
  if (create) SLIP_RETURN_IF_ERROR(MakeCurrent(io_, *current));
  Use(std::move(database));
  return absl::OkStatus();
}

void RocksDbBackend::Use(std::unique_ptr<RocksDbDatabase> database) {
  database_ = std::move(database);
  for (const auto& [name, state] : database_->states()) {
    const absl::StatusOr<std::optional<StateId>> known = registry_.Find({name, state.kind});
    SLIP_CHECK(known.ok());
    const StateId id = *known ? **known : registry_.Add({name, state.kind});
    column_families_.resize(registry_.specs().size());
    column_families_[static_cast<size_t>(id.value)] = state.column_family;
  }
}

absl::Status RocksDbBackend::CheckUsable() const {
  if (database_ != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory_.native(), ": a restore failed half way; the backend must be opened anew"));
}

absl::Status RocksDbBackend::CheckState(StateId state) const {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  return registry_.CheckId(state);
}

std::string RocksDbBackend::NameOf(StateId state) const {
  return absl::StrCat(directory_.native(), ": state ", registry_.spec(state).name);
}

absl::StatusOr<StateId> RocksDbBackend::OpenState(const StateSpec& spec) {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  SLIP_ASSIGN_OR_RETURN(const std::optional<StateId> known, registry_.Find(spec));
  if (known) return *known;
  SLIP_ASSIGN_OR_RETURN(rocksdb::ColumnFamilyHandle * column_family, database_->AddState(spec));
  column_families_.push_back(column_family);
  return registry_.Add(spec);
}

absl::StatusOr<std::optional<StateValue>> RocksDbBackend::Get(StateId state, absl::string_view key) {
  SLIP_RETURN_IF_ERROR(CheckState(state));
  rocksdb::PinnableSlice stored;
  const rocksdb::Status status =
      database_->db().Get(rocksdb::ReadOptions(), column_family(state), ToSlice(key), &stored);
  if (status.IsNotFound()) return std::nullopt;
  SLIP_RETURN_IF_ERROR(FromRocksDb(status, NameOf(state)));
  const absl::StatusOr<StoredValue> value = DecodeStoredValue(ToText(stored));
  if (!value.ok()) return Annotate(value.status(), NameOf(state));
  if (HasExpired(value->expires_at, Now())) return std::nullopt;
  return StateValue{std::string(value->bytes), value->expires_at};
}

absl::Status RocksDbBackend::Scan(StateId state, absl::string_view prefix, StateVisitor visit) {
  SLIP_RETURN_IF_ERROR(CheckState(state));
  const Timestamp now = Now();
  const std::string end = EndOfPrefix(prefix);
  const rocksdb::Slice end_slice(end);
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> entry(database_->db().NewIterator(options, column_family(state)));
  for (entry->Seek(ToSlice(prefix)); entry->Valid(); entry->Next()) {
    const absl::StatusOr<StoredValue> value = DecodeStoredValue(ToText(entry->value()));
    if (!value.ok()) return Annotate(value.status(), NameOf(state));
    if (HasExpired(value->expires_at, now)) continue;
    if (!visit(ToText(entry->key()), value->bytes)) break;
  }
  return FromRocksDb(entry->status(), NameOf(state));
}

absl::Status RocksDbBackend::Apply(const StateBatch& batch) {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  SLIP_RETURN_IF_ERROR(registry_.CheckBatch(batch));
  rocksdb::WriteBatch writes;
  for (const auto& [at, change] : batch.changes()) {
    rocksdb::Status added;
    if (change.operation == StateBatch::Operation::kDelete) {
      added = writes.Delete(column_family(at.state), at.key);
    } else if (change.operation == StateBatch::Operation::kPut) {
      added = writes.Put(column_family(at.state), at.key, EncodeStoredValue(change.value));
    } else {
      SLIP_ASSIGN_OR_RETURN(const std::optional<StateValue> before, Get(at.state, at.key));
      StateValue whole = before.value_or(StateValue{});
      whole.bytes += change.value.bytes;
      whole.expires_at = change.value.expires_at;
      added = writes.Put(column_family(at.state), at.key, EncodeStoredValue(whole));
    }
    SLIP_RETURN_IF_ERROR(FromRocksDb(added, NameOf(at.state)));
  }
  rocksdb::WriteOptions options;
  options.sync = options_.sync_writes;
  return FromRocksDb(database_->db().Write(options, &writes), directory_.native());
}

absl::StatusOr<std::unique_ptr<StateSnapshot>> RocksDbBackend::BeginSnapshot(const std::filesystem::path& directory) {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  SLIP_RETURN_IF_ERROR(MakeDirectory(io_, directory));
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<DirectoryLock> lock, DirectoryLock::Acquire(io_, directory));
  SLIP_RETURN_IF_ERROR(RemoveOtherGenerations(io_, directory));
  SLIP_ASSIGN_OR_RETURN(const std::filesystem::path generation, NextGeneration(io_, directory));
  auto snapshot = std::make_unique<RocksDbSnapshot>(io_, std::move(lock), generation);

  rocksdb::Checkpoint* created = nullptr;
  SLIP_RETURN_IF_ERROR(FromRocksDb(rocksdb::Checkpoint::Create(&database_->db(), &created), directory_.native()));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(created);
  const std::filesystem::path absolute = std::filesystem::absolute(generation);  // RocksDB's wish
  SLIP_RETURN_IF_ERROR(FromRocksDb(checkpoint->CreateCheckpoint(absolute.native()), generation.native()));
  return snapshot;
}

absl::Status RocksDbBackend::Restore(const std::filesystem::path& directory) {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<DirectoryLock> lock, DirectoryLock::Acquire(io_, directory));
  SLIP_ASSIGN_OR_RETURN(const std::filesystem::path snapshot, CurrentGeneration(io_, directory));
  SLIP_ASSIGN_OR_RETURN(const std::filesystem::path copy, NextGeneration(io_, directory_));
  absl::StatusOr<std::unique_ptr<RocksDbDatabase>> restored = OpenCopy(snapshot, copy);
  if (!restored.ok()) {
    (void)io_.RemoveTree(copy);  // what stays, the next Open removes
    return restored.status();
  }
  if (const absl::Status made = MakeCurrent(io_, copy); !made.ok()) {
    database_ = nullptr;
    return made;
  }
  Use(*std::move(restored));
  (void)RemoveOtherGenerations(io_, directory_);  // the same
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RocksDbDatabase>> RocksDbBackend::OpenCopy(const std::filesystem::path& snapshot,
                                                                          const std::filesystem::path& copy) {
  SLIP_RETURN_IF_ERROR(CopyDatabase(io_, snapshot, copy));
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<RocksDbDatabase> database,
                        RocksDbDatabase::Open(copy, RocksDbDatabase::Mode::kSnapshot, options_));
  for (const auto& [name, state] : database->states())
    SLIP_RETURN_IF_ERROR(Annotate(registry_.Find({name, state.kind}).status(), snapshot.native()));
  for (const StateSpec& spec : registry_.specs())
    if (!database->states().contains(spec.name)) SLIP_RETURN_IF_ERROR(database->AddState(spec).status());
  return database;
}

absl::Status RocksDbBackend::Compact() {
  SLIP_RETURN_IF_ERROR(CheckUsable());
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (rocksdb::ColumnFamilyHandle* column_family : column_families_)
    SLIP_RETURN_IF_ERROR(
        FromRocksDb(database_->db().CompactRange(options, column_family, nullptr, nullptr), directory_.native()));
  return absl::OkStatus();
}

}  // namespace slipstream
