// What only the RocksDB backend does; the rest: state_backend_test.cc.
#include "log/state/rocksdb_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "log/state/generations.h"
#include "log/state/typed_state.h"
#include "tests/log/state/hand_clock.h"
#include "tests/log/state/stopping_io.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

using Positions = ValueState<TopicPartition, Offset>;
using Names = ListState<std::string, std::string>;

const TopicPartition kA0{"a", 0}, kA1{"a", 1};

class RocksDbBackendTest : public ::testing::Test {
 protected:
  absl::Status Open() {
    backend_.reset();
    auto opened = RocksDbBackend::Open(io_, Path(), {.clock = clock_.function()});
    if (!opened.ok()) return opened.status();
    backend_ = *std::move(opened);
    return absl::OkStatus();
  }
  Positions OpenPositions(StateOptions options = {}) { return *Positions::Open(*backend_, "positions", options); }
  std::filesystem::path Path() const { return dir_.path() / "state"; }
  std::filesystem::path Snapshot() const { return dir_.path() / "snapshot"; }
  std::vector<std::string> Directories(const std::filesystem::path& path) { return *io_.List(path, true); }
  // Of the current generation, the largest table.
  std::filesystem::path TableOf(const std::filesystem::path& directory) {
    const std::filesystem::path generation = *CurrentGeneration(io_, directory);
    const std::vector<std::string> names = *io_.List(generation, /*directories=*/false);
    std::pair<uint64_t, std::filesystem::path> largest;
    for (const std::string& name : names)
      if (name.ends_with(".sst"))
        largest = std::max(largest, {*(*io_.Open(generation / name, OpenMode::kRead))->Size(), generation / name});
    return largest.second;
  }
  // Turns over the byte in the middle.
  void Damage(const std::filesystem::path& path) {
    const auto file = *io_.Open(path, OpenMode::kReadWrite);
    const FilePosition middle{*file->Size() / 2};
    std::array<std::byte, 1> byte;
    ASSERT_EQ(*file->ReadAt(byte, middle), 1u);
    byte[0] = ~byte[0];
    ASSERT_TRUE(file->WriteAt(byte, middle).ok());
  }
  // Entries that are on disk for a state, expired or not.
  int Stored(const std::string& state) {
    backend_.reset();
    const std::string path = *CurrentGeneration(io_, Path());
    std::vector<std::string> names;
    SLIP_CHECK(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    SLIP_CHECK(rocksdb::DB::OpenForReadOnly({}, path, families, &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    int stored = 0;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::unique_ptr<rocksdb::Iterator> entry(db->NewIterator({}, handles[i]));
      for (entry->SeekToFirst(); entry->Valid(); entry->Next()) stored += names[i] == state ? 1 : 0;
    }
    for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
    return stored;
  }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
  HandClock clock_;
  std::unique_ptr<RocksDbBackend> backend_;
};

TEST_F(RocksDbBackendTest, OpenedAnewItHasAllStates) {
  for (int64_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(Open().ok());
    const Positions positions = OpenPositions();
    const Names names = *Names::Open(*backend_, "names");
    if (round > 0) {
      EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{round - 1}));
      EXPECT_THAT(*names.Get("east", "g"), ElementsAre("one", "two"));
    }
    ASSERT_TRUE(positions.Put("east", kA0, Offset{round}).ok());
    ASSERT_TRUE(names.Replace("east", "g", {"one"}).ok());
    ASSERT_TRUE(names.Append("east", "g", "two").ok());
  }
}

TEST_F(RocksDbBackendTest, AStateKeepsItsKindOnDisk) {
  ASSERT_TRUE(Open().ok());
  OpenPositions();
  ASSERT_TRUE(Open().ok());
  const absl::Status status = Names::Open(*backend_, "positions").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(), "state positions is a value, not a list");
}

TEST_F(RocksDbBackendTest, ACompactionDropsWhatHasExpiredAndNothingElse) {
  ASSERT_TRUE(Open().ok());
  const int64_t start = clock_.now();
  const Positions positions = OpenPositions({.ttl = milliseconds(100)});
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  clock_.SetTo(start + 50);
  ASSERT_TRUE(positions.Put("east", kA1, Offset{2}).ok());
  ASSERT_TRUE((*Positions::Open(*backend_, "lasting")).Put("east", kA0, Offset{1}).ok());

  clock_.SetTo(start + 99);
  ASSERT_TRUE(backend_->Compact().ok());
  EXPECT_EQ(Stored("positions"), 2);
  ASSERT_TRUE(Open().ok());
  clock_.SetTo(start + 100);
  EXPECT_EQ(Stored("positions"), 2);  // unseen, but there
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(backend_->Compact().ok());
  EXPECT_THAT(*OpenPositions().Get("east", kA1), Optional(Offset{2}));
  EXPECT_EQ(*OpenPositions().Get("east", kA0), std::nullopt);
  EXPECT_EQ(Stored("positions"), 1);
  EXPECT_EQ(Stored("lasting"), 1);
}

TEST_F(RocksDbBackendTest, ADirectoryHasOneUser) {
  ASSERT_TRUE(Open().ok());
  const auto second = RocksDbBackend::Open(io_, Path(), {.clock = clock_.function()});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(backend_->Snapshot(Path())));  // over itself
  EXPECT_TRUE(absl::IsFailedPrecondition(backend_->Restore(Path())));
  const auto snapshot = backend_->BeginSnapshot(Snapshot());
  EXPECT_TRUE(absl::IsFailedPrecondition(backend_->Snapshot(Snapshot())));
  EXPECT_TRUE(OpenPositions().Put("east", kA0, Offset{1}).ok());
}

TEST_F(RocksDbBackendTest, ASnapshotCanBeOpenedAsABackend) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{1}).ok());
  ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{2}).ok());
  const auto opened = *RocksDbBackend::Open(io_, Snapshot(), {.clock = clock_.function()});
  EXPECT_THAT(*(*Positions::Open(*opened, "positions")).Get("east", kA0), Optional(Offset{1}));
}

TEST_F(RocksDbBackendTest, ASnapshotThatIsDroppedLeavesNothing) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
  { const auto dropped = *backend_->BeginSnapshot(Snapshot()); }
  EXPECT_THAT(Directories(Snapshot()), ElementsAre("generation-1"));
}

// 1. A snapshot or restore writes its generation. 2. The process ends. 3. The next one finds it, whole or half made.
TEST_F(RocksDbBackendTest, AGenerationThatNeverBecameCurrentIsRemoved) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{1}).ok());
  backend_.reset();
  for (const char* name : {"generation-2", "generation-3.tmp"}) {
    ASSERT_TRUE(io_.CreateDirectories(Path() / name).ok());
    ASSERT_TRUE(ReplaceFile(io_, Path() / name / "CURRENT", "half").ok());
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Directories(Path()), ElementsAre("generation-1"));
  EXPECT_THAT(*OpenPositions().Get("east", kA0), Optional(Offset{1}));

  ASSERT_TRUE(io_.CreateDirectories(Snapshot() / "generation-7").ok());
  ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
  ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
  EXPECT_THAT(Directories(Snapshot()), ElementsAre("generation-2"));
  ASSERT_TRUE(backend_->Restore(Snapshot()).ok());
  EXPECT_THAT(Directories(Path()), ElementsAre("generation-2"));
}

TEST_F(RocksDbBackendTest, ADamagedSnapshotIsNotRestored) {
  ASSERT_TRUE(Open().ok());
  const Positions positions = OpenPositions();
  StateBatch many;  // most of a table is blocks that opening it does not read
  for (int i = 0; i < 10000; ++i) positions.Put(many, "west", {absl::StrCat(i), i}, Offset{i * 123457});
  ASSERT_TRUE(backend_->Apply(many).ok());
  const auto refused = [&] {
    const absl::Status status = backend_->Restore(Snapshot());
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path().native()));
    EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{2}));
    EXPECT_EQ(Directories(Path()).size(), 1u);
  };
  const auto take = [&] {
    ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
    ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
    ASSERT_TRUE(positions.Put("east", kA0, Offset{2}).ok());
  };
  // A new file, lest the link to the same one in the backend's own directory be damaged with it.
  const auto detach = [&](const std::filesystem::path& path) {
    ASSERT_TRUE(ReplaceFile(io_, path, *ReadWholeFile(io_, path)).ok());
    Damage(path);
  };

  take();
  Damage(Snapshot() / kCurrentGenerationFile);
  refused();
  ASSERT_TRUE(io_.Remove(Snapshot() / kCurrentGenerationFile).ok());
  take();
  detach(TableOf(Snapshot()));
  refused();
  take();
  ASSERT_TRUE(io_.Remove(TableOf(Snapshot())).ok());
  refused();
  take();
  ASSERT_TRUE(io_.Remove(*CurrentGeneration(io_, Snapshot()) / "CURRENT").ok());
  refused();
  take();
  ASSERT_TRUE(io_.RemoveTree(*CurrentGeneration(io_, Snapshot())).ok());
  EXPECT_FALSE(backend_->Restore(Snapshot()).ok());
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{2}));
}

// Goal: whenever the process ends during a restore, the backend has its old content or the snapshot's. Method: the same
// restore, stopped one change later each time; RocksDB's own writes are not counted and all succeed.
TEST_F(RocksDbBackendTest, StoppedAnywhereARestoreLeavesTheOldContentOrTheNew) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{2}).ok());
  ASSERT_TRUE(backend_->Snapshot(Snapshot()).ok());
  backend_.reset();
  StoppingIo io(io_);
  bool finished = false;
  int unknown = 0;
  for (int changes = 0; !finished; ++changes) {
    io.changes_left = std::numeric_limits<int>::max();
    auto backend = *RocksDbBackend::Open(io, Path(), {.clock = clock_.function()});
    const Positions positions = *Positions::Open(*backend, "positions");
    ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
    io.changes_left = changes;
    const absl::Status restored = backend->Restore(Snapshot());
    finished = restored.ok();
    const auto value = positions.Get("east", kA0);
    if (absl::IsFailedPrecondition(value.status())) {
      ++unknown;  // it cannot say which content the disk has, so it says nothing more
    } else {
      ASSERT_EQ(*value, finished ? Offset{2} : Offset{1}) << changes;
    }
    const bool known = value.ok();
    backend.reset();
    ASSERT_TRUE(Open().ok()) << changes;
    const Offset kept = **OpenPositions().Get("east", kA0);
    if (known) {
      ASSERT_EQ(kept, finished ? Offset{2} : Offset{1}) << changes;
    } else {
      ASSERT_TRUE(kept == Offset{1} || kept == Offset{2}) << changes;
    }
    backend_.reset();
  }
  EXPECT_GT(unknown, 0);
}

TEST_F(RocksDbBackendTest, ADatabaseThatIsNotWholeIsNamedNotMadeAnew) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{1}).ok());
  backend_.reset();
  const std::filesystem::path generation = *CurrentGeneration(io_, Path());
  ASSERT_TRUE(io_.Remove(generation / "CURRENT").ok());
  absl::Status status = Open();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(generation.native()));
  ASSERT_TRUE(io_.RemoveTree(generation).ok());
  status = Open();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  ASSERT_TRUE(ReplaceFile(io_, Path() / kCurrentGenerationFile, "nonsense").ok());
  status = Open();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(RocksDbBackendTest, AValueTooShortForItsExpiryIsDataLoss) {
  ASSERT_TRUE(Open().ok());
  OpenPositions();
  backend_.reset();
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(
        rocksdb::DB::Open({}, *CurrentGeneration(io_, Path()), {{"default", {}}, {"positions", {}}}, &handles, &opened)
            .ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    ASSERT_TRUE(db->Put({}, handles[1], "key", "short").ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  }
  ASSERT_TRUE(Open().ok());
  const StateId id = OpenPositions().id();
  const absl::Status read = backend_->Get(id, "key").status();
  EXPECT_TRUE(absl::IsDataLoss(read)) << read;
  EXPECT_THAT(std::string(read.message()), HasSubstr("state positions: a value of 5 bytes is below 8"));
  EXPECT_TRUE(absl::IsDataLoss(backend_->Scan(id, "", [](absl::string_view, absl::string_view) { return true; })));
}

TEST_F(RocksDbBackendTest, OptionsOutOfBoundsAreNamed) {
  const auto fault = [&](RocksDbBackendOptions options) {
    const absl::Status status = RocksDbBackend::Open(io_, Path(), options).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  EXPECT_EQ(fault({}), "clock is missing");
  EXPECT_EQ(fault({.clock = clock_.function(), .write_buffer_bytes = 1}),
            "write_buffer_bytes is 1, must be at least 65536");
  EXPECT_EQ(fault({.clock = clock_.function(), .write_buffers_bytes_max = 1}),
            "write_buffers_bytes_max is 1, must be at least write_buffer_bytes, 4194304");
  EXPECT_EQ(fault({.clock = clock_.function(), .open_files_max = 1}), "open_files_max is 1, must be at least 16");
}

}  // namespace
}  // namespace slipstream
