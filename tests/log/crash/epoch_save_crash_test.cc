// Goal: the epoch files of many logs are saved by few syncs, and each is the old one or the new, wherever that is cut
// short.
// Method: it dies, or is refused, after every call.
#include <gtest/gtest.h>

#include "log/many_logs.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

constexpr int kCaches = 3;
const std::vector<EpochStart> kOld = {{LeaderEpoch{1}, Offset{0}}};
const std::vector<EpochStart> kNew = {{LeaderEpoch{1}, Offset{0}}, {LeaderEpoch{2}, Offset{5}}};

class EpochSaveCrash : public ::testing::Test {
 protected:
  static std::filesystem::path PathOf(int number) {
    return std::filesystem::path("/logs") / absl::StrCat("orders-", number) / "leader-epoch-checkpoint";
  }
  // With the old epochs on the disk, and the new ones noted.
  explicit EpochSaveCrash() {
    for (int i = 0; i < kCaches; ++i) {
      SLIP_CHECK(disk_.CreateDirectories(PathOf(i).parent_path()).ok());
      caches_.push_back(*LeaderEpochCache::Load(disk_, PathOf(i)));
      SLIP_CHECK(caches_.back().Assign(LeaderEpoch{1}, Offset{0}).ok());
      SLIP_CHECK(disk_.SyncDirectory(PathOf(i).parent_path()).ok());
      SLIP_CHECK(caches_.back().Note(LeaderEpoch{2}, Offset{5}).ok());
    }
    SLIP_CHECK(disk_.SyncDirectory("/").ok() && disk_.SyncDirectory("/logs").ok());
    file_system_ = *disk_.Open("/logs", OpenMode::kDirectory);
  }
  absl::Status Save() {
    std::vector<LeaderEpochCache*> caches;
    for (LeaderEpochCache& cache : caches_) caches.push_back(&cache);
    disk_.RecordCalls();
    return SaveEpochsTogether(caches, *file_system_);
  }
  static std::vector<EpochStart> Loaded(SimulatedDisk& disk, int number) {
    const auto loaded = LeaderEpochCache::Load(disk, PathOf(number));
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? loaded->entries() : std::vector<EpochStart>();
  }

  SimulatedDisk disk_;
  std::unique_ptr<File> file_system_;
  std::vector<LeaderEpochCache> caches_;
};

TEST_F(EpochSaveCrash, Inv17_EpochsSavedTogetherAreDurableAfterTwoSyncs) {
  ASSERT_EQ(Save(), absl::OkStatus());
  EXPECT_EQ(std::ranges::count_if(disk_.recorded_calls(), &SimulatedDisk::Call::syncs), 2);
  const std::unique_ptr<SimulatedDisk> left = disk_.AfterPowerCut(Survives::kNothing, 0);
  for (int i = 0; i < kCaches; ++i) EXPECT_EQ(Loaded(*left, i), kNew);
}

class EpochSaveCrashAt : public EpochSaveCrash, public ::testing::WithParamInterface<size_t> {};

TEST_P(EpochSaveCrashAt, Inv18_AnEpochFileIsTheOldOneOrTheNew) {
  disk_.CrashAfter(GetParam());
  Save().IgnoreError();
  disk_.CrashAfter(0);
  for (const Survives survives : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart,
                                  Survives::kNamesInAnyOrder, Survives::kTornAnywhere}) {
    const std::unique_ptr<SimulatedDisk> left = disk_.AfterPowerCut(survives, GetParam());
    for (int i = 0; i < kCaches; ++i) {
      const std::vector<EpochStart> found = Loaded(*left, i);
      EXPECT_TRUE(found == kOld || found == kNew) << "file " << i << ", losses " << static_cast<int>(survives);
    }
  }
}

// More than it makes calls.
INSTANTIATE_TEST_SUITE_P(EveryCall, EpochSaveCrashAt, ::testing::Range(size_t{1}, size_t{20}));

}  // namespace
}  // namespace slipstream
