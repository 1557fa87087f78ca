// Partitions that move between the log dirs of a copy while they are followed.
#include "fetcher/moves/log_dir_moves.h"

#include <gmock/gmock.h>

#include <atomic>

#include "tests/fetcher/follower_fixture.h"
#include "tests/support/log_configs.h"

namespace slipstream {
namespace {

class LogDirMovesTest : public FollowerFixture {
 protected:
  LogDirMovesTest() {
    log_config_ = KeepsAll();
    copy_dirs_ = {copy_.path() / "a", copy_.path() / "b", copy_.path() / "c"};
    follow_.fetcher.replica_fetch_backoff = std::chrono::milliseconds(1);
  }

  // One partition of three records that a copy has in its first log dir.
  HostedPartition& FollowOne() {
    HostedPartition& partition = *Create("t").Find(0);
    Append(partition, 3);
    Serve();
    Follow(/*until_caught_up=*/false);
    RunUntil([this] { return follower_->CaughtUp(); });
    EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
    return partition;
  }
  void Wish(size_t dir) {
    auto wishes = LogDirWishes::Parse("t-.*:" + copy_dirs_[dir].native());
    SLIP_CHECK(wishes.ok());
    follower_->SetLogDirWishes(*std::move(wishes));
  }
  void RunUntilMoved(size_t dir, const TopicPartition& partition = {"t", 0}) {
    RunUntil([&] { return copies_->log_dir(partition) == copy_dirs_[dir] && !follower_->moving(); });
  }
  void StopAndClose() {
    StopFollowing();
    follower_.reset();
    ASSERT_TRUE(copies_->Close().ok());
  }
  // What is in a log dir, but for files.
  std::vector<std::string> In(size_t dir) const { return *SystemFileIo().List(copy_dirs_[dir], /*directories=*/true); }
};

TEST_F(LogDirMovesTest, Ad01_Ad02_Ad08_APartitionMovesWhileItIsFollowed) {
  HostedPartition& leader = FollowOne();
  Wish(1);
  RunUntilMoved(1);
  Append(leader, 2);
  RunUntil([this] { return follower_->Snapshot().records == 5; });
  RunUntil([this] { return Told("moved to " + copy_dirs_[1].native()); });
  StopAndClose();
  EXPECT_THAT(In(1), testing::ElementsAre("t-0"));
  Follow();
  EXPECT_EQ(copies_->Find({"t", 0})->log_end_offset(), Offset{5});
  EXPECT_EQ(copies_->Find({"t", 0})->high_watermark(), Offset{5});
  EXPECT_TRUE(copies_->futures().empty());
}

TEST_F(LogDirMovesTest, Ad01_ANewPartitionIsMadeWhereItIsToLie) {
  follow_.log_dir_wishes = *LogDirWishes::Parse("t-.*:" + copy_dirs_[2].native());
  Append(*Create("t").Find(0), 3);
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[2]);
  EXPECT_EQ(follower_->Snapshot().moving, 0u);
}

TEST_F(LogDirMovesTest, Ad04_ManyMoveOneAfterTheOther) {
  HostedTopic& topic = Create("t", 6);
  for (const auto& [number, partition] : topic.partitions) Append(*partition, number + 1);
  Serve();
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return follower_->CaughtUp(); });
  Wish(2);
  for (int32_t number = 0; number < 6; ++number) RunUntilMoved(2, {"t", number});
  EXPECT_EQ(In(2).size(), 6u);
  for (int32_t number = 0; number < 6; ++number) Append(*topic.Find(number), 1);
  RunUntil([this] { return follower_->Snapshot().records == 21 + 6; });
}

// What happened: the future log never had the epoch of records that were gone, and the move never ended.
TEST_F(LogDirMovesTest, Ad08_ALogThatRetentionHasEmptiedMovesToo) {
  log_config_ = LogConfig{};  // the records are of 1970
  HostedPartition& leader = FollowOne();
  RunUntil([this] { return follower_->Snapshot().lag == 0; });
  Wish(1);
  RunUntilMoved(1);
  Append(leader, 1);
  RunUntil([this] { return follower_->Snapshot().records == 4; });
}

// What happened: no move ended while some partition was without a leader, or no broker answered.
TEST_F(LogDirMovesTest, Ad08_AMoveEndsWhileTheLeaderIsLost) {
  FollowOne();
  StopServing();
  RunUntil([this] { return !told_.empty(); });
  Wish(1);
  RunUntilMoved(1);
}

// Moves that go on as far as a byte a second lets them: to the first batch.
class SlowMovesTest : public LogDirMovesTest {
 protected:
  SlowMovesTest() {
    follow_.move_rate_limit = &rate_;
    copy_io_.before_write = [this](const std::filesystem::path& path) {
      const bool fails = broken_ && absl::StartsWith(path.native(), copy_dirs_[1].native());
      return fails ? ErrnoToStatus(EIO, "open", path) : absl::OkStatus();
    };
  }

  void BeginMove(size_t dir) {
    HostedPartition& leader = FollowOne();
    Append(leader, 2);
    RunUntil([this] { return follower_->Snapshot().records == 5; });
    Wish(dir);
    RunUntil([&] { return Told("moving to " + copy_dirs_[dir].native()); });
    EXPECT_EQ(follower_->Snapshot().moving, 1u);
  }
  bool FutureIn(size_t dir) const {
    return std::ranges::any_of(In(dir), [](const std::string& name) { return absl::EndsWith(name, "-future"); });
  }

  ByteRateLimit rate_{1, std::chrono::steady_clock::now()};
  std::atomic<bool> broken_ = false;  // the disk of the second log dir
};

TEST_F(SlowMovesTest, Rq10_Ad09_AMoveBeyondTheBoundWaits) {
  BeginMove(1);
  EXPECT_TRUE(FutureIn(1));
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
  rate_.SetRate(kUnlimitedRate);
  RunUntilMoved(1);
}

TEST_F(SlowMovesTest, Ad01_ALaterWishTakesTheEarlierOnesPlace) {
  BeginMove(1);
  Wish(2);
  RunUntil([this] { return FutureIn(2); });
  EXPECT_FALSE(FutureIn(1));
  rate_.SetRate(kUnlimitedRate);
  RunUntilMoved(2);
}

TEST_F(SlowMovesTest, Ad01_AWishThatIsWithdrawnEndsItsMove) {
  BeginMove(1);
  follower_->SetLogDirWishes({});
  RunUntil([this] { return !follower_->moving(); });
  EXPECT_FALSE(FutureIn(1));
}

// Of three partitions in three log dirs two are to move.
class ThreadsOfMovesTest : public SlowMovesTest, public testing::WithParamInterface<int32_t> {
 protected:
  bool Moving(int32_t number) const {
    return std::ranges::any_of(told_of_copy_, [&](const std::string& line) {
      return absl::StrContains(line, "moving to") && absl::StrContains(line, absl::StrCat("t-", number));
    });
  }
};

TEST_P(ThreadsOfMovesTest, Ad02_Ad04_AThreadMovesOneAtATimeByName) {
  follow_.num_replica_alter_log_dirs_threads = GetParam();
  HostedTopic& topic = Create("t", 3);
  for (const auto& [number, partition] : topic.partitions)
    for (int i = 0; i < 2; ++i) Append(*partition, 3);
  Serve();
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return follower_->Snapshot().records == 18; });
  Wish(1);
  RunUntil([this] { return Moving(0) && (GetParam() == 1 || Moving(2)); });
  EXPECT_EQ(Moving(2), GetParam() == 2);
  EXPECT_EQ(follower_->Snapshot().moving, 2u);
  rate_.SetRate(kUnlimitedRate);
  RunUntilMoved(1, {"t", 2});
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[1]);
  RunUntil([this] { return Moving(2); });
}
INSTANTIATE_TEST_SUITE_P(OneAndTwo, ThreadsOfMovesTest, testing::Values(1, 2));

// What happened: the move could not go on, was given up, and what was copied deleted.
TEST_F(SlowMovesTest, Inv23_Pf33_AFutureLogOutlivesAStartWithoutTheDiskOfTheCurrentOne) {
  BeginMove(1);
  StopAndClose();
  ended_.reset();
  copy_io_.before_write = [this](const std::filesystem::path& path) {
    const auto [end, at] = std::ranges::mismatch(copy_dirs_[0], path);
    return end == copy_dirs_[0].end() ? ErrnoToStatus(EIO, "open", path) : absl::OkStatus();
  };
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return Told("t-0 is in no log directory that is online"); });
  EXPECT_TRUE(FutureIn(1));
  EXPECT_FALSE(follower_->moving()) << "nobody need wait for it";
  StopAndClose();
  ended_.reset();
  copy_io_.before_write = nullptr;
  rate_.SetRate(kUnlimitedRate);
  Follow(/*until_caught_up=*/false);
  RunUntilMoved(1);
}

TEST_F(SlowMovesTest, Ad01_AWishToStayEndsAMove) {
  BeginMove(1);
  Wish(0);
  RunUntil([this] { return !follower_->moving(); });
  EXPECT_FALSE(FutureIn(1));
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
}

TEST_F(SlowMovesTest, Ad01_TheNextProcessGoesOnWithAMove) {
  BeginMove(1);
  StopAndClose();
  ended_.reset();
  rate_.SetRate(kUnlimitedRate);
  Follow(/*until_caught_up=*/false);
  ASSERT_EQ(copies_->futures().size(), 1u);
  RunUntilMoved(1);
  EXPECT_EQ(follower_->Snapshot().moving, 0u);
}

// What happened: SIGHUP for another setting dropped what an earlier process had moved so far.
TEST_F(SlowMovesTest, Ad01_ToBeToldTheSameWishesWithdrawsNoMove) {
  BeginMove(1);
  StopAndClose();
  ended_.reset();
  told_of_copy_.clear();
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return Told("moving to "); });
  follower_->SetLogDirWishes(LogDirWishes{});
  rate_.SetRate(kUnlimitedRate);
  RunUntilMoved(1);
}

// What happened: only a move whose own append failed was given up. What waited, or had nothing to write, was tried for
// ever, and a run until caught up never ended.
TEST_F(SlowMovesTest, Ad01_Pf33_AMoveThatWritesNothingIsGivenUpWhenItsDiskFails) {
  BeginMove(1);
  broken_ = true;
  EXPECT_FALSE(copies_->io(copy_dirs_[1]).Open(copy_dirs_[1] / "probe", OpenMode::kCreate).ok());
  RunUntil([this] { return !follower_->moving() && Told("Input/output error"); });
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
}

TEST_F(SlowMovesTest, Pf33_AMoveEndsWithItsTopic) {
  follow_.fetcher.gap_policy = GapPolicy::kRestart;
  follow_.client.metadata_max_age = std::chrono::milliseconds(100);  // the least there is
  BeginMove(1);
  StopServing();
  Close();
  std::filesystem::remove_all(dir_.path() / "t-0");
  Open();
  Append(*Create("t").Find(0), 4);
  Serve();
  RunUntil([this] { return follower_->Snapshot().records == 9; });
  EXPECT_TRUE(Told("the copy was dropped"));
  rate_.SetRate(kUnlimitedRate);
  RunUntilMoved(1);  // the new one, since the wish holds
  StopAndClose();
  Follow();
  EXPECT_EQ(copies_->Find({"t", 0})->log_end_offset(), Offset{4});
}

// A wanted log dir that the test spoils.
class SpoiledMovesTest : public LogDirMovesTest {
 protected:
  SpoiledMovesTest() {
    copy_io_.before_write = [this](const std::filesystem::path& path) {
      const bool future = absl::EndsWith(path.parent_path().filename().native(), "-future");
      return spoiled_ != 0 && future && path.extension() == ".log" ? ErrnoToStatus(spoiled_, "open", path)
                                                                   : absl::OkStatus();
    };
  }

  std::atomic<int> spoiled_ = 0;  // the error of each new file of records there
};

TEST_F(SpoiledMovesTest, Ad01_Pf33_AMoveToADiskThatFailsIsGivenUp) {
  HostedPartition& leader = FollowOne();
  spoiled_ = EIO;
  Wish(1);
  RunUntil([this] { return !follower_->moving() && Told("Input/output error"); });
  Append(leader, 1);
  RunUntil([this] { return follower_->Snapshot().records == 4; });
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
}

TEST_F(SpoiledMovesTest, Ad07_AMoveToAFullDiskIsGivenUpUntilItIsWantedAgain) {
  FollowOne();
  spoiled_ = ENOSPC;
  Wish(1);
  RunUntil([this] { return Told("No space left on device"); });
  EXPECT_EQ(copies_->log_dir({"t", 0}), copy_dirs_[0]);
  spoiled_ = 0;
  Wish(1);
  RunUntilMoved(1);
}

}  // namespace
}  // namespace slipstream
