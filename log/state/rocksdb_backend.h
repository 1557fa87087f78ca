// State on disk, for what is too much for memory or must not be lost with the process: one RocksDB database, a column
// family per state. Belongs to one thread; RocksDB compacts on threads of its own. RocksDB reads and writes its files
// itself, past the FileIo seam; which generation of them counts is ours (log/state/generations.h), so a snapshot's
// directory is laid out as a backend's own and can be opened as one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/directory_lock.h"
#include "log/io/file_io.h"
#include "log/state/state_backend.h"
#include "log/state/state_registry.h"

namespace rocksdb {
class ColumnFamilyHandle;
}

namespace slipstream {

struct RocksDbBackendOptions {
  StateClock clock;                           // any thread
  size_t write_buffer_bytes = 4 << 20;        // of one state, before they become a file
  size_t write_buffers_bytes_max = 16 << 20;  // of all states
  size_t block_cache_bytes = 8 << 20;         // of all states; indexes and filters included
  int open_files_max = 256;
  // Whether Apply waits for the disk. If not, a power cut may take the last writes, each batch whole, latest first; the
  // end of the process takes none.
  bool sync_writes = false;

  absl::Status Validate() const;
};

class RocksDbDatabase;

class RocksDbBackend final : public StateBackend {
 public:
  // Makes the directory when it is missing. kFailedPrecondition: it is in use. kDataLoss names what cannot be read.
  static absl::StatusOr<std::unique_ptr<RocksDbBackend>> Open(FileIo& io, std::filesystem::path directory,
                                                              RocksDbBackendOptions options);
  ~RocksDbBackend() override;

  absl::StatusOr<StateId> OpenState(const StateSpec& spec) override;
  absl::StatusOr<std::optional<StateValue>> Get(StateId state, absl::string_view key) override;
  absl::Status Scan(StateId state, absl::string_view prefix, StateVisitor visit) override;
  // After an I/O error RocksDB may refuse all writes until it is opened anew.
  absl::Status Apply(const StateBatch& batch) override;
  // Costs writing out what is in memory; the rest are hard links where the file system has them. kFailedPrecondition:
  // `directory` is in use, by this backend too.
  absl::StatusOr<std::unique_ptr<StateSnapshot>> BeginSnapshot(const std::filesystem::path& directory) override;
  // Reads the whole snapshot once, to know it sound. When the last step fails, it cannot be known which content the
  // disk has: every later call then fails, and only opening anew helps.
  absl::Status Restore(const std::filesystem::path& directory) override;
  Timestamp Now() const override { return options_.clock(); }

  // Rewrites the files without what has expired, which RocksDB else does when it compacts, daily at the latest. Blocks.
  absl::Status Compact();

 private:
  RocksDbBackend(FileIo& io, std::filesystem::path directory, RocksDbBackendOptions options);
  absl::Status OpenCurrent();
  // Everything refers to `database` from here on. REQUIRES: its states are of the kinds that the registry knows.
  void Use(std::unique_ptr<RocksDbDatabase> database);
  absl::Status CheckUsable() const;
  absl::Status CheckState(StateId state) const;
  std::string NameOf(StateId state) const;  // for messages
  rocksdb::ColumnFamilyHandle* column_family(StateId state) const {
    return column_families_[static_cast<size_t>(state.value)];
  }
  // Opens a copy of the snapshot with all states that this backend has.
  absl::StatusOr<std::unique_ptr<RocksDbDatabase>> OpenCopy(const std::filesystem::path& snapshot,
                                                            const std::filesystem::path& copy);

  FileIo& io_;
  const std::filesystem::path directory_;
  const RocksDbBackendOptions options_;
  std::unique_ptr<DirectoryLock> lock_;  // let go after the database
  StateRegistry registry_;
  std::vector<rocksdb::ColumnFamilyHandle*> column_families_;  // by StateId; the database's
  std::unique_ptr<RocksDbDatabase> database_;                  // null only after a Restore that failed at its last step
};

}  // namespace slipstream
