// One open RocksDB database of the RocksDB backend: its settings, its column families, and RocksDB's words turned into
// ours. For the RocksDB backend only: other files must not see RocksDB's headers.
#pragma once

#include <absl/status/statusor.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "log/state/rocksdb_backend.h"
#include "log/state/state_backend.h"

namespace slipstream {

// kDataLoss: corrupt. kResourceExhausted: no space. kUnavailable: I/O errors and all else. `what` goes in front.
absl::Status FromRocksDb(const rocksdb::Status& status, absl::string_view what);

class RocksDbDatabase {
 public:
  enum class Mode {
    kCreate,    // must not exist
    kExisting,  // the end of the write-ahead log may be torn: what is before it counts
    kSnapshot,  // every byte must be sound, and is read
  };
  struct State {
    StateKind kind = StateKind::kValue;
    rocksdb::ColumnFamilyHandle* column_family = nullptr;
  };

  // kDataLoss: the database is not there, not whole, or not ours.
  static absl::StatusOr<std::unique_ptr<RocksDbDatabase>> Open(const std::filesystem::path& path, Mode mode,
                                                               const RocksDbBackendOptions& options);
  ~RocksDbDatabase();

  // Makes the column family; durable on return. REQUIRES: no state of that name is there.
  absl::StatusOr<rocksdb::ColumnFamilyHandle*> AddState(const StateSpec& spec);

  rocksdb::DB& db() { return *db_; }
  const std::map<std::string, State>& states() const { return states_; }

 private:
  RocksDbDatabase(std::filesystem::path path, const RocksDbBackendOptions& options);
  absl::Status OpenColumnFamilies(Mode mode);
  absl::Status ReadKinds();

  const std::filesystem::path path_;
  rocksdb::DBOptions db_options_;
  rocksdb::ColumnFamilyOptions column_options_;
  std::unique_ptr<rocksdb::DB> db_;
  // The default column family holds the kind of each state by its name. An entry is durable before its column family is
  // made, so one may lack its column family, but no column family its entry.
  rocksdb::ColumnFamilyHandle* kinds_ = nullptr;
  std::map<std::string, State> states_;
};

// Copies a database that nobody has open to a directory that does not exist; durable on return. Its immutable files
// become hard links where that is possible.
absl::Status CopyDatabase(FileIo& io, const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace slipstream
