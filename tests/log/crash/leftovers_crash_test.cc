// Goal: clearing up after a swap that was cut short may be cut short itself, at any call and on a disk that promises no
// order of names: the next try ends where the first would have (LOG-133, INV-18).
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "log/leftovers.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

using Contents = std::map<std::string, std::string>;  // by name

constexpr char kDirectory[] = "/t-0";
constexpr uint64_t kSeeds = 100;  // of each crash: what must not be seen may take one of 32

std::string Batch(int64_t base, int64_t end) {
  const std::vector<std::byte> batch =
      MakeBatch({.base_offset = base, .last_offset_delta = static_cast<int32_t>(end - base - 1)});
  return std::string(AsText(batch));
}

// The files of a segment from `base` to `end`; what its indexes hold is their name and `of`.
void Add(Contents& files, int64_t base, int64_t end, absl::string_view of, absl::string_view mark) {
  for (const absl::string_view suffix : kSegmentSuffixes) {
    if (suffix == kSnapshotSuffix) continue;
    files[SegmentFileName(Offset{base}, absl::StrCat(suffix, mark))] =
        suffix == kLogSuffix ? Batch(base, end) : absl::StrCat(suffix, of);
  }
}

void Make(SimulatedDisk& disk, const Contents& files) {
  ASSERT_TRUE(disk.CreateDirectories(kDirectory).ok() && disk.SyncDirectory("/").ok());
  for (const auto& [name, content] : files)
    ASSERT_TRUE(ReplaceFile(disk, std::filesystem::path(kDirectory) / name, content).ok());
}

Contents FilesOf(const SimulatedDisk& disk) {
  Contents files;
  for (const auto& [path, content] : disk.Files()) files[path.filename()] = content;
  return files;
}

void ExpectThatEveryTryEndsWith(const Contents& found, const Contents& expected) {
  SimulatedDisk whole;
  Make(whole, found);
  whole.RecordCalls();
  ASSERT_TRUE(ClearLeftovers(whole, kDirectory).ok());
  ASSERT_EQ(FilesOf(whole), expected);
  for (size_t k = 0; k <= whole.recorded_calls().size(); ++k) {
    SimulatedDisk disk;
    Make(disk, found);
    disk.CrashAfter(k);
    (void)ClearLeftovers(disk, kDirectory);
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(Survives::kNamesInAnyOrder, seed);
      ASSERT_TRUE(ClearLeftovers(*left, kDirectory).ok());
      ASSERT_EQ(FilesOf(*left), expected) << "dead after call " << k << ", seed " << seed;
    }
  }
}

TEST(LeftoversCrash, Log133_Inv18_AWholeSwapIsFinishedWhateverTryDies) {
  Contents found, expected;
  Add(found, 0, 10, "old", "");
  Add(found, 10, 20, "old", "");
  Add(found, 20, 30, "old", "");
  Add(found, 0, 12, "new", kSwapMark);
  Add(found, 12, 30, "new", kSwapMark);
  Add(expected, 0, 12, "new", "");
  Add(expected, 12, 30, "new", "");
  ExpectThatEveryTryEndsWith(found, expected);
}

TEST(LeftoversCrash, Log133_Inv18_AnUnfinishedSwapIsUndoneWhateverTryDies) {
  Contents found, expected;
  Add(expected, 0, 20, "old", "");
  Add(expected, 20, 30, "old", "");
  found = expected;
  Add(found, 0, 12, "new", kCleanedMark);
  Add(found, 12, 30, "new", kSwapMark);
  ExpectThatEveryTryEndsWith(found, expected);
}

}  // namespace
}  // namespace slipstream
