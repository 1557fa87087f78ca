#include "log/segment_scan.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/batches.h"
#include "tests/support/simulated_disk.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAreArray;

// The product's own disk and the simulated one, whose direct reads check what they are asked for.
class SegmentScanTest : public testing::TestWithParam<ScanMode> {
 protected:
  SegmentScanTest() { EXPECT_TRUE(disk_.CreateDirectories("/logs").ok()); }

  std::unique_ptr<File> Write(FileIo& io, const std::filesystem::path& path, ByteSpan content) {
    auto file = io.Open(path, OpenMode::kCreateNew);
    EXPECT_TRUE(file.ok() && (*file)->WriteAt(content, FilePosition{0}).ok());
    return *std::move(file);
  }
  // Where the batches lie that the scan finds; each must be sound.
  std::vector<uint64_t> Scan(File& file) {
    SegmentScan scan(file, *file.Size(), buffer_, GetParam());
    std::vector<uint64_t> found;
    absl::StatusOr<bool> more = scan.Next();
    for (; more.ok() && *more; more = scan.Next()) {
      EXPECT_TRUE(scan.batch().CrcValid());
      found.push_back(scan.position().value);
    }
    EXPECT_TRUE(more.ok()) << more.status();
    end_ = scan.next_position().value;
    return found;
  }
  static std::vector<uint64_t> Places(ByteSpan content) {
    BatchWalker walker(content);
    std::vector<uint64_t> places;
    while (walker.Next()) places.push_back(walker.position().value);
    return places;
  }

  SimulatedDisk disk_;
  TempDir dir_;
  std::vector<std::byte> buffer_;  // from file to file
  uint64_t end_ = 0;
};

// Batches of a few bytes up to more than a chunk, so that every kind of border is met.
std::vector<std::byte> MixedBatches(uint64_t seed, uint64_t bytes) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> content;
  for (int64_t next = 0; content.size() < bytes; ++next) {
    const size_t sizes[] = {1 + random() % 60, 1 + random() % 20'000, 1 + random() % 1'500'000,
                            1 + random() % 6'000'000};
    const size_t kind = random() % 64;
    AppendBatch(content, {.base_offset = next, .value_bytes = sizes[kind == 0 ? 3 : kind < 4 ? 2 : kind < 20 ? 1 : 0]});
  }
  return content;
}

TEST_P(SegmentScanTest, Log138_EveryBatchIsFoundWhereverTheChunksEnd) {
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<std::byte> content = MixedBatches(seed, 20 << 20);
    const std::string name = std::to_string(seed);
    EXPECT_THAT(Scan(*Write(disk_, "/logs/" + name, content)), ElementsAreArray(Places(content))) << "seed " << seed;
    EXPECT_EQ(end_, content.size());
    EXPECT_THAT(Scan(*Write(SystemFileIo(), dir_.path() / name, content)), ElementsAreArray(Places(content)));
    EXPECT_EQ(end_, content.size());
  }
}

TEST_P(SegmentScanTest, Log139_AFileMayEndAnywhere) {
  const std::vector<std::byte> content = MakeRun({.value_bytes = 90'000}, 20);
  constexpr uint64_t kMiB = 1 << 20;  // from there on past the page cache
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{16}, uint64_t{61}, kMiB - 1, kMiB, kMiB + 1,
                              kMiB + 511, kMiB + 512, kMiB + 4095, kMiB + 4096, kMiB + 4097, content.size() - 1}) {
    const ByteSpan part = ByteSpan(content).first(size);
    const std::string name = std::to_string(size);
    EXPECT_THAT(Scan(*Write(disk_, "/logs/" + name, part)), ElementsAreArray(Places(part))) << size << " bytes";
    EXPECT_THAT(Scan(*Write(SystemFileIo(), dir_.path() / name, part)), ElementsAreArray(Places(part)));
  }
}

TEST_P(SegmentScanTest, AFileThatIsShorterThanWasSaidIsAnError) {
  const std::vector<std::byte> content = MakeRun({.value_bytes = 900}, 12);
  const std::unique_ptr<File> file = Write(SystemFileIo(), dir_.path() / "a", content);
  SegmentScan scan(*file, content.size() + (2 << 20), buffer_, GetParam());
  EXPECT_TRUE(absl::IsDataLoss(scan.Next().status()));
}

INSTANTIATE_TEST_SUITE_P(Modes, SegmentScanTest, testing::Values(ScanMode::kCached, ScanMode::kDirect),
                         [](const testing::TestParamInfo<ScanMode>& mode) {
                           return mode.param == ScanMode::kDirect ? "Direct" : "Cached";
                         });

}  // namespace
}  // namespace slipstream
