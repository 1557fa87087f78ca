#include "fetcher/tier/local_remote_storage.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>

#include "tests/support/batches.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TopicIdPartition kPartition{{"my-topic", 2}, Uuid{0x1234, 0x5678}};
const Uuid kFirst{1, 1}, kSecond{2, 2}, kOther{3, 3};

class LocalRemoteStorageTest : public testing::Test {
 protected:
  std::filesystem::path Directory() const {
    return dir_.path() / "kafka-tiered-storage" / ("my-topic-2-" + kPartition.topic_id.ToString());
  }
  void Write(const std::string& name, absl::string_view content) {
    const std::filesystem::path path = Directory() / name;
    ASSERT_TRUE(SystemFileIo().CreateDirectories(Directory()).ok());
    const auto file = SystemFileIo().Open(path, OpenMode::kCreate);
    ASSERT_TRUE(file.ok() && (*file)->Truncate(0).ok() && (*file)->WriteAt(AsBytes(content), FilePosition{0}).ok());
  }
  static std::string Stem(int64_t base, Uuid id) { return absl::StrFormat("%020d-%s", base, id.ToString()); }
  // Of two batches of records, which lie from `base` to `last`.
  void AddSegment(int64_t base, Uuid id, int64_t last, const std::string& epochs) {
    const int64_t middle = (base + last) / 2;
    const std::vector<std::byte> log =
        MakeBatches({{.base_offset = base, .record_count = static_cast<int32_t>(middle - base + 1)},
                     {.base_offset = middle + 1, .record_count = static_cast<int32_t>(last - middle)}});
    const std::string stem = Stem(base, id);
    Write(stem + ".log", AsText(log));
    Write(stem + ".leader_epoch_checkpoint", epochs);
    Write(stem + ".snapshot", absl::StrCat("producers at ", last + 1));
    for (const char* other : {".index", ".timeindex"}) Write(stem + other, "");
  }
  absl::StatusOr<RemoteSegment> Find(int32_t epoch, int64_t offset) {
    return storage_.FindSegment(kPartition, LeaderEpoch{epoch}, Offset{offset});
  }
  int64_t BaseOf(int32_t epoch, int64_t offset) {
    const absl::StatusOr<RemoteSegment> found = Find(epoch, offset);
    return found.ok() ? found->base_offset.value : -1;
  }

  TempDir dir_;
  LocalRemoteStorage storage_{SystemFileIo(), dir_.path()};
};

TEST_F(LocalRemoteStorageTest, Ts05_TheSegmentThatHoldsAnOffsetInItsEpoch) {
  AddSegment(0, kFirst, 99, "0\n2\n0 0\n1 60\n");
  AddSegment(100, kSecond, 249, "0\n3\n0 0\n1 60\n4 200\n");
  const absl::StatusOr<RemoteSegment> found = Find(1, 199);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->base_offset, Offset{100});
  EXPECT_EQ(found->last_offset, Offset{249});
  EXPECT_EQ(found->name, Stem(100, kSecond));
  const auto epochs = storage_.LeaderEpochs(*found);
  ASSERT_TRUE(epochs.ok()) << epochs.status();
  EXPECT_THAT(*epochs, ElementsAre(EpochStart{LeaderEpoch{0}, Offset{0}}, EpochStart{LeaderEpoch{1}, Offset{60}},
                                   EpochStart{LeaderEpoch{4}, Offset{200}}));
  EXPECT_EQ(storage_.ProducerSnapshot(*found).value_or(""), "producers at 250");
  EXPECT_EQ(BaseOf(0, 0), 0);
  EXPECT_EQ(BaseOf(0, 59), 0);
  EXPECT_EQ(BaseOf(1, 60), 0);
  EXPECT_EQ(BaseOf(4, 249), 100);
}

TEST_F(LocalRemoteStorageTest, Ts05_WhatNoSegmentHoldsIsNotFound) {
  AddSegment(10, kFirst, 99, "0\n1\n3 10\n");
  EXPECT_TRUE(absl::IsNotFound(Find(3, 100).status())) << "behind it";
  EXPECT_TRUE(absl::IsNotFound(Find(3, 9).status())) << "before it";
  EXPECT_TRUE(absl::IsNotFound(Find(2, 50).status())) << "of another epoch";
  EXPECT_THAT(std::string(Find(2, 50).status().message()), HasSubstr("offset 50 holds it in leader epoch 2"));
}

TEST_F(LocalRemoteStorageTest, APartitionOfWhichNothingWasMovedIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Find(0, 0).status()));
}

// Leaders that diverged copied what each of them had there.
TEST_F(LocalRemoteStorageTest, OfSegmentsThatOverlapTheOneOfTheEpochCounts) {
  AddSegment(0, kFirst, 149, "0\n1\n1 0\n");
  AddSegment(100, kSecond, 199, "0\n2\n1 0\n2 90\n");
  EXPECT_EQ(BaseOf(1, 120), 0);
  EXPECT_EQ(BaseOf(2, 120), 100);
}

// Files are copied one after the other, the producer snapshot last, and removed one by one.
TEST_F(LocalRemoteStorageTest, ASegmentThatIsHalfCopiedDoesNotCount) {
  AddSegment(0, kFirst, 99, "0\n1\n1 0\n");
  ASSERT_TRUE(SystemFileIo().Remove(Directory() / (Stem(0, kFirst) + ".snapshot")).ok());
  EXPECT_EQ(BaseOf(1, 50), -1);
  AddSegment(0, kOther, 99, "0\n1\n1 0\n");
  EXPECT_EQ(Find(1, 50)->name, Stem(0, kOther)) << "the copy that was tried again";
}

TEST_F(LocalRemoteStorageTest, FilesThatAreNoneOfASegmentAreLeftAlone) {
  AddSegment(0, kFirst, 99, "0\n1\n1 0\n");
  for (const char* name : {"notes", "12", "12-", "x-AAAAAAAAAAAAAAAAAAAAAQ.log", "5-short.log"}) Write(name, "?");
  EXPECT_EQ(BaseOf(1, 50), 0);
}

TEST_F(LocalRemoteStorageTest, DamageIsAnErrorThatNamesTheFile) {
  AddSegment(0, kFirst, 99, "0\n1\n");
  const absl::StatusOr<RemoteSegment> found = Find(1, 50);
  EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
  EXPECT_THAT(std::string(found.status().message()), HasSubstr(kFirst.ToString()));
}

}  // namespace
}  // namespace slipstream
