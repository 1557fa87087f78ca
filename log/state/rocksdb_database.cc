#include "log/state/rocksdb_database.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/iterator.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "log/state/rocksdb_expiry.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr uint64_t kCompactionIntervalMax = 24 * 60 * 60;  // seconds: what has expired leaves the disk within it
constexpr int kFilterBitsPerKey = 10;
constexpr size_t kCopyBytes = 1 << 20;

rocksdb::DBOptions MakeDbOptions(const RocksDbBackendOptions& options) {
  rocksdb::DBOptions db;
  db.max_open_files = options.open_files_max;
  db.db_write_buffer_size = options.write_buffers_bytes_max;
  db.max_background_jobs = 2;
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.keep_log_file_num = 2;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions MakeColumnOptions(const RocksDbBackendOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.cache_index_and_filter_blocks = true;  // else they are memory beside the cache, without bound
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  rocksdb::ColumnFamilyOptions columns;
  columns.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  columns.write_buffer_size = options.write_buffer_bytes;
  columns.periodic_compaction_seconds = kCompactionIntervalMax;
  return columns;
}

bool IsKind(absl::string_view bytes) {
  return bytes.size() == 1 && bytes[0] >= 0 && bytes[0] <= static_cast<char>(StateKind::kOffsetCheckpoint);
}

absl::Status CopyFile(FileIo& io, const std::filesystem::path& from, const std::filesystem::path& to) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> source, io.Open(from, OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> target, io.Open(to, OpenMode::kCreateNew));
  std::vector<std::byte> buffer(kCopyBytes);
  for (FilePosition at;;) {
    SLIP_ASSIGN_OR_RETURN(const size_t got, source->ReadAt(buffer, at));
    if (got == 0) break;
    SLIP_RETURN_IF_ERROR(target->WriteAt(ByteSpan(buffer).first(got), at));
    at = at + got;
  }
  return target->Sync();
}

}  // namespace

absl::Status FromRocksDb(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

RocksDbDatabase::RocksDbDatabase(std::filesystem::path path, const RocksDbBackendOptions& options)
    : path_(std::move(path)), db_options_(MakeDbOptions(options)), column_options_(MakeColumnOptions(options)) {
  column_options_.compaction_filter_factory = MakeExpiryFilterFactory(options.clock);
}

RocksDbDatabase::~RocksDbDatabase() {
  if (db_ == nullptr) return;
  for (const auto& [name, state] : states_) (void)db_->DestroyColumnFamilyHandle(state.column_family);
  (void)db_->DestroyColumnFamilyHandle(kinds_);
  (void)db_->Close();  // writes are in the write-ahead log already
}

absl::StatusOr<std::unique_ptr<RocksDbDatabase>> RocksDbDatabase::Open(const std::filesystem::path& path, Mode mode,
                                                                       const RocksDbBackendOptions& options) {
  std::unique_ptr<RocksDbDatabase> database(new RocksDbDatabase(path, options));
  SLIP_RETURN_IF_ERROR(database->OpenColumnFamilies(mode));
  SLIP_RETURN_IF_ERROR(database->ReadKinds());
  if (mode == Mode::kSnapshot) SLIP_RETURN_IF_ERROR(FromRocksDb(database->db_->VerifyChecksum(), path.native()));
  return database;
}

absl::Status RocksDbDatabase::OpenColumnFamilies(Mode mode) {
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  rocksdb::Status status;
  if (mode != Mode::kCreate) status = rocksdb::DB::ListColumnFamilies(db_options_, path_.native(), &names);
  db_options_.create_if_missing = db_options_.error_if_exists = mode == Mode::kCreate;
  if (mode == Mode::kSnapshot) db_options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) {
    descriptors.emplace_back(name, column_options_);
    if (name == rocksdb::kDefaultColumnFamilyName) descriptors.back().options.compaction_filter_factory = nullptr;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  if (status.ok()) status = rocksdb::DB::Open(db_options_, path_.native(), descriptors, &handles, &db);
  if (status.IsInvalidArgument() || status.IsPathNotFound())  // files that must be there are not
    return absl::DataLossError(absl::StrCat(path_.native(), ": ", status.ToString()));
  SLIP_RETURN_IF_ERROR(FromRocksDb(status, path_.native()));
  db_.reset(db);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == rocksdb::kDefaultColumnFamilyName)
      kinds_ = handles[i];
    else
      states_[names[i]].column_family = handles[i];
  }
  return absl::OkStatus();
}

absl::Status RocksDbDatabase::ReadKinds() {
  size_t unnamed = states_.size();  // column families whose kind has not been met
  const std::unique_ptr<rocksdb::Iterator> entry(db_->NewIterator(rocksdb::ReadOptions(), kinds_));
  for (entry->SeekToFirst(); entry->Valid(); entry->Next()) {
    const std::string name = entry->key().ToString();
    const std::string kind = entry->value().ToString();
    if (!IsKind(kind)) return absl::DataLossError(absl::StrCat(path_.native(), ": state ", name, " has no kind"));
    State& state = states_[name];
    state.kind = static_cast<StateKind>(kind[0]);
    if (state.column_family != nullptr) {
      --unnamed;
      continue;
    }
    // Made by an AddState that a crash ended.
    SLIP_RETURN_IF_ERROR(FromRocksDb(db_->CreateColumnFamily(column_options_, name, &state.column_family),
                                     absl::StrCat(path_.native(), ": state ", name)));
  }
  if (unnamed > 0)
    return absl::DataLossError(absl::StrCat(path_.native(), ": ", unnamed, " column families are not states"));
  return FromRocksDb(entry->status(), path_.native());
}

absl::StatusOr<rocksdb::ColumnFamilyHandle*> RocksDbDatabase::AddState(const StateSpec& spec) {
  const std::string what = absl::StrCat(path_.native(), ": state ", spec.name);
  const char kind = static_cast<char>(spec.kind);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  SLIP_RETURN_IF_ERROR(FromRocksDb(db_->Put(durable, kinds_, spec.name, rocksdb::Slice(&kind, 1)), what));
  rocksdb::ColumnFamilyHandle* column_family = nullptr;
  SLIP_RETURN_IF_ERROR(FromRocksDb(db_->CreateColumnFamily(column_options_, spec.name, &column_family), what));
  states_[spec.name] = {spec.kind, column_family};
  return column_family;
}

absl::Status CopyDatabase(FileIo& io, const std::filesystem::path& from, const std::filesystem::path& to) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(from, /*directories=*/false));
  SLIP_RETURN_IF_ERROR(io.CreateDirectories(to));
  for (const std::string& name : names) {
    if (name == "LOCK" || absl::StartsWith(name, "LOG")) continue;  // of the process that had it open
    const bool immutable = absl::EndsWith(name, ".sst");
    if (immutable && rocksdb::Env::Default()->LinkFile((from / name).native(), (to / name).native()).ok()) continue;
    SLIP_RETURN_IF_ERROR(CopyFile(io, from / name, to / name));
  }
  return io.SyncDirectory(to);
}

}  // namespace slipstream
