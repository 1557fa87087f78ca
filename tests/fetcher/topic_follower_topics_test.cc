// Topics that are deleted at the source while they are followed, and made anew under their old names.
#include <gmock/gmock.h>

#include "tests/fetcher/follower_fixture.h"
#include "tests/support/log_configs.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

class FollowedTopicsTest : public FollowerFixture {
 protected:
  FollowedTopicsTest() {
    log_config_ = KeepsAll();
    follow_.topics = {"t.*"};
    follow_.client.metadata_max_age = std::chrono::milliseconds(100);  // the least there is
    follow_.fetcher.replica_fetch_backoff = std::chrono::milliseconds(1);
  }
  // Three records of each.
  void FollowTwoTopics() {
    for (const char* name : {"t1", "t2"}) Append(*Create(name).Find(0), 3);
    Serve();
    Follow(/*until_caught_up=*/false);
    RunUntil([this] { return follower_->Snapshot().records == 6; });
  }
  // The leader is away meanwhile.
  void DeleteAtTheSource(const std::string& name) {
    StopServing();
    Close();
    std::filesystem::remove_all(dir_.path() / (name + "-0"));
    Open();
  }
};

TEST_F(FollowedTopicsTest, Rel14_ATopicThatIsDeletedLeavesTheOthersTheirThread) {
  FollowTwoTopics();
  DeleteAtTheSource("t2");
  Serve();
  RunUntil([this] { return Told("t2-0: deleted at the source; the copy is kept as it is"); });
  Append(*catalog_->Find("t1")->Find(0), 2);
  RunUntil([this] { return follower_->Snapshot().records == 8; });
  EXPECT_EQ(follower_->Snapshot().partitions, 1u);
  StopFollowing();
  EXPECT_TRUE(ended_->ok()) << *ended_;
  EXPECT_FALSE(Told("died"));
  EXPECT_EQ(copies_->Find({"t2", 0})->log_end_offset(), Offset{3});
}

// What happened: a run until caught up left out what was deleted half-copied, and ended as if all were well.
TEST_F(FollowedTopicsTest, ATopicThatIsDeletedBeforeItWasCopiedFailsARunThatHasAnEnd) {
  ByteRateLimit rate(1, std::chrono::steady_clock::now());
  follow_.fetcher.rate_limit = &rate;
  follow_.fetcher.replica_fetch_max_bytes = 1024;
  for (const char* name : {"t1", "t2"}) {
    HostedTopic& topic = Create(name);
    for (int i = 0; i < 100; ++i) Append(*topic.Find(0), 1);
  }
  Serve();
  Follow(/*until_caught_up=*/true);
  RunUntil([this] { return follower_->Snapshot().records > 0; });
  DeleteAtTheSource("t2");
  Serve();
  RunUntil(
      [this] { return Told("t2-0: deleted at the source before all of it was copied; the copy is kept as it is"); });
  rate.SetRate(kUnlimitedRate);
  RunUntil([this] { return follower_->CaughtUp(); });
  StopFollowing();
  EXPECT_TRUE(absl::IsOutOfRange(*ended_)) << *ended_;
  EXPECT_THAT(std::string(ended_->message()), HasSubstr("t2-0: gap: deleted at the source"));
  EXPECT_EQ(copies_->Find({"t1", 0})->log_end_offset(), Offset{100});
}

// KAFKA-13111 and its like: only the topic's id tells the one from the other.
TEST_F(FollowedTopicsTest, Inv16_Pf31_ATopicMadeAnewUnderItsNameIsCopiedAnew) {
  follow_.fetcher.gap_policy = GapPolicy::kRestart;
  FollowTwoTopics();
  DeleteAtTheSource("t2");
  const Uuid id = Create("t2").id;
  Append(*catalog_->Find("t2")->Find(0), 2);
  Serve();
  RunUntil([this] { return follower_->Snapshot().records == 8; });
  EXPECT_TRUE(Told("the copy was dropped"));
  StopFollowing();
  EXPECT_EQ(copies_->Find({"t2", 0})->log_end_offset(), Offset{2});
  EXPECT_EQ(copies_->Find({"t2", 0})->topic_id(), id);
  EXPECT_EQ(copies_->Find({"t1", 0})->log_end_offset(), Offset{3});
}

TEST_F(FollowedTopicsTest, Inv16_Pf31_ATopicMadeAnewUnderItsNameEndsTheRunUnlessToldOtherwise) {
  FollowTwoTopics();
  DeleteAtTheSource("t2");
  Append(*Create("t2").Find(0), 2);
  Serve();
  RunUntil([this] { return ended_.has_value(); });
  EXPECT_TRUE(absl::IsOutOfRange(*ended_)) << *ended_;
  EXPECT_THAT(std::string(ended_->message()), HasSubstr("t2-0: gap: the topic was created anew at the source"));
  EXPECT_EQ(copies_->Find({"t2", 0})->log_end_offset(), Offset{3}) << "nothing of the copy is touched";
}

// What happened: one answer of a broker that was behind named the topic of before, and the copy of the new one went.
TEST_F(FollowedTopicsTest, Inv16_OneAnswerThatNamesAnotherTopicDropsNoCopy) {
  follow_.fetcher.gap_policy = GapPolicy::kRestart;
  FollowTwoTopics();
  const Uuid id = *copies_->Find({"t2", 0})->topic_id();
  catalog_->Find("t2")->id = Uuid{9, 9};
  Create("t3");
  follower_->Resize(2);  // has the metadata looked at
  RunUntil([this] { return follower_->Snapshot().partitions == 3 || Told("dropped"); });
  HostedTopic& topic = *catalog_->Find("t2");
  topic.id = id;
  Append(*topic.Find(0), 2);
  RunUntil([this] { return follower_->Snapshot().records == 8; });
  StopFollowing();
  EXPECT_FALSE(Told("dropped"));
  EXPECT_EQ(copies_->Find({"t2", 0})->topic_id(), id);
  EXPECT_EQ(copies_->Find({"t2", 0})->log_end_offset(), Offset{5});
}

}  // namespace
}  // namespace slipstream
