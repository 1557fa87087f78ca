#include "fetcher/leader/fetch_handler.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 17;

FetchPartition Ask(int64_t offset, int32_t bytes_max = 1 << 20, int32_t partition = 0) {
  FetchPartition asked;
  asked.partition = partition;
  asked.fetch_offset = {offset};
  asked.partition_max_bytes = bytes_max;
  return asked;
}

FetchPartition AskAfter(int32_t last_fetched_epoch, int64_t offset) {
  FetchPartition asked = Ask(offset);
  asked.last_fetched_epoch = {last_fetched_epoch};
  return asked;
}

FetchRequest Request(const HostedTopic& topic, std::vector<FetchPartition> partitions) {
  FetchRequest request;
  request.topics.push_back({.topic = topic.name, .topic_id = topic.id, .partitions = std::move(partitions)});
  return request;
}

class LeaderFetchTest : public LeaderTest {
 protected:
  PartitionData FetchOne(const FetchRequest& request, int16_t version = kVersion) {
    response_ = Call(request, version);
    SLIP_CHECK(response_ && response_->responses.size() == 1 && response_->responses[0].partitions.size() == 1);
    return response_->responses[0].partitions[0];
  }
  // Base offsets of the batches in it.
  static std::vector<int64_t> Batches(const PartitionData& data) {
    std::vector<int64_t> bases;
    BatchWalker walker(data.records.bytes);
    while (walker.Next()) bases.push_back(walker.batch().base_offset().value);
    EXPECT_EQ(walker.valid_bytes(), data.records.size());
    return bases;
  }
  void StartEpoch(HostedPartition& partition, int32_t epoch) { SLIP_CHECK(partition.Elect({epoch}).ok()); }

  std::optional<FetchResponse> response_;
};

TEST_F(LeaderFetchTest, ReadsByNameAndByIdInEveryVersion) {
  HostedTopic& topic = Create("t");
  Append(*topic.Find(0), 3);
  Append(*topic.Find(0), 2);
  for (int16_t version = FetchRequest::kVersionMin; version <= FetchRequest::kVersionMax; ++version) {
    SCOPED_TRACE(version);
    const PartitionData data = FetchOne(Request(topic, {Ask(0)}), version);
    EXPECT_EQ(data.error_code, KafkaError::kNone);
    EXPECT_EQ(data.high_watermark, Offset{5});
    EXPECT_EQ(data.last_stable_offset, Offset{5});
    EXPECT_EQ(Batches(data), (std::vector<int64_t>{0, 3}));
    EXPECT_FALSE(data.aborted_transactions.has_value());
    EXPECT_EQ(regions_.size(), 1u);
  }
}

TEST_F(LeaderFetchTest, ReadCommittedNamesNoAbortedTransactions) {
  HostedTopic& topic = Create("t");
  Append(*topic.Find(0), 1);
  FetchRequest request = Request(topic, {Ask(0)});
  request.isolation_level = 1;
  const PartitionData data = FetchOne(request);
  ASSERT_TRUE(data.aborted_transactions.has_value());
  EXPECT_TRUE(data.aborted_transactions->empty());
}

TEST_F(LeaderFetchTest, Ld01_Ld02_WhatIsNotHereIsTold) {
  HostedTopic& topic = Create("t");
  FetchRequest request = Request(topic, {Ask(0, 1000, 4)});
  EXPECT_EQ(FetchOne(request).error_code, KafkaError::kUnknownTopicOrPartition);
  request.topics[0] = {.topic = "other", .topic_id = {9, 9}, .partitions = {Ask(0)}};
  EXPECT_EQ(FetchOne(request, 13).error_code, KafkaError::kUnknownTopicId);
  EXPECT_EQ(FetchOne(request, 12).error_code, KafkaError::kUnknownTopicOrPartition);
}

TEST_F(LeaderFetchTest, Ld03_Pf03_TheLeaderEpochIsChecked) {
  HostedTopic& topic = Create("t");
  StartEpoch(*topic.Find(0), 5);
  FetchPartition asked = Ask(0);
  asked.current_leader_epoch = {4};
  const PartitionData fenced = FetchOne(Request(topic, {asked}));
  EXPECT_EQ(fenced.error_code, KafkaError::kFencedLeaderEpoch);
  EXPECT_EQ(fenced.current_leader, (LeaderIdAndEpoch{BrokerId{1}, LeaderEpoch{5}}));
  EXPECT_EQ(fenced.high_watermark, Offset{-1});
  asked.current_leader_epoch = {6};
  EXPECT_EQ(FetchOne(Request(topic, {asked})).error_code, KafkaError::kUnknownLeaderEpoch);
  asked.current_leader_epoch = {5};
  EXPECT_EQ(FetchOne(Request(topic, {asked})).error_code, KafkaError::kNone);
}

// Epochs 0@0 3@2 4@8 7@13 9@14 10@17, log end 17.
TEST_F(LeaderFetchTest, Ld05_ALogThatLeftThisOneIsToldWhere) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  const std::pair<int32_t, int32_t> epochs[] = {{0, 2}, {3, 6}, {4, 5}, {7, 1}, {9, 3}};
  for (const auto& [epoch, records] : epochs) {
    StartEpoch(partition, epoch);
    for (int32_t i = 0; i < records; ++i) Append(partition, 1);
  }
  StartEpoch(partition, 10);
  struct Case {
    int32_t epoch;
    int64_t offset;
    FetchEpochEndOffset expected;
  };
  const Case diverging[] = {
      {2, 5, {{0}, {2}}}, {0, 4, {{0}, {2}}}, {6, 6, {{4}, {13}}}, {5, 9, {{4}, {13}}}, {10, 18, {{10}, {17}}}};
  for (const Case& c : diverging) {
    const PartitionData data = FetchOne(Request(topic, {AskAfter(c.epoch, c.offset)}));
    EXPECT_EQ(data.error_code, KafkaError::kNone) << c.epoch;
    EXPECT_EQ(data.diverging_epoch, c.expected) << c.epoch;
    EXPECT_EQ(data.records.size(), 0u) << c.epoch;
  }
  for (const auto& [epoch, offset] : {std::pair{0, 2}, {7, 14}, {9, 17}, {10, 17}}) {
    const PartitionData data = FetchOne(Request(topic, {AskAfter(epoch, offset)}));
    EXPECT_EQ(data.error_code, KafkaError::kNone) << epoch;
    EXPECT_EQ(data.diverging_epoch, FetchEpochEndOffset{}) << epoch;
    EXPECT_EQ(data.records.size() > 0, offset < 17) << epoch;
  }
  EXPECT_EQ(FetchOne(Request(topic, {AskAfter(11, 5)})).error_code, KafkaError::kOffsetOutOfRange);
  ASSERT_TRUE(partition.log.MaybeIncrementLogStartOffset({5}).ok());
  EXPECT_EQ(FetchOne(Request(topic, {AskAfter(2, 8)})).diverging_epoch, (FetchEpochEndOffset{{2}, {5}}));
  EXPECT_EQ(FetchOne(Request(topic, {AskAfter(3, 5)})).diverging_epoch, FetchEpochEndOffset{});
  EXPECT_EQ(FetchOne(Request(topic, {AskAfter(0, 0)})).error_code, KafkaError::kOffsetOutOfRange);
}

TEST_F(LeaderFetchTest, Ld06_Log145_OffsetsOutsideTheLogAreOutOfRange) {
  HostedTopic& topic = Create("t");
  Append(*topic.Find(0), 10);
  EXPECT_EQ(FetchOne(Request(topic, {Ask(11)})).error_code, KafkaError::kOffsetOutOfRange);
  EXPECT_EQ(FetchOne(Request(topic, {Ask(-1)})).error_code, KafkaError::kOffsetOutOfRange);
  const PartitionData at_end = FetchOne(Request(topic, {Ask(10)}));
  EXPECT_EQ(at_end.error_code, KafkaError::kNone);
  EXPECT_EQ(at_end.records.size(), 0u);
  ASSERT_TRUE(topic.Find(0)->log.MaybeIncrementLogStartOffset({10}).ok());
  EXPECT_EQ(FetchOne(Request(topic, {Ask(9)})).error_code, KafkaError::kOffsetOutOfRange);
}

TEST_F(LeaderFetchTest, Ld08_TheFirstBatchComesWholeAndNothingElseIsCut) {
  HostedTopic& topic = Create("t", 3);
  for (const int32_t p : {0, 1, 2})
    for (int i = 0; i < 3; ++i) Append(*topic.Find(p), 1, 1000, 1000);
  const auto batch = static_cast<int32_t>(topic.Find(0)->log.size_bytes() / 3);

  FetchRequest request = Request(topic, {Ask(0, 1, 0), Ask(0, batch - 1, 1), Ask(0, 2 * batch, 2)});
  std::optional<FetchResponse> response = Call(request, kVersion);
  ASSERT_TRUE(response && response->responses[0].partitions.size() == 3);
  EXPECT_EQ(Batches(response->responses[0].partitions[0]), std::vector<int64_t>{0});
  EXPECT_EQ(Batches(response->responses[0].partitions[1]), std::vector<int64_t>{});
  EXPECT_EQ(Batches(response->responses[0].partitions[2]), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(regions_.size(), 2u);

  request.max_bytes = 2 * batch;
  response = Call(request, kVersion);
  EXPECT_EQ(Batches(response->responses[0].partitions[2]), std::vector<int64_t>{0});
}

// What happened: a request that named one partition 65,000 times had it looked up on the disk as often.
TEST_F(LeaderFetchTest, Bad02_WhatHasNoRoomInTheAnswerIsNotLookedUp) {
  HostedTopic& topic = Create("t", 2);
  for (const int32_t p : {0, 1}) Append(*topic.Find(p), 1);
  const auto batch = static_cast<int32_t>(topic.Find(0)->log.size_bytes());
  Reopen();  // nothing is open
  std::filesystem::remove(dir_.path() / "t-1" / "00000000000000000000.log");
  FetchRequest request = Request(*catalog_->Find("t"), {Ask(0, batch, 0), Ask(0, batch, 1)});
  request.max_bytes = batch;
  const std::optional<FetchResponse> response = Call(request, kVersion);
  ASSERT_TRUE(response && response->responses[0].partitions.size() == 2);
  EXPECT_EQ(Batches(response->responses[0].partitions[0]), std::vector<int64_t>{0});
  EXPECT_EQ(response->responses[0].partitions[1].error_code, KafkaError::kNone);
  EXPECT_EQ(response->responses[0].partitions[1].high_watermark, Offset{1});
}

TEST_F(LeaderFetchTest, Fs24_Fs27_ASessionIsOpenedAndTellsNewsOnly) {
  HostedTopic& topic = Create("t", 2);
  FetchRequest request = Request(topic, {Ask(0, 1000, 0), Ask(0, 1000, 1)});
  request.session_epoch = 0;
  const std::optional<FetchResponse> first = Call(request, kVersion);
  ASSERT_TRUE(first);
  EXPECT_GT(first->session_id, 0);
  EXPECT_EQ(first->responses[0].partitions.size(), 2u);

  FetchRequest next;
  next.session_id = first->session_id;
  next.session_epoch = 1;
  const std::optional<FetchResponse> quiet = Call(next, kVersion);
  EXPECT_EQ(quiet->session_id, first->session_id);
  EXPECT_TRUE(quiet->responses.empty());

  Append(*topic.Find(1), 4);
  next.session_epoch = 2;
  const PartitionData news = FetchOne(next);
  EXPECT_EQ(news.partition_index, 1);
  EXPECT_EQ(Batches(news), std::vector<int64_t>{0});
  EXPECT_EQ(response_->responses[0].topic_id, topic.id);
  next.session_epoch = 9;
  EXPECT_EQ(Call(next, kVersion)->error_code, KafkaError::kInvalidFetchSessionEpoch);
}

class ParkedFetchTest : public LeaderFetchTest {
 protected:
  FetchRequest Waiting(const HostedTopic& topic, int32_t min_bytes) {
    FetchRequest request = Request(topic, {Ask(0)});
    request.max_wait_ms = 3'600'000;
    request.min_bytes = min_bytes;
    return request;
  }
  void Begin(FetchRequest request) {
    request_ = std::move(request);
    asio::co_spawn(io_, handler_.Handle(request_, kVersion, client_, parked_response_, parked_regions_),
                   [this](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                     answered_ = true;
                   });
    Settle();
  }
  // Runs what can run without waiting.
  void Settle() {
    io_.restart();
    io_.poll();
  }
  uint64_t ParkedBytes() const { return parked_regions_.empty() ? 0 : parked_regions_[0].bytes; }

  FetchSessionCache sessions_{{}, 1};
  FetchHandler handler_{*catalog_, sessions_};
  FetchRequest request_;
  FetchResponse parked_response_;
  std::vector<FileRegion> parked_regions_;
  bool answered_ = false;
};

TEST_F(ParkedFetchTest, Ld10_WaitsUntilSomethingIsAppended) {
  HostedTopic& topic = Create("t");
  Begin(Waiting(topic, 1));
  EXPECT_FALSE(answered_);
  Append(*topic.Find(0), 1);
  EXPECT_TRUE(answered_);
  EXPECT_EQ(ParkedBytes(), topic.Find(0)->log.size_bytes());
  EXPECT_EQ(parked_response_.responses[0].partitions[0].high_watermark, Offset{1});
}

TEST_F(ParkedFetchTest, Ld10_WaitsForAsManyBytesAsWereAskedFor) {
  HostedTopic& topic = Create("t");
  HostedPartition& partition = *topic.Find(0);
  Append(partition, 1);
  const auto batch = static_cast<int32_t>(partition.log.size_bytes());
  Begin(Waiting(topic, 3 * batch));
  EXPECT_FALSE(answered_);
  Append(partition, 1);
  EXPECT_FALSE(answered_);
  Append(partition, 1);
  EXPECT_TRUE(answered_);
  EXPECT_EQ(ParkedBytes(), static_cast<uint64_t>(3 * batch));
}

TEST_F(ParkedFetchTest, Ld10_AnErrorOrADivergenceDoesNotWait) {
  HostedTopic& topic = Create("t", 2);
  FetchRequest request = Waiting(topic, 1);
  request.topics[0].partitions.push_back(Ask(99, 1000, 1));
  Begin(request);
  EXPECT_TRUE(answered_);

  answered_ = false;
  Append(*topic.Find(0), 1);
  StartEpoch(*topic.Find(0), 3);
  request = Waiting(topic, 1000);
  request.topics[0].partitions = {AskAfter(2, 1)};
  Begin(request);
  EXPECT_TRUE(answered_);
}

TEST_F(ParkedFetchTest, Ld10_NothingAskedOrNoTimeGivenDoesNotWait) {
  HostedTopic& topic = Create("t");
  FetchRequest request = Waiting(topic, 1);
  request.topics.clear();
  Begin(request);
  EXPECT_TRUE(answered_);
  answered_ = false;
  request = Waiting(topic, 1);
  request.max_wait_ms = 0;
  Begin(request);
  EXPECT_TRUE(answered_);
}

TEST_F(ParkedFetchTest, Ld10_ItsTimeRunsOut) {
  HostedTopic& topic = Create("t");
  FetchRequest request = Waiting(topic, 1);
  request.max_wait_ms = 5;
  Begin(request);
  EXPECT_FALSE(answered_);
  io_.restart();
  io_.run_for(kPatience);
  EXPECT_TRUE(answered_);
  EXPECT_EQ(parked_response_.responses[0].partitions[0].error_code, KafkaError::kNone);
  EXPECT_TRUE(parked_regions_.empty());
}

TEST_F(ParkedFetchTest, StopEndsTheWait) {
  HostedTopic& topic = Create("t");
  Begin(Waiting(topic, 1));
  EXPECT_FALSE(answered_);
  handler_.Stop();
  Settle();
  EXPECT_TRUE(answered_);
  answered_ = false;
  Begin(Waiting(topic, 1));
  EXPECT_TRUE(answered_);
}

// What happened: a fetch stayed parked, and its connection open, for its whole wait though nobody waited for the
// answer.
TEST_F(ParkedFetchTest, AClientThatLeavesEndsTheWait) {
  HostedTopic& topic = Create("t");
  Begin(Waiting(topic, 1));
  EXPECT_FALSE(answered_);
  ASSERT_TRUE(client_.watched());
  client_.Leave();
  Settle();
  EXPECT_TRUE(answered_);
  Append(*topic.Find(0), 1);  // nothing of the fetch is left to be woken
}

TEST_F(ParkedFetchTest, AClientIsWatchedOnlyWhileItsFetchIsParked) {
  HostedTopic& topic = Create("t");
  Begin(Waiting(topic, 1));
  EXPECT_TRUE(client_.watched());
  Append(*topic.Find(0), 1);
  EXPECT_TRUE(answered_);
  EXPECT_FALSE(client_.watched());
}

TEST_F(ParkedFetchTest, Fs30_ALaterRequestOfTheSessionEndsInAnErrorForTheParkedOne) {
  HostedTopic& topic = Create("t");
  FetchRequest open = Request(topic, {Ask(0)});
  open.session_epoch = 0;
  Begin(open);
  ASSERT_TRUE(answered_);
  answered_ = false;
  FetchRequest parked;
  parked.session_id = parked_response_.session_id;
  parked.session_epoch = 1;
  parked.max_wait_ms = 3'600'000;
  parked.min_bytes = 1;
  Begin(parked);
  EXPECT_FALSE(answered_);
  FetchRequest forgetting = parked;
  forgetting.session_epoch = 2;
  forgetting.forgotten_topics_data.push_back({.topic = "", .topic_id = topic.id, .partitions = {0}});
  (void)sessions_.Open(forgetting, kVersion, std::chrono::steady_clock::now());
  Append(*topic.Find(0), 1);
  EXPECT_TRUE(answered_);
  EXPECT_EQ(parked_response_.error_code, KafkaError::kInvalidFetchSessionEpoch);
}

}  // namespace
}  // namespace slipstream
