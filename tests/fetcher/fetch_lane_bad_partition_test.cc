// One partition among very many that nothing good comes of: REL-20, PF-24.
#include "tests/fetcher/lane_fixture.h"
#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

using ::testing::IsEmpty;

enum class Trouble { kDamagedBatch, kBatchBelowItsEnd, kError, kFullDisk };

constexpr int32_t kPartitions = 1000;
constexpr int64_t kRounds = 4;
constexpr int64_t kBadEnd = 5;  // of what the copy of the bad one has

class BadPartitionTest : public LaneFixture, public ::testing::WithParamInterface<Trouble> {
 protected:
  BadPartitionTest() {
    for (int32_t i = 0; i < kPartitions; ++i) {
      const TopicPartition& partition = all_.emplace_back(TopicPartition{"many", i});
      auto opened =
          PartitionLog::Open(disk_, "/disk/" + partition.ToString(), partition, log_config_, LogOpenOptions{});
      SLIP_CHECK(opened.ok());
      logs_[partition] = *std::move(opened);
    }
    queue_.before_write = [this] {
      const bool fails = GetParam() == Trouble::kFullDisk && std::exchange(bad_is_next_, false);
      queue_.write_bytes_left = fails ? 0 : 1 << 20;
    };
  }
  void TearDown() override {
    LaneFixture::TearDown();
    lane_.reset();
    logs_.clear();  // before their disk
  }

  // The bad one is the first of them, so that its records are the first that are written.
  const TopicPartition& bad() const { return all_.front(); }
  ScriptedPartition BadAnswer() {
    const int64_t asked = AskedAt(bad());
    bad_is_next_ = asked == kBadEnd;  // else it is an answer behind the one that failed, which is not looked at
    switch (GetParam()) {
      case Trouble::kDamagedBatch: return {.partition = bad(), .records = Damaged(Batch(asked, 1))};
      case Trouble::kBatchBelowItsEnd: return {.partition = bad(), .records = Batch(asked - 1, 1)};
      case Trouble::kError: return {.partition = bad(), .error = KafkaError::kUnknownServerError};
      case Trouble::kFullDisk: return {.partition = bad(), .records = Batch(asked, 1)};
    }
    SLIP_CHECK(false);
    return {};
  }
  // A record for each, and for the bad one what it gets, where it is asked for.
  ScriptedFetch Round(int64_t round) {
    ScriptedFetch answer;
    if (AskedAt(bad()) >= 0) answer.partitions.push_back(BadAnswer());
    for (size_t i = 1; i < all_.size(); ++i)
      answer.partitions.push_back({.partition = all_[i], .records = Batch(round, 1)});
    return answer;
  }

  SimulatedDisk disk_;  // a real one takes half a minute for the first fsync of so many
  std::vector<TopicPartition> all_;
  bool bad_is_next_ = false;
};

TEST_P(BadPartitionTest, Rel20_Pf24_CostsTheOthersNothingAndHeals) {
  Fill(bad(), Batch(0, kBadEnd));
  StartWith(all_);
  for (int64_t round = 0; round < kRounds; ++round) {
    Serve(Round(round));
    ASSERT_EQ(leader_.fetches.size(), static_cast<size_t>(round) + 2) << "a fetch a round, as without it";
    for (size_t i = 1; i < all_.size(); ++i) ASSERT_EQ(End(all_[i]), round + 1) << all_[i].ToString();
    ASSERT_EQ(End(bad()), kBadEnd);
  }
  EXPECT_GT(counters_.fetch_errors.load(), 0u);
  PollUntilAskedAt(bad(), kBadEnd);
  bad_is_next_ = false;
  Serve({{{.partition = bad(), .records = Batch(kBadEnd, 1)}}});
  EXPECT_EQ(End(bad()), kBadEnd + 1);
  EXPECT_THAT(events_.truncated, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Troubles, BadPartitionTest,
                         ::testing::Values(Trouble::kDamagedBatch, Trouble::kBatchBelowItsEnd, Trouble::kError,
                                           Trouble::kFullDisk),
                         [](const auto& test) {
                           switch (test.param) {
                             case Trouble::kDamagedBatch: return std::string("DamagedBatch");
                             case Trouble::kBatchBelowItsEnd: return std::string("BatchBelowItsEnd");
                             case Trouble::kError: return std::string("Error");
                             case Trouble::kFullDisk: return std::string("FullDisk");
                           }
                           return std::string();
                         });

}  // namespace
}  // namespace slipstream
