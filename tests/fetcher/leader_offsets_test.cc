#include "fetcher/leader/offsets_handler.h"

#include <gtest/gtest.h>

#include "log/record_batch.h"
#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

class LeaderOffsetsTest : public LeaderTest {
 protected:
  static constexpr int8_t kReadCommitted = 1;
  static constexpr int16_t kCommitMarker = 1;

  ListOffsetsPartitionResponse ListOne(Timestamp timestamp, int16_t version = 10, LeaderEpoch current_leader_epoch = {},
                                       int8_t isolation_level = 0, BrokerId replica_id = {}) {
    ListOffsetsRequest request;
    request.replica_id = replica_id;
    request.isolation_level = isolation_level;
    request.topics.push_back(
        {.name = "t",
         .partitions = {{.partition_index = 0, .current_leader_epoch = current_leader_epoch, .timestamp = timestamp}}});
    const std::optional<ListOffsetsResponse> response = Call(request, version);
    SLIP_CHECK(response && response->topics.size() == 1);
    return response->topics[0].partitions.at(0);
  }
  ListOffsetsPartitionResponse ListCommitted(Timestamp timestamp, int16_t version = 10) {
    return ListOne(timestamp, version, {}, kReadCommitted);
  }
  // Two records of an open transaction, or the marker that ends it.
  void Transact(HostedPartition& partition, std::optional<int16_t> marker = {}) {
    std::vector<std::byte> batch = MakeBatch({.record_count = marker ? 1 : 2,
                                              .base_timestamp = 7000,
                                              .producer_id = 5,
                                              .producer_epoch = 0,
                                              .base_sequence = marker ? -1 : 0,
                                              .transactional = true,
                                              .control_type = marker});
    const auto appended = Await(partition.log.AppendAsLeader(queue_, batch, partition.leader_epoch));
    SLIP_CHECK(appended.ok());
    partition.OnAppended(batch.size());
  }
  // Where a reader of committed records comes to that reads from 0 until nothing is given any more.
  Offset ReadCommittedToTheEnd(const HostedTopic& topic) {
    FetchRequest request;
    request.isolation_level = kReadCommitted;
    FetchPartition asked{.fetch_offset = {0}, .partition_max_bytes = 1 << 20};
    for (;;) {
      request.topics = {{.topic = topic.name, .topic_id = topic.id, .partitions = {asked}}};
      const std::optional<FetchResponse> response = Call(request, 17);
      SLIP_CHECK(response && response->responses.size() == 1);
      BatchWalker walker(response->responses[0].partitions.at(0).records.bytes);
      const Offset before = asked.fetch_offset;
      while (walker.Next()) asked.fetch_offset = walker.batch().next_offset();
      if (asked.fetch_offset == before) return before;
    }
  }
  OffsetForLeaderPartitionResult EndOf(int32_t epoch, int32_t current_leader_epoch = -1, int16_t version = 4) {
    OffsetForLeaderEpochRequest request;
    request.topics.push_back(
        {.topic = "t",
         .partitions = {{.partition = 0, .current_leader_epoch = {current_leader_epoch}, .leader_epoch = {epoch}}}});
    const std::optional<OffsetForLeaderEpochResponse> response = Call(request, version);
    SLIP_CHECK(response && response->topics.size() == 1);
    return response->topics[0].partitions.at(0);
  }
};

TEST_F(LeaderOffsetsTest, Log154_Ad10_BothEndsInEveryVersion) {
  HostedPartition& partition = *Create("t").Find(0);
  Append(partition, 4);
  ASSERT_TRUE(partition.Elect({3}).ok());
  Append(partition, 6);
  ASSERT_TRUE(partition.log.MaybeIncrementLogStartOffset({2}).ok());
  for (int16_t version = ListOffsetsRequest::kVersionMin; version <= ListOffsetsRequest::kVersionMax; ++version) {
    SCOPED_TRACE(version);
    const ListOffsetsPartitionResponse latest = ListOne(kLatestTimestamp, version);
    EXPECT_EQ(latest.error_code, KafkaError::kNone);
    EXPECT_EQ(latest.offset, Offset{10});
    EXPECT_EQ(latest.timestamp, Timestamp{-1});
    EXPECT_EQ(latest.leader_epoch, LeaderEpoch{version >= 4 ? 3 : -1});
    const ListOffsetsPartitionResponse earliest = ListOne(kEarliestTimestamp, version);
    EXPECT_EQ(earliest.offset, Offset{2});
    EXPECT_EQ(earliest.leader_epoch, LeaderEpoch{version >= 4 ? 0 : -1});
  }
  EXPECT_EQ(ListOne(kEarliestLocalTimestamp, 8).offset, Offset{2});
  EXPECT_EQ(ListOne(kEarliestLocalTimestamp, 7).error_code, KafkaError::kUnsupportedVersion);
  EXPECT_EQ(ListOne(kLatestTieredTimestamp, 9).offset, Offset{-1});
  EXPECT_EQ(ListOne(kLatestTieredTimestamp, 9).error_code, KafkaError::kNone);
  EXPECT_EQ(ListOne(Timestamp{-9}).error_code, KafkaError::kUnsupportedVersion);
}

// What happened: the end told was the high watermark whatever the isolation, so that a consumer of committed records
// that reads until it stands at the end waited as long as any transaction was open.
TEST_F(LeaderOffsetsTest, Log154_WhoReadsCommittedRecordsIsToldAnEndThatItReaches) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  Append(partition, 3, 1000);
  Transact(partition);
  ASSERT_EQ(partition.log.high_watermark(), Offset{5});
  for (int16_t version = 2; version <= ListOffsetsRequest::kVersionMax; ++version)
    EXPECT_EQ(ListCommitted(kLatestTimestamp, version).offset, Offset{3});
  EXPECT_EQ(ReadCommittedToTheEnd(topic), ListCommitted(kLatestTimestamp).offset);
  EXPECT_EQ(ListOne(kLatestTimestamp).offset, Offset{5});
  EXPECT_EQ(ListOne(kLatestTimestamp, 10, {}, kReadCommitted, BrokerId{2}).offset, Offset{5}) << "of a replica";
  Transact(partition, kCommitMarker);
  EXPECT_EQ(ListCommitted(kLatestTimestamp).offset, Offset{6});
  EXPECT_EQ(ReadCommittedToTheEnd(topic), Offset{6});
}

TEST_F(LeaderOffsetsTest, Log154_Log155_TimesAreLookedUpAmongWhatTheAskerMayRead) {
  HostedPartition& partition = *Create("t").Find(0);
  Append(partition, 3, 1000);
  Transact(partition);  // 7000, 7001
  EXPECT_EQ(ListCommitted(Timestamp{1001}).offset, Offset{1});
  EXPECT_EQ(ListCommitted(Timestamp{2000}).offset, Offset{-1});
  EXPECT_EQ(ListCommitted(kMaxTimestamp).offset, Offset{-1});
  EXPECT_EQ(ListOne(Timestamp{2000}).offset, Offset{3});
  EXPECT_EQ(ListOne(kMaxTimestamp).offset, Offset{4});
  EXPECT_EQ(ListOne(kMaxTimestamp, 10, {}, kReadCommitted, BrokerId{2}).offset, Offset{4}) << "of a replica";
}

TEST_F(LeaderOffsetsTest, Log155_TheFirstRecordAtOrAfterATime) {
  HostedPartition& partition = *Create("t").Find(0);
  Append(partition, 3, 1000);  // 1000, 1001, 1002
  Append(partition, 3, 2000);
  const ListOffsetsPartitionResponse inside = ListOne(Timestamp{1001});
  EXPECT_EQ(inside.offset, Offset{1});
  EXPECT_EQ(inside.timestamp, Timestamp{1001});
  EXPECT_EQ(inside.leader_epoch, LeaderEpoch{0});
  EXPECT_EQ(ListOne(Timestamp{1500}).offset, Offset{3});
  EXPECT_EQ(ListOne(Timestamp{0}).offset, Offset{0});
  EXPECT_EQ(ListOne(Timestamp{2003}).offset, Offset{-1});
  EXPECT_EQ(ListOne(Timestamp{2003}).error_code, KafkaError::kNone);
}

TEST_F(LeaderOffsetsTest, Log154_TheLargestTimestampAndItsFirstRecord) {
  HostedPartition& partition = *Create("t").Find(0);
  EXPECT_EQ(ListOne(kMaxTimestamp).offset, Offset{-1});
  Append(partition, 3, 5000);
  Append(partition, 3, 1000);
  Append(partition, 1, 5002);  // as large as the largest, but later
  const ListOffsetsPartitionResponse found = ListOne(kMaxTimestamp);
  EXPECT_EQ(found.offset, Offset{2});
  EXPECT_EQ(found.timestamp, Timestamp{5002});
  EXPECT_EQ(ListOne(kMaxTimestamp, 6).error_code, KafkaError::kUnsupportedVersion);
}

TEST_F(LeaderOffsetsTest, Ld03_Pf03_TheLeaderEpochIsChecked) {
  ASSERT_TRUE(Create("t").Find(0)->Elect({4}).ok());
  EXPECT_EQ(ListOne(kLatestTimestamp, 10, {3}).error_code, KafkaError::kFencedLeaderEpoch);
  EXPECT_EQ(ListOne(kLatestTimestamp, 10, {5}).error_code, KafkaError::kUnknownLeaderEpoch);
  EXPECT_EQ(ListOne(kLatestTimestamp, 10, {4}).error_code, KafkaError::kNone);
  EXPECT_EQ(EndOf(4, 3).error_code, KafkaError::kFencedLeaderEpoch);
  EXPECT_EQ(EndOf(4, 5).error_code, KafkaError::kUnknownLeaderEpoch);
}

TEST_F(LeaderOffsetsTest, Ec05_Ld12_Ad10_WhereAnEpochEnds) {
  EXPECT_EQ(EndOf(0).error_code, KafkaError::kUnknownTopicOrPartition);
  HostedPartition& partition = *Create("t").Find(0);
  Append(partition, 4);
  ASSERT_TRUE(partition.Elect({3}).ok());
  Append(partition, 6);
  for (int16_t version = OffsetForLeaderEpochRequest::kVersionMin; version <= OffsetForLeaderEpochRequest::kVersionMax;
       ++version) {
    const OffsetForLeaderPartitionResult old = EndOf(1, -1, version);
    EXPECT_EQ(old.error_code, KafkaError::kNone);
    EXPECT_EQ(old.leader_epoch, LeaderEpoch{0});
    EXPECT_EQ(old.end_offset, Offset{4});
    EXPECT_EQ(EndOf(3, 3, version).end_offset, Offset{10});
    EXPECT_EQ(EndOf(9, 3, version).end_offset, Offset{-1});
    EXPECT_EQ(EndOf(9, 3, version).leader_epoch, LeaderEpoch{-1});
  }
}

// What would happen: a request of a megabyte names a partition ten thousands of times, and each is a search in its
// files.
TEST_F(LeaderOffsetsTest, Bad02_APartitionThatIsNamedTwiceIsLookedUpOnce) {
  Create("t");
  ListOffsetsRequest request;
  const ListOffsetsPartition asked{.partition_index = 0, .timestamp = kLatestTimestamp};
  request.topics = {{.name = "t", .partitions = {asked, asked}}, {.name = "t", .partitions = {asked}}};
  const std::optional<ListOffsetsResponse> response = Call(request, 10);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->topics[0].partitions[0].error_code, KafkaError::kNone);
  EXPECT_EQ(response->topics[0].partitions[1].error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(response->topics[1].partitions[0].error_code, KafkaError::kInvalidRequest);
}

}  // namespace
}  // namespace slipstream
