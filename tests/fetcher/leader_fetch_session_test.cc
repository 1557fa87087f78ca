// What a fetch session of the embedded leader gives over many requests: whose turn it is, and what an election in
// between changes.
#include <gtest/gtest.h>

#include <set>

#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 17;

class LeaderFetchSessionTest : public LeaderTest {
 protected:
  // Opens a session over all partitions of the topic, from offset 0 on. An answer has one batch, whoever's it is.
  void Open(const HostedTopic& topic, LeaderEpoch current_leader_epoch) {
    FetchRequest request;
    FetchTopic& asked = request.topics.emplace_back(FetchTopic{.topic = topic.name, .topic_id = topic.id});
    for (const auto& [number, partition] : topic.partitions)
      asked.partitions.push_back({.partition = number,
                                  .current_leader_epoch = current_leader_epoch,
                                  .fetch_offset = {0},
                                  .partition_max_bytes = 1});
    Exchange(std::move(request), /*session_epoch=*/0);
    session_id_ = response_.session_id;
    ASSERT_GT(session_id_, 0);
  }
  // The next request of the session.
  void Next(FetchRequest request = {}) { Exchange(std::move(request), ++session_epoch_); }
  // Says anew what is asked of partition 0.
  static FetchRequest Asking(const HostedTopic& topic, FetchPartition asked) {
    asked.partition_max_bytes = 1;
    FetchRequest request;
    request.topics.push_back({.topic = topic.name, .topic_id = topic.id, .partitions = {asked}});
    return request;
  }
  // REQUIRES: the last answer tells of one partition.
  const PartitionData& Only() const {
    SLIP_CHECK(response_.responses.size() == 1 && response_.responses[0].partitions.size() == 1);
    return response_.responses[0].partitions[0];
  }
  // The partitions that the last answer has records of.
  std::set<int32_t> Served() const {
    std::set<int32_t> served;
    for (const FetchableTopicResponse& topic : response_.responses)
      for (const PartitionData& data : topic.partitions)
        if (data.records.size() > 0) served.insert(data.partition_index);
    return served;
  }
  std::vector<KafkaError> Errors() const {
    std::vector<KafkaError> errors;
    for (const FetchableTopicResponse& topic : response_.responses)
      for (const PartitionData& data : topic.partitions) errors.push_back(data.error_code);
    return errors;
  }

  FetchResponse response_;

 private:
  void Exchange(FetchRequest request, int32_t session_epoch) {
    request.session_id = session_id_;
    request.session_epoch = session_epoch;
    request.max_bytes = 1;
    const std::optional<FetchResponse> response = Call(request, kVersion);
    ASSERT_TRUE(response.has_value());
    response_ = *response;
    ASSERT_EQ(response_.error_code, KafkaError::kNone);
  }

  int32_t session_id_ = 0, session_epoch_ = 0;
};

// KAFKA-9338: the session went on with the epoch it was opened with, and who had missed the election never learned of
// it.
TEST_F(LeaderFetchSessionTest, Rel24_Pf30_AnElectionFencesTheNextFetchOfASession) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  ASSERT_TRUE(partition.Elect({5}).ok());
  Open(topic, {5});
  EXPECT_EQ(Errors(), std::vector<KafkaError>{KafkaError::kNone});
  Next();
  EXPECT_TRUE(response_.responses.empty()) << "no news";
  ASSERT_TRUE(partition.Elect({6}).ok());
  Next();
  EXPECT_EQ(Errors(), std::vector<KafkaError>{KafkaError::kFencedLeaderEpoch});
  EXPECT_EQ(response_.responses[0].partitions[0].current_leader.leader_epoch, LeaderEpoch{6});
  FetchRequest with_the_new_epoch;
  with_the_new_epoch.topics.push_back(
      {.topic = topic.name,
       .topic_id = topic.id,
       .partitions = {{.partition = 0, .current_leader_epoch = {6}, .fetch_offset = {0}, .partition_max_bytes = 1}}});
  Next(std::move(with_the_new_epoch));
  EXPECT_EQ(Errors(), std::vector<KafkaError>{KafkaError::kNone}) << "the session is told the new one, and keeps it";
  Next();
  EXPECT_TRUE(response_.responses.empty());
}

// KAFKA-13141. What this leader keeps of a follower is its place in the session.
TEST_F(LeaderFetchSessionTest, Rel09_Pf22_ADivergenceIsToldUntilTheFollowerHasCut) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  ASSERT_TRUE(partition.Elect({3}).ok());
  Append(partition, 2);
  ASSERT_TRUE(partition.Elect({5}).ok());
  Append(partition, 1);
  Open(topic, {5});
  Next(Asking(topic, {.fetch_offset = {3}, .last_fetched_epoch = {3}}));
  for (int round = 0; round < 2; ++round, Next()) {
    const PartitionData& told = Only();
    EXPECT_EQ(told.diverging_epoch, (FetchEpochEndOffset{{3}, {2}})) << round;
    EXPECT_EQ(told.high_watermark, Offset{3}) << round;
    EXPECT_TRUE(Served().empty()) << round;
  }
  Next(Asking(topic, {.fetch_offset = {2}, .last_fetched_epoch = {3}}));
  EXPECT_EQ(Only().diverging_epoch, FetchEpochEndOffset{});
  EXPECT_EQ(Served(), std::set<int32_t>{0});
}

// KAFKA-8400.
TEST_F(LeaderFetchSessionTest, Rel10_Pf22_AReadThatFailsLeavesTheSessionWhereItWas) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  Append(partition, 1);
  Open(topic, {});
  const Offset high_watermark = Only().high_watermark;
  Next(Asking(topic, {.fetch_offset = {9}}));
  for (int round = 0; round < 2; ++round, Next()) {
    EXPECT_EQ(Errors(), std::vector<KafkaError>{KafkaError::kOffsetOutOfRange}) << round;
    EXPECT_EQ(Only().high_watermark, Offset{-1}) << round;
  }
  Next(Asking(topic, {.fetch_offset = {1}}));
  EXPECT_EQ(Errors(), std::vector<KafkaError>{KafkaError::kNone}) << "told again, though nothing is new";
  EXPECT_EQ(Only().high_watermark, high_watermark);
  Next();
  EXPECT_TRUE(response_.responses.empty());
}

// KAFKA-12330: partitions that always have something took every answer, and the slow one behind them had none.
TEST_F(LeaderFetchSessionTest, Rel26_Pf30_ASlowPartitionIsServedWithinARoundOfTheSession) {
  constexpr int32_t kHot = 10;
  HostedTopic& topic = Create("t", kHot + 1);
  for (int32_t hot = 0; hot < kHot; ++hot) Append(*topic.Find(hot), 1);  // never taken: there is always something
  Open(topic, {});
  Append(*topic.Find(kHot), 1);
  std::multiset<int32_t> served;
  for (int32_t round = 0; round <= kHot; ++round) {
    Next();
    ASSERT_EQ(Served().size(), 1u) << "round " << round;
    served.insert(*Served().begin());
  }
  for (int32_t partition = 0; partition <= kHot; ++partition) EXPECT_EQ(served.count(partition), 1u) << partition;
}

}  // namespace
}  // namespace slipstream
