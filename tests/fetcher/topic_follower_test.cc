#include "fetcher/topic_follower.h"

#include <absl/strings/match.h>
#include <gmock/gmock.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>

#include "tests/fetcher/follower_fixture.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

asio::awaitable<void> TakeAll(asio::ip::tcp::acceptor& acceptor, std::vector<asio::ip::tcp::socket>& taken) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    taken.push_back(std::move(socket));
  }
}

using TopicFollowerTest = FollowerFixture;

TEST_F(TopicFollowerTest, ALeaderThatRestartsIsToldLostOnceAndBackOnce) {
  HostedTopic& topic = Create("t", 5);
  for (const auto& [number, partition] : topic.partitions) Append(*partition, 3);
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  StopServing();
  RunUntil([this] { return !told_.empty(); });
  EXPECT_EQ(follower_->Snapshot().awaiting_leader, 5u);
  EXPECT_EQ(follower_->Snapshot().caught_up, 0u) << "nobody knows";
  Reopen();
  Serve();
  RunUntil([this] { return told_.size() >= 2; });
  RunUntil([this] { return follower_->Snapshot().awaiting_leader == 0 && follower_->Snapshot().caught_up == 5; });
  Append(*catalog_->Find("t")->Find(4), 1);
  RunUntil([this] { return follower_->Snapshot().records == 16; });
  EXPECT_THAT(told_, ElementsAre(AllOf(HasSubstr("leader 1 of 5 partitions is lost"),
                                       HasSubstr(absl::StrCat("127.0.0.1:", port_, ": cannot connect"))),
                                 HasSubstr(absl::StrCat("leader 1 is back: broker 127.0.0.1:", port_))));
}

// What happened: a stop waited until the logs of all partitions were made, tens of seconds with many on a slow disk.
TEST_F(TopicFollowerTest, AStopIsHeardWhileManyNewLogsAreMade) {
  constexpr size_t kMany = 1001;
  Create("t", kMany);
  Serve();
  Follow();
  RunUntil([this] { return !copies_->partitions().empty(); });
  StopFollowing();
  EXPECT_LT(copies_->partitions().size(), kMany);
  EXPECT_EQ(copies_->Close(), absl::OkStatus());
}

// What happened: a stop waited for the connection to a peer that takes connections and says nothing.
TEST_F(TopicFollowerTest, Rel22_AStopDoesNotWaitForALeaderThatIsSilent) {
  Create("t");
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  StopServing();
  asio::ip::tcp::acceptor silent(io_, {asio::ip::address_v4::loopback(), port_});
  std::vector<asio::ip::tcp::socket> taken;
  asio::co_spawn(io_, TakeAll(silent, taken), asio::detached);
  RunUntil([&] { return taken.size() >= 2; });  // the fetcher and the control thread
  StopFollowing();
  EXPECT_TRUE(ended_ && ended_->ok()) << *ended_;
  silent.close();
  io_.restart();
  io_.poll();
}

// What happened: checkpoints spoke of a partition from the moment it was assigned, and said 0 until its fetcher had
// published what the log held.
TEST_F(TopicFollowerTest, Log052_CheckpointsSayWhatALogHoldsBeforeItsFetcherHasBegun) {
  Append(*Create("t").Find(0), 3);
  Serve();
  Follow();
  RunUntil([this] { return follower_->CaughtUp(); });
  StopFollowing();
  follower_.reset();
  ASSERT_TRUE(copies_->Close().ok());
  ended_.reset();
  asio::ip::tcp::acceptor silent(io_, {asio::ip::address_v4::loopback(), 0});
  std::vector<asio::ip::tcp::socket> taken;
  asio::co_spawn(io_, TakeAll(silent, taken), asio::detached);
  service_->SetAdvertised({"127.0.0.1", silent.local_endpoint().port()});
  const std::filesystem::path high_watermarks = copy_.path() / "replication-offset-checkpoint";
  std::vector<std::string> written;
  copy_io_.before_rename = [&](const std::filesystem::path& from) {
    if (from.stem() == high_watermarks.filename())
      written.push_back(ReadWholeFile(SystemFileIo(), from).value_or("unreadable"));
    return absl::OkStatus();
  };
  follow_.checkpoint_interval = std::chrono::milliseconds(10);
  follow_.fetcher.flush_mode = FlushMode::kDurable;
  Follow(/*until_caught_up=*/false);
  RunUntil([&] { return !taken.empty(); });  // the fetcher, which learns no more
  StopFollowing();
  EXPECT_THAT(written, ::testing::Each(HasSubstr("\nt 0 3")));
  EXPECT_THAT(ReadWholeFile(SystemFileIo(), high_watermarks).value_or(""), HasSubstr("\nt 0 3"));
  silent.close();
  io_.restart();
  io_.poll();
}

TEST_F(TopicFollowerTest, AConfigThatCannotWorkIsRefused) {
  follow_.fetcher.replica_fetch_wait_max = follow_.client.request_timeout = std::chrono::seconds(1);
  auto logs = LogManager::Open(copy_io_, {.log_dirs = copy_dirs_});
  ASSERT_TRUE(logs.ok());
  const auto refused = TopicFollower::Create(io_, **logs, follow_, nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("must be below request.timeout.ms = 1000"));
  EXPECT_TRUE((*logs)->Close().ok());
}

// A copy whose disks fail when the test says so.
class FailingDiskTest : public TopicFollowerTest {
 protected:
  FailingDiskTest() {
    follow_.checkpoint_interval = std::chrono::milliseconds(10);
    follow_.client.metadata_max_age = std::chrono::milliseconds(100);  // the least there is
    follow_.fetcher.replica_fetch_backoff = std::chrono::milliseconds(1);
    copy_dirs_ = {copy_.path() / "a"};
    copy_io_.before_write = [this](const std::filesystem::path& path) {
      if (full_ && path.extension() == ".log") return ErrnoToStatus(ENOSPC, "open", path);
      const bool checkpoint = path.parent_path() / "" == copy_dirs_.front() / "";
      return broken_ && checkpoint ? ErrnoToStatus(EIO, "open", path) : absl::OkStatus();
    };
  }

  HostedTopic& CreateAndServe(int32_t partitions) {
    HostedTopic& topic = Create("t", partitions);
    for (const auto& [number, partition] : topic.partitions) Append(*partition, 3);
    Serve();
    return topic;
  }
  // The first directory's checkpoints say what its partitions of three records hold.
  bool NothingToWriteDown(const std::vector<int32_t>& partitions) const {
    const std::string written =
        ReadWholeFile(SystemFileIo(), copy_dirs_.front() / "replication-offset-checkpoint").value_or("");
    return std::ranges::all_of(
        partitions, [&](int32_t number) { return absl::StrContains(written, absl::StrCat("\nt ", number, " 3\n")); });
  }

  std::atomic<bool> full_ = false;    // no file of records can be made
  std::atomic<bool> broken_ = false;  // the first directory's checkpoints cannot be written
};

TEST_F(FailingDiskTest, Inv20_AFullDiskIsWaitedForAndToldOnce) {
  CreateAndServe(1);
  full_ = true;
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return Told("No space left on device; will be retried"); });
  EXPECT_EQ(follower_->Snapshot().failed, 1u);
  EXPECT_FALSE(follower_->CaughtUp());
  full_ = false;
  RunUntil([this] { return follower_->CaughtUp(); });
  EXPECT_EQ(follower_->Snapshot().failed, 0u);
  StopFollowing();
  EXPECT_TRUE(ended_->ok()) << *ended_;
  EXPECT_EQ(std::ranges::count_if(told_of_copy_, [](const auto& line) { return absl::StrContains(line, "No space"); }),
            1);
}

TEST_F(FailingDiskTest, AFullDiskEndsARunThatHasAnEnd) {
  CreateAndServe(1);
  full_ = true;
  Follow(/*until_caught_up=*/true);
  RunUntil([this] { return ended_.has_value(); });
  EXPECT_TRUE(absl::IsResourceExhausted(*ended_)) << *ended_;
}

// What happened: a partition that was new to the copy ended the copying of all others while a log dir was offline.
TEST_F(FailingDiskTest, Log143_Inv23_TheOtherDirectoriesRunOnWithWhatIsNew) {
  copy_dirs_ = {copy_.path() / "a", copy_.path() / "b"};
  follow_.topics = {"t.*"};
  HostedTopic& topic = CreateAndServe(4);
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return follower_->CaughtUp(); });
  std::map<std::filesystem::path, std::vector<int32_t>> by_directory;
  for (int32_t number = 0; number < 4; ++number)
    by_directory[std::filesystem::path(copies_->Find({"t", number})->directory()).parent_path()].push_back(number);
  ASSERT_EQ(by_directory[copy_dirs_[0]].size(), 2u);
  // Or the failing write is one of these, and the directory goes before the record below has come.
  RunUntil([&] { return NothingToWriteDown(by_directory[copy_dirs_[0]]); });
  broken_ = true;
  Append(*topic.Find(by_directory[copy_dirs_[0]][0]), 1);  // something to write down
  RunUntil([&] { return Told(absl::StrCat(copy_dirs_[0].native(), " is offline: ")); });
  for (const auto& [number, partition] : topic.partitions) Append(*partition, 1);
  Create("t2", 1);
  RunUntil([&] { return Told("t2-0 is in no log directory that is online") && follower_->Snapshot().failed == 3; });
  RunUntil([&] { return follower_->Snapshot().records == 12 + 1 + 2; });
  EXPECT_FALSE(ended_.has_value());
  EXPECT_TRUE(follower_->CaughtUp()) << "of what can be copied";
  StopFollowing();
  EXPECT_TRUE(absl::IsUnavailable(*ended_)) << *ended_;
  EXPECT_THAT(ended_->message(), HasSubstr(copy_dirs_[0].native()));
  for (const int32_t number : by_directory[copy_dirs_[1]])
    EXPECT_EQ(copies_->Find({"t", number})->log_end_offset(), Offset{4});
}

// What happened: the run waited for ever, as the partitions' directory was not spelled like the one that went offline.
TEST_F(FailingDiskTest, Log143_ARunThatHasAnEndEndsWithoutWhatLiesOffline) {
  copy_dirs_ = {copy_.path() / "a/", copy_.path() / "b"};
  HostedTopic& topic = CreateAndServe(2);
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return follower_->CaughtUp(); });
  broken_ = true;
  for (const auto& [number, partition] : topic.partitions) Append(*partition, 1);  // something to write down
  RunUntil([&] { return Told(absl::StrCat(copy_dirs_[0].native(), " is offline: ")); });
  for (const auto& [number, partition] : topic.partitions) Append(*partition, 1);
  RunUntil([&] { return follower_->CaughtUp(); });
  EXPECT_FALSE(ended_.has_value());
}

// What happened: the run waited for ever for a batch that no retry brings in.
TEST_F(FailingDiskTest, Log71_ABatchAboveSegmentBytesEndsARunThatHasAnEnd) {
  CreateAndServe(1);
  log_config_.segment_bytes = 50;
  Follow(/*until_caught_up=*/true);
  RunUntil([this] { return ended_.has_value(); });
  EXPECT_TRUE(absl::IsInvalidArgument(*ended_)) << *ended_;
  EXPECT_THAT(std::string(ended_->message()),
              ::testing::MatchesRegex("t-0: batch of [0-9]+ bytes is above segment.bytes, 50"));
}

// What happened: with its only directory offline, the follower tried for ever and said nothing of it.
TEST_F(FailingDiskTest, Log143_WithoutADirectoryThatIsOnlineItEnds) {
  HostedTopic& topic = CreateAndServe(1);
  Follow(/*until_caught_up=*/false);
  RunUntil([this] { return follower_->CaughtUp(); });
  broken_ = true;
  Append(*topic.Find(0), 1);
  RunUntil([this] { return ended_.has_value(); });
  EXPECT_THAT(ended_->message(), AllOf(HasSubstr(copy_dirs_[0].native()), HasSubstr("Input/output error")));
}

}  // namespace
}  // namespace slipstream
