#include "session/fetch_session_cache.h"

#include <gtest/gtest.h>

#include <limits>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using TimePoint = FetchSessionCache::TimePoint;

constexpr int16_t kByName = 12;
constexpr int16_t kById = 13;
constexpr Uuid kTopicId{7, 8};

TimePoint At(int64_t ms) { return TimePoint(milliseconds(ms)); }

FetchPartition Asked(int32_t partition, int64_t offset = 0) {
  FetchPartition asked;
  asked.partition = partition;
  asked.fetch_offset = {offset};
  return asked;
}

FetchRequest Request(int32_t session_id, int32_t session_epoch, int32_t partitions = 0) {
  FetchRequest request;
  request.session_id = session_id;
  request.session_epoch = session_epoch;
  if (partitions > 0) request.topics.push_back({.topic = "t", .topic_id = {}, .partitions = {}});
  for (int32_t p = 0; p < partitions; ++p) request.topics[0].partitions.push_back(Asked(p));
  return request;
}

FetchRequest RequestById(int32_t session_id, int32_t session_epoch, int32_t partitions = 0) {
  FetchRequest request = Request(session_id, session_epoch, partitions);
  for (FetchTopic& topic : request.topics) {
    topic.topic.clear();
    topic.topic_id = kTopicId;
  }
  return request;
}

PartitionData Data(int32_t partition, int64_t high_watermark = 10, uint64_t bytes = 0) {
  PartitionData data;
  data.partition_index = partition;
  data.high_watermark = {high_watermark};
  data.log_start_offset = {0};
  data.records.external_bytes = bytes;
  return data;
}

std::vector<int32_t> Told(const FetchResponse& response) {
  std::vector<int32_t> told;
  for (const auto& topic : response.responses)
    for (const PartitionData& data : topic.partitions) told.push_back(data.partition_index);
  return told;
}

class FetchSessionCacheTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSeed = 42;

  // Opens and answers a request whose every partition has the same nothing to say.
  FetchResponse Exchange(const FetchRequest& request, TimePoint now, int16_t version = kByName) {
    FetchContext context = cache_.Open(request, version, now);
    return Answer(context, now);
  }
  FetchResponse Answer(FetchContext& context, TimePoint now = At(0)) {
    std::vector<PartitionData> data;
    if (context.error() == KafkaError::kNone && !context.Superseded())
      for (const SessionPartition& partition : context.partitions()) data.push_back(Data(partition.asked.partition));
    return Answer(context, std::move(data), now);
  }
  FetchResponse Answer(FetchContext& context, std::vector<PartitionData> data, TimePoint now = At(0)) {
    FetchResponse response;
    told_ = cache_.Answer(context, data, now, response);
    return response;
  }
  int32_t OpenSession(int32_t partitions, TimePoint now = At(0)) {
    return Exchange(Request(0, 0, partitions), now).session_id;
  }

  FetchSessionCache cache_{{}, kSeed};
  std::vector<size_t> told_;
};

TEST_F(FetchSessionCacheTest, Fs24_FullRequestOpensASessionAndNamesEveryPartition) {
  const FetchResponse response = Exchange(Request(0, 0, 3), At(0));
  EXPECT_GT(response.session_id, 0);
  EXPECT_EQ(response.error_code, KafkaError::kNone);
  EXPECT_EQ(Told(response), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(told_, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(cache_.session_count(), 1u);
}

TEST_F(FetchSessionCacheTest, Fs24_SessionlessAndFinalRequestsLeaveNoSession) {
  EXPECT_EQ(Exchange(Request(0, -1, 2), At(0)).session_id, 0);
  const int32_t id = OpenSession(2);
  const FetchResponse closing = Exchange(Request(id, -1, 2), At(0));
  EXPECT_EQ(closing.session_id, 0);
  EXPECT_EQ(Told(closing), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(cache_.session_count(), 0u);
}

TEST_F(FetchSessionCacheTest, Fs24_AFullRequestReplacesTheSessionItNames) {
  const int32_t id = OpenSession(2);
  const int32_t next = Exchange(Request(id, 0, 2), At(0)).session_id;
  EXPECT_NE(next, id);
  EXPECT_EQ(cache_.session_count(), 1u);
  EXPECT_EQ(Exchange(Request(id, 1), At(0)).error_code, KafkaError::kFetchSessionIdNotFound);
}

TEST_F(FetchSessionCacheTest, Fs24_AWrongEpochIsRefusedAndHarmsNothing) {
  const int32_t id = OpenSession(2);
  for (const int32_t epoch : {2, 7, -2}) {
    const FetchResponse response = Exchange(Request(id, epoch, 1), At(0));
    EXPECT_EQ(response.error_code, KafkaError::kInvalidFetchSessionEpoch);
    EXPECT_EQ(response.session_id, 0);
    EXPECT_TRUE(response.responses.empty());
  }
  EXPECT_EQ(Exchange(Request(id, 1), At(0)).error_code, KafkaError::kNone);
}

TEST_F(FetchSessionCacheTest, Fs24_IdsAndNamesDoNotMixInASession) {
  const int32_t by_name = OpenSession(1);
  EXPECT_EQ(Exchange(Request(by_name, 1), At(0), kById).error_code, KafkaError::kFetchSessionTopicIdError);
  EXPECT_EQ(Exchange(Request(by_name, 1), At(0), kByName).error_code, KafkaError::kNone);
  const int32_t by_id = Exchange(RequestById(0, 0, 1), At(0), kById).session_id;
  EXPECT_EQ(Exchange(Request(by_id, 1), At(0), kByName).error_code, KafkaError::kFetchSessionTopicIdError);
}

TEST_F(FetchSessionCacheTest, Fs20_IdsThatNoShardGivesAreUnknown) {
  for (const int32_t id :
       {-5, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(), 2'147'483'640, 1})
    EXPECT_EQ(Exchange(Request(id, 1), At(0)).error_code, KafkaError::kFetchSessionIdNotFound) << id;
}

TEST_F(FetchSessionCacheTest, Fs20_NewSessionsGoRoundTheShards) {
  constexpr int32_t kIdsPerShard = std::numeric_limits<int32_t>::max() / 8;
  for (int32_t i = 0; i < 16; ++i) EXPECT_EQ(OpenSession(1) / kIdsPerShard, i % 8);
}

TEST_F(FetchSessionCacheTest, Fs20_FewerSlotsThanShardsMeansNoSessions) {
  cache_ = FetchSessionCache({.slots_max = 7, .shards = 8}, kSeed);
  const FetchResponse response = Exchange(Request(0, 0, 1), At(0));
  EXPECT_EQ(response.session_id, 0);
  EXPECT_EQ(Told(response), std::vector<int32_t>{0});
}

// One shard of three slots, as Kafka's own test of the cache goes.
TEST_F(FetchSessionCacheTest, Fs21_Fs22_Fs23_WhoEntersAndWhoGoes) {
  cache_ = FetchSessionCache({.slots_max = 3, .shards = 1, .retention = milliseconds(100)}, kSeed);
  const auto use = [&](int32_t id, int32_t epoch, int64_t ms) {
    return Exchange(Request(id, epoch), At(ms)).error_code == KafkaError::kNone;
  };
  const int32_t a = OpenSession(10, At(0));
  const int32_t second = OpenSession(20, At(10));
  const int32_t third = OpenSession(30, At(20));
  EXPECT_EQ(OpenSession(40, At(30)), 0);
  EXPECT_EQ(OpenSession(5, At(40)), 0);
  EXPECT_TRUE(use(a, 1, 200));
  const int32_t eleven = OpenSession(11, At(210));
  EXPECT_NE(eleven, 0);
  EXPECT_FALSE(use(second, 1, 211));
  EXPECT_TRUE(use(a, 2, 400));
  EXPECT_TRUE(use(third, 1, 390));
  EXPECT_TRUE(use(eleven, 1, 400));
  EXPECT_NE(OpenSession(50, At(410)), 0);
  EXPECT_FALSE(use(a, 3, 410));
  EXPECT_EQ(OpenSession(5, At(410)), 0);
  FetchRequest follower = Request(0, 0, 5);
  follower.replica_id = BrokerId{2};
  EXPECT_NE(Exchange(follower, At(410)).session_id, 0);
  EXPECT_FALSE(use(eleven, 2, 410));
  EXPECT_TRUE(use(third, 2, 410));
}

TEST_F(FetchSessionCacheTest, Fs21_Pf30_ANewcomerOfTheSameSizeLoses) {
  cache_ = FetchSessionCache({.slots_max = 1, .shards = 1, .retention = milliseconds(100)}, kSeed);
  const int32_t id = OpenSession(10, At(0));
  EXPECT_EQ(Exchange(Request(id, 1), At(200)).error_code, KafkaError::kNone);  // old enough to go, and in use
  EXPECT_EQ(OpenSession(10, At(210)), 0);
  EXPECT_NE(OpenSession(11, At(210)), 0);
}

TEST_F(FetchSessionCacheTest, Fs25_AddsOverwritesAndForgets) {
  const int32_t id = OpenSession(2);
  FetchRequest request = Request(id, 1);
  request.topics.push_back({.topic = "t", .topic_id = {}, .partitions = {Asked(1, 77), Asked(5, 3)}});
  request.forgotten_topics_data.push_back({.topic = "t", .topic_id = {}, .partitions = {0}});
  FetchContext context = cache_.Open(request, kByName, At(0));
  std::vector<std::pair<int32_t, int64_t>> wanted;
  for (const SessionPartition& p : context.partitions())
    wanted.emplace_back(p.asked.partition, p.asked.fetch_offset.value);
  EXPECT_EQ(wanted, (std::vector<std::pair<int32_t, int64_t>>{{1, 77}, {5, 3}}));
}

TEST_F(FetchSessionCacheTest, Fs25_ForgettingWinsOverAsking) {
  const int32_t id = OpenSession(2);
  FetchRequest request = Request(id, 1, 1);
  request.forgotten_topics_data.push_back({.topic = "t", .topic_id = {}, .partitions = {0}});
  FetchContext context = cache_.Open(request, kByName, At(0));
  ASSERT_EQ(context.partitions().size(), 1u);
  EXPECT_EQ(context.partitions().front().asked.partition, 1);
}

TEST_F(FetchSessionCacheTest, Fs26_TopicsAreKnownByTheirIds) {
  const int32_t id = Exchange(RequestById(0, 0, 2), At(0), kById).session_id;
  FetchRequest request = RequestById(id, 1);
  request.topics.push_back({.topic = "", .topic_id = kTopicId, .partitions = {Asked(1, 9)}});
  request.topics.push_back({.topic = "", .topic_id = {7, 9}, .partitions = {Asked(1, 4)}});
  FetchContext context = cache_.Open(request, kById, At(0));
  ASSERT_EQ(context.partitions().size(), 3u);
  EXPECT_EQ(std::next(context.partitions().begin())->asked.fetch_offset, Offset{9});
  EXPECT_EQ(context.partitions().back().topic_id, (Uuid{7, 9}));
}

TEST_F(FetchSessionCacheTest, Fs27_OnlyNewsIsTold) {
  const int32_t id = OpenSession(6);
  FetchContext context = cache_.Open(Request(id, 1), kByName, At(0));
  std::vector<PartitionData> data;
  for (int32_t p = 0; p < 6; ++p) data.push_back(Data(p));
  data[1].records.external_bytes = 100;
  data[2].high_watermark = {11};
  data[3].log_start_offset = {4};
  data[4].diverging_epoch = {.epoch = {1}, .end_offset = {5}};
  data[5].last_stable_offset = {3};  // alone it is no news
  const FetchResponse response = Answer(context, data);
  EXPECT_EQ(response.session_id, id);
  EXPECT_EQ(Told(response), (std::vector<int32_t>{1, 2, 3, 4}));
  EXPECT_EQ(told_, (std::vector<size_t>{1, 2, 3, 4}));
}

TEST_F(FetchSessionCacheTest, Fs27_WhatIsOverIsToldOnceMore) {
  const int32_t id = OpenSession(1);
  FetchContext failing = cache_.Open(Request(id, 1), kByName, At(0));
  PartitionData error = Data(0);
  error.error_code = KafkaError::kKafkaStorageError;
  EXPECT_EQ(Told(Answer(failing, {error})), std::vector<int32_t>{0});
  EXPECT_EQ(Told(Exchange(Request(id, 2), At(0))), std::vector<int32_t>{0});
  EXPECT_EQ(Told(Exchange(Request(id, 3), At(0))), std::vector<int32_t>{});
}

TEST_F(FetchSessionCacheTest, Fs28_Pf30_OnlyPartitionsThatGaveRecordsMoveToTheEnd) {
  const int32_t id = OpenSession(4);
  FetchContext context = cache_.Open(Request(id, 1), kByName, At(0));
  PartitionData failed = Data(2);
  failed.error_code = KafkaError::kKafkaStorageError;
  Answer(context, {Data(0, 10, 100), Data(1, 11), failed, Data(3, 10, 100)});
  FetchContext next = cache_.Open(Request(id, 2), kByName, At(0));
  std::vector<int32_t> order;
  for (const SessionPartition& partition : next.partitions()) order.push_back(partition.asked.partition);
  EXPECT_EQ(order, (std::vector<int32_t>{1, 2, 0, 3}));
}

// KAFKA-12330: where an answer has room for the records of one, partitions that always have some took every answer.
TEST_F(FetchSessionCacheTest, Fs28_Rel26_Pf30_ASlowPartitionBesideAHundredHotOnesIsServedWithinARound) {
  constexpr int32_t kHot = 100;
  const int32_t id = OpenSession(kHot + 1);
  std::vector<int32_t> served, each_once;
  for (int32_t round = 0; round <= kHot; ++round) {
    each_once.push_back(round);
    FetchContext context = cache_.Open(Request(id, round + 1), kByName, At(0));
    std::vector<PartitionData> data;
    for (const SessionPartition& partition : context.partitions())
      data.push_back(Data(partition.asked.partition, 10, data.empty() ? 100 : 0));
    served.push_back(data.front().partition_index);
    Answer(context, std::move(data));
  }
  EXPECT_EQ(served, each_once);
}

TEST_F(FetchSessionCacheTest, Fs29_ASessionThatForgotEverythingIsGone) {
  const int32_t id = OpenSession(1);
  FetchRequest request = Request(id, 1);
  request.forgotten_topics_data.push_back({.topic = "t", .topic_id = {}, .partitions = {0}});
  const FetchResponse response = Exchange(request, At(0));
  EXPECT_EQ(response.error_code, KafkaError::kNone);
  EXPECT_EQ(response.session_id, 0);
  EXPECT_EQ(cache_.session_count(), 0u);
}

TEST_F(FetchSessionCacheTest, Fs30_AnAnswerThatALaterRequestOvertookIsAnError) {
  const int32_t id = OpenSession(1);
  FetchContext parked = cache_.Open(Request(id, 1), kByName, At(0));
  EXPECT_FALSE(parked.Superseded());
  EXPECT_EQ(Exchange(Request(id, 2), At(0)).error_code, KafkaError::kNone);
  EXPECT_TRUE(parked.Superseded());
  const FetchResponse late = Answer(parked);
  EXPECT_EQ(late.error_code, KafkaError::kInvalidFetchSessionEpoch);
  EXPECT_EQ(late.session_id, id);
}

TEST_F(FetchSessionCacheTest, Fs30_ASessionMayBeClosedWhileItsFetchIsParked) {
  const int32_t id = OpenSession(1);
  FetchContext parked = cache_.Open(Request(id, 1), kByName, At(0));
  Exchange(Request(id, -1), At(0));
  EXPECT_FALSE(parked.Superseded());
  EXPECT_EQ(Answer(parked, {Data(0, 12)}).error_code, KafkaError::kNone);
}

TEST(LeaderFetchSession, Fs02_Fs24_OneFollowsTheLastEpoch) {
  EXPECT_EQ(NextFetchSessionEpoch(1), 2);
  EXPECT_EQ(NextFetchSessionEpoch(std::numeric_limits<int32_t>::max()), 1);
}

// What happened: a request without a session that named one 65,000 times had it looked up as often.
TEST(LeaderFetchSession, Bad02_APartitionNamedTwiceIsReadOnceFromWhereItWasAskedLast) {
  FetchRequest request = Request(0, 0, 2);
  request.topics[0].partitions.push_back(Asked(1, 50));
  const SessionPartitions partitions = PartitionsOf(request);
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions.back().asked.partition, 1);
  EXPECT_EQ(partitions.back().asked.fetch_offset, Offset{50});
}

}  // namespace
}  // namespace slipstream
