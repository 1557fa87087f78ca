// Small files that are replaced whole, under the same sweep as logs: whatever a power cut leaves, each has its old
// content or its new, and what it describes is on the disk before it is.
#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <string>

#include "log/checkpoint_file.h"
#include "log/leader_epoch_cache.h"
#include "log/state/heap_backend.h"
#include "log/status.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

constexpr Survives kLosses[] = {Survives::kNothing,    Survives::kEverything, Survives::kRandomPart,
                                Survives::kRandomPart, Survives::kTornAt512,  Survives::kTornAnywhere};

// Runs `change` on a disk that `prepare` made, dying after every call, and gives each disk that may be left to `check`.
void SweepOver(const std::function<void(SimulatedDisk&)>& prepare, const std::function<void(SimulatedDisk&)>& change,
               const std::function<void(SimulatedDisk&)>& check) {
  SimulatedDisk whole;
  prepare(whole);
  whole.RecordCalls();
  change(whole);
  for (size_t k = 0; k <= whole.recorded_calls().size(); ++k) {
    SimulatedDisk disk;
    prepare(disk);
    disk.CrashAfter(k);
    change(disk);
    for (size_t i = 0; i < std::size(kLosses); ++i) {
      SCOPED_TRACE(absl::StrCat("dead after call ", k, ", losses ", static_cast<int>(kLosses[i]), ", seed ", k + i));
      check(*disk.AfterPowerCut(kLosses[i], k + i));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(CheckpointCrash, Rel38_EachCheckpointHasItsOldContentOrItsNew) {
  const OffsetCheckpoint old_offsets = {{{"orders", 0}, Offset{10}}, {{"orders", 1}, Offset{11}}};
  OffsetCheckpoint new_offsets = old_offsets;
  for (int32_t i = 2; i < 200; ++i) new_offsets[{"orders", i}] = Offset{1000 + i};  // several sectors
  const std::filesystem::path path = std::filesystem::path("/") / kRecoveryPointCheckpoint;
  SweepOver([&](SimulatedDisk& disk) { ASSERT_EQ(WriteOffsetCheckpoint(disk, path, old_offsets), absl::OkStatus()); },
            [&](SimulatedDisk& disk) { (void)WriteOffsetCheckpoint(disk, path, new_offsets); },
            [&](SimulatedDisk& disk) {
              const auto found = ReadOffsetCheckpoint(disk, path);
              ASSERT_TRUE(found.ok()) << found.status();
              EXPECT_TRUE(*found == old_offsets || *found == new_offsets);
            });
}

TEST(CheckpointCrash, Rel38_ALeaderEpochFileHasItsOldEntriesOrItsNew) {
  const std::filesystem::path path = "/leader-epoch-checkpoint";
  SweepOver(
      [&](SimulatedDisk& disk) {
        ASSERT_EQ(LeaderEpochCache::Load(disk, path)->Assign(LeaderEpoch{1}, Offset{0}), absl::OkStatus());
      },
      [&](SimulatedDisk& disk) {
        auto epochs = LeaderEpochCache::Load(disk, path);
        if (epochs.ok()) (void)epochs->Assign(LeaderEpoch{2}, Offset{50});
      },
      [&](SimulatedDisk& disk) {
        const auto epochs = LeaderEpochCache::Load(disk, path);
        ASSERT_TRUE(epochs.ok()) << epochs.status();
        EXPECT_THAT(epochs->entries().size(), testing::AnyOf(1, 2));
        EXPECT_EQ(epochs->entries().front(), (EpochStart{LeaderEpoch{1}, Offset{0}}));
      });
}

// Snapshots of a hundred keys that all have one value.
class HeapSnapshotCrash : public testing::Test {
 protected:
  static constexpr char kDirectory[] = "/state/snapshot";

  static std::unique_ptr<HeapBackend> Make(SimulatedDisk& disk) {
    return std::make_unique<HeapBackend>(disk,
                                         HeapBackendOptions{.clock = [] { return Timestamp{1}; }, .log_dirs = {}});
  }
  static absl::Status Save(SimulatedDisk& disk, int64_t value) {
    const std::unique_ptr<HeapBackend> backend = Make(disk);
    SLIP_ASSIGN_OR_RETURN(const StateId state, backend->OpenState({.name = "positions", .kind = StateKind::kMap}));
    StateBatch batch;
    for (int i = 0; i < 100; ++i)
      batch.Put(state, absl::StrCat("key ", i), {.bytes = absl::StrCat(value, std::string(20, 'x'))});
    SLIP_RETURN_IF_ERROR(backend->Apply(batch));
    return backend->Snapshot(kDirectory);
  }
};

TEST_F(HeapSnapshotCrash, Inv18_AStateSnapshotIsTheOldOneOrTheNew) {
  SweepOver([](SimulatedDisk& disk) { ASSERT_EQ(Save(disk, 1), absl::OkStatus()); },
            [](SimulatedDisk& disk) { (void)Save(disk, 2); },
            [](SimulatedDisk& disk) {
              const std::unique_ptr<HeapBackend> backend = Make(disk);
              ASSERT_EQ(backend->Restore(kDirectory), absl::OkStatus());
              const StateId state = *backend->OpenState({.name = "positions", .kind = StateKind::kMap});
              std::set<std::string> values;
              for (int i = 0; i < 100; ++i) values.insert((*backend->Get(state, absl::StrCat("key ", i)))->bytes);
              ASSERT_EQ(values.size(), 1u) << "half of one and half of the other";
              EXPECT_THAT(values.begin()->front(), testing::AnyOf('1', '2'));
            });
}

TEST_F(HeapSnapshotCrash, Inv17_AFirstSnapshotIsThereOnceItsWriterReturned) {
  SimulatedDisk disk;
  ASSERT_EQ(Save(disk, 1), absl::OkStatus());
  const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(Survives::kNothing, 0);
  EXPECT_EQ(Make(*left)->Restore(kDirectory), absl::OkStatus());
}

}  // namespace
}  // namespace slipstream
