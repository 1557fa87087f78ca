// Goal: the directories of many new partitions and their topic ids are durable before anything is written there, though
// few syncs are spent on them, wherever their making is cut short.
// Method: it dies, or is refused, after every call; the next start, or a power cut right after, is held to that.
#include "log/new_logs.h"

#include <gmock/gmock.h>

#include "log/log_directory.h"
#include "log/partition_metadata.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

const Uuid kTopicId{11, 12};
constexpr int kFew = 3, kMany = 200;

class NewLogsCrash : public testing::Test {
 protected:
  static std::vector<NewLog> Wanted(int count) {
    std::vector<NewLog> logs;
    for (int32_t i = 0; i < count; ++i) logs.push_back({{"orders", i}, kTopicId, {}});
    return logs;
  }
  static std::unique_ptr<LogDirectory> Open(SimulatedDisk& disk) {
    auto opened = LogDirectory::Open(disk, {.log_dir = "/logs", .num_recovery_threads = 1, .num_sync_threads = 1});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  static absl::Status Make(SimulatedDisk& disk) {
    const std::unique_ptr<File> log_dir = *disk.Open("/logs", OpenMode::kDirectory);
    disk.RecordCalls();
    return MakePartitionDirectories(disk, *log_dir, Wanted(kFew));
  }
  // The calls of making a few, on a disk where nothing fails.
  static std::vector<SimulatedDisk::Call> Calls() {
    SimulatedDisk disk;
    EXPECT_TRUE(disk.CreateDirectories("/logs").ok());
    EXPECT_EQ(Make(disk), absl::OkStatus());
    return disk.recorded_calls();
  }
};

TEST_F(NewLogsCrash, Inv17_ManyNewLogsAreDurableAfterTwoSyncs) {
  SimulatedDisk disk;
  const std::unique_ptr<LogDirectory> directory = Open(disk);
  disk.RecordCalls();
  directory->CreateMissing(Wanted(kMany));
  EXPECT_EQ(std::ranges::count_if(disk.recorded_calls(), &SimulatedDisk::Call::syncs), 2);
  for (const TopicPartition& partition : directory->partitions())
    EXPECT_TRUE(directory->Find(partition)->unflushed()) << "the first flush syncs the names of its files";

  const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(Survives::kNothing, 0);
  const std::unique_ptr<LogDirectory> next = Open(*left);
  ASSERT_NE(next, nullptr);
  ASSERT_EQ(next->partitions().size(), size_t{kMany});
  for (const TopicPartition& partition : next->partitions()) EXPECT_EQ(next->Find(partition)->topic_id(), kTopicId);
}

TEST_F(NewLogsCrash, Inv18_NewLogsWhoseMakingWasCutShortAreOpenedAndFinished) {
  const std::vector<SimulatedDisk::Call> calls = Calls();
  for (size_t k = 0; k <= calls.size(); ++k) {
    for (const Survives survives : {Survives::kNothing, Survives::kEverything, Survives::kRandomPart,
                                    Survives::kNamesInAnyOrder, Survives::kTornAnywhere}) {
      SCOPED_TRACE(absl::StrCat("dead after call ", k, ", losses ", static_cast<int>(survives)));
      SimulatedDisk disk;
      ASSERT_NE(Open(disk), nullptr);
      disk.CrashAfter(k + 1);  // Make's opening goes before its calls
      Make(disk).IgnoreError();
      disk.CrashAfter(0);
      const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(survives, k);
      const std::unique_ptr<LogDirectory> next = Open(*left);
      ASSERT_NE(next, nullptr);
      for (const NewLog& log : Wanted(kFew))
        EXPECT_EQ(next->GetOrCreate(log.partition, log.topic_id).status(), absl::OkStatus());
    }
  }
}

// What would happen: a directory without a durable name is found there, filled, and gone after a power cut.
TEST_F(NewLogsCrash, Inv17_WhatIsThereAfterAFailureIsDurable) {
  const std::vector<SimulatedDisk::Call> calls = Calls();
  for (size_t k = 0; k < calls.size(); ++k) {
    if (calls[k].syncs) continue;  // takes the log dir offline (Inv20)
    SCOPED_TRACE(absl::StrCat("refused: call ", k, ", ", calls[k].what, " ", calls[k].path));
    SimulatedDisk disk;
    ASSERT_NE(Open(disk), nullptr);
    disk.FailCall(k + 1, absl::ResourceExhaustedError("ENOSPC"));
    EXPECT_FALSE(Make(disk).ok());
    ASSERT_TRUE(disk.failed_one());
    const std::unique_ptr<SimulatedDisk> left = disk.AfterPowerCut(Survives::kNothing, k);
    EXPECT_EQ(*left->List("/logs", /*directories=*/true), *disk.List("/logs", /*directories=*/true));
    for (const NewLog& log : Wanted(kFew)) {
      const std::filesystem::path path =
          PartitionMetadataPath(std::filesystem::path("/logs") / log.partition.ToString());
      EXPECT_EQ(left->Exists(path), disk.Exists(path)) << path;
    }
  }
}

// A leader's answer must not make directories elsewhere.
TEST_F(NewLogsCrash, NewLogsWithNamesThatAreNoneAreLeftOut) {
  SimulatedDisk disk;
  const std::unique_ptr<LogDirectory> directory = Open(disk);
  std::vector<NewLog> wanted = Wanted(kMany);
  wanted.push_back({{"../elsewhere", 0}, kTopicId, {}});
  wanted.push_back({{"orders", -1}, kTopicId, {}});
  directory->CreateMissing(wanted);
  EXPECT_EQ(directory->partitions().size(), size_t{kMany});
  EXPECT_FALSE(disk.Exists("/elsewhere-0"));
}

}  // namespace
}  // namespace slipstream
