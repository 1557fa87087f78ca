#include "fetcher/leader/topic_catalog.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/failing_io.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Status kFull = absl::ResourceExhaustedError("write: No space left on device");

class TopicCatalogTest : public ::testing::Test {
 protected:
  TopicCatalogTest() { Open(); }
  ~TopicCatalogTest() override { Close(); }

  void Open() {
    auto logs = LogManager::Open(io_, {.log_dirs = {dir_.path()}});
    SLIP_CHECK(logs.ok());
    logs_ = *std::move(logs);
    auto catalog = TopicCatalog::Open(*logs_, io_, dir_.path());
    SLIP_CHECK(catalog.ok());
    catalog_ = *std::move(catalog);
  }
  void Close() {
    catalog_.reset();
    SLIP_CHECK(logs_->Close().ok());
  }
  // But for those that were set aside to be removed later.
  std::vector<std::string> Directories() {
    std::vector<std::string> names = *SystemFileIo().List(dir_.path(), /*directories=*/true);
    std::erase_if(names, [](const std::string& name) { return absl::EndsWith(name, "-delete"); });
    return names;
  }
  // No file of this name can be written in the directory of the partition.
  void Spoil(const std::string& partition, const std::string& file) {
    io_.before_write = [partition, file](const std::filesystem::path& path) {
      const bool hit = path.parent_path().filename() == partition && absl::StrContains(path.filename().string(), file);
      return hit ? kFull : absl::OkStatus();
    };
  }

  TempDir dir_;
  FailingIo io_;
  std::unique_ptr<LogManager> logs_;
  std::unique_ptr<TopicCatalog> catalog_;
};

class HalfMadeTopic : public TopicCatalogTest, public ::testing::WithParamInterface<const char*> {};

// What happened: the partitions made so far stayed, with a topic id that the next attempt did not know.
TEST_P(HalfMadeTopic, IsTakenBackAndCanBeMadeAgain) {
  Spoil("t-2", GetParam());
  const absl::Status failed = catalog_->Create("t", 4).status();
  EXPECT_EQ(failed.code(), kFull.code());
  EXPECT_THAT(std::string(failed.message()), HasSubstr(kFull.message()));
  EXPECT_THAT(Directories(), IsEmpty());
  EXPECT_EQ(catalog_->Find("t"), nullptr);
  EXPECT_EQ(logs_->Find({"t", 0}), nullptr);
  io_.before_write = nullptr;
  const absl::StatusOr<HostedTopic*> made = catalog_->Create("t", 3);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(Directories(), ElementsAre("t-0", "t-1", "t-2"));
  Close();
  Open();
  ASSERT_NE(catalog_->Find("t"), nullptr);
  EXPECT_EQ(catalog_->Find("t")->partitions.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Files, HalfMadeTopic, ::testing::Values(".log", "partition.metadata", "leader-epoch"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase_if(name,
                                         [](char c) { return !absl::ascii_isalpha(static_cast<unsigned char>(c)); });
                           return name;
                         });

TEST_F(TopicCatalogTest, ALeaderEpochIsNotedBeforeItBegins) {
  ASSERT_TRUE(catalog_->ElectAll().ok());
  HostedPartition& partition = *(*catalog_->Create("t", 1))->Find(0);
  io_.before_write = [](const std::filesystem::path& path) {
    return absl::StrContains(path.filename().string(), TopicCatalog::kEpochFile) ? kFull : absl::OkStatus();
  };
  EXPECT_EQ(catalog_->ElectNext(partition), kFull);
  EXPECT_EQ(partition.leader_epoch, LeaderEpoch{0});
  EXPECT_EQ(partition.log.latest_epoch(), LeaderEpoch{0});
  io_.before_write = nullptr;
  ASSERT_TRUE(catalog_->ElectNext(partition).ok());
  EXPECT_EQ(partition.leader_epoch, LeaderEpoch{1});
}

// What happened: a leader of 1,500 partitions took 17 s to start, an fsync or two for each.
TEST_F(TopicCatalogTest, Lf02_TheEpochsOfManyPartitionsAreWrittenTogether) {
  constexpr int32_t kMany = 70;
  ASSERT_TRUE(catalog_->Create("t", kMany).ok());
  for (int starts = 0; starts < 2; ++starts) ASSERT_TRUE(catalog_->ElectAll().ok());
  for (const auto& [number, partition] : catalog_->Find("t")->partitions) {
    EXPECT_EQ(partition->leader_epoch, LeaderEpoch{1});
    const auto written =
        LeaderEpochCache::Load(io_, dir_.path() / absl::StrCat("t-", number) / "leader-epoch-checkpoint");
    ASSERT_TRUE(written.ok());
    EXPECT_EQ(written->latest_epoch(), LeaderEpoch{1});
  }
}

TEST_F(TopicCatalogTest, WhatCannotBeTakenBackEitherIsTold) {
  Spoil("t-2", ".log");
  io_.before_rename = [](const std::filesystem::path& from) {
    return from.filename() == "t-1" ? absl::ResourceExhaustedError("rename: Disk quota exceeded") : absl::OkStatus();
  };
  const absl::Status failed = catalog_->Create("t", 4).status();
  EXPECT_EQ(failed.code(), kFull.code());
  EXPECT_THAT(std::string(failed.message()), AllOf(HasSubstr("No space left"), HasSubstr("Disk quota exceeded")));
  io_.before_rename = nullptr;
}

TEST_F(TopicCatalogTest, ADirectoryOfSomebodyElseIsNotTakenBack) {
  const std::filesystem::path foreign = dir_.path() / "t-1";
  ASSERT_TRUE(io_.CreateDirectories(foreign).ok());
  const absl::Status failed = catalog_->Create("t", 2).status();
  EXPECT_TRUE(absl::IsAlreadyExists(failed)) << failed;
  EXPECT_THAT(std::string(failed.message()), HasSubstr(foreign.string()));
  EXPECT_THAT(Directories(), ElementsAre("t-1"));
}

}  // namespace
}  // namespace slipstream
