#include "session/fetch_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Verdict = FetchSession::Verdict;

Uuid IdOf(int topic) { return Uuid{0, static_cast<uint64_t>(topic) + 1}; }
TopicPartition Name(int topic, int32_t partition) { return {"topic" + std::to_string(topic), partition}; }
FetchPartitionData At(int topic, int64_t offset) {
  return {.topic_id = IdOf(topic), .fetch_offset = Offset{offset}, .partition_max_bytes = 1000};
}

// "topic0-1@5" per partition sent, in order.
std::vector<std::string> Sent(const FetchRequest& request) {
  std::vector<std::string> sent;
  for (const FetchTopic& topic : request.topics) {
    for (const FetchPartition& partition : topic.partitions)
      sent.push_back(topic.topic + "-" + std::to_string(partition.partition) + "@" +
                     std::to_string(partition.fetch_offset.value));
  }
  return sent;
}

std::vector<std::string> Forgotten(const FetchRequest& request) {
  std::vector<std::string> forgotten;
  for (const ForgottenTopic& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions)
      forgotten.push_back(topic.topic + "-" + std::to_string(partition) + "/" + std::to_string(topic.topic_id.low));
  }
  return forgotten;
}

class FetchSessionTest : public ::testing::Test {
 protected:
  FetchRequest Build(bool topic_ids = true) {
    FetchRequest request;
    session_.Build(request, topic_ids);
    return request;
  }
  FetchResponse Answer(int32_t session_id, std::vector<std::pair<int, int32_t>> partitions,
                       KafkaError error = KafkaError::kNone) {
    FetchResponse response;
    response.session_id = session_id;
    response.error_code = error;
    for (const auto& [topic, partition] : partitions) {
      FetchableTopicResponse& entry = response.responses.emplace_back();
      entry.topic = Name(topic, 0).topic;
      entry.topic_id = IdOf(topic);
      entry.partitions.emplace_back().partition_index = partition;
    }
    return response;
  }
  // A session 7 with topic0-0@0 and topic1-1@0, next epoch 1.
  void Open() {
    session_.Set(Name(0, 0), At(0, 0));
    session_.Set(Name(1, 1), At(1, 0));
    Build();
    ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}, {1, 1}})), Verdict::kUse);
  }

  FetchSession session_;
};

// What happened: with small answers and no session the first partition had all of them until it had caught up.
TEST_F(FetchSessionTest, Rel26_WithoutASessionWhatMovedOnGoesBehindTheOthers) {
  session_.Set(Name(0, 0), At(0, 0));
  session_.Set(Name(1, 1), At(1, 0));
  Build();
  ASSERT_EQ(session_.OnResponse(Answer(0, {{0, 0}, {1, 1}})), Verdict::kUse);
  session_.Set(Name(0, 0), At(0, 5));
  EXPECT_THAT(Sent(Build()), ElementsAre("topic1-1@0", "topic0-0@5"));
}

TEST_F(FetchSessionTest, Fs01_StartsWithAFullRequest) {
  session_.Set(Name(0, 0), At(0, 10));
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@10"));
}

TEST_F(FetchSessionTest, Fs02_EachAnswerAddsOneToTheEpoch) {
  Open();
  EXPECT_EQ(session_.session_epoch(), 1);
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 1);
  ASSERT_EQ(session_.OnResponse(Answer(7, {})), Verdict::kUse);
  EXPECT_EQ(session_.session_epoch(), 2);
}

TEST_F(FetchSessionTest, Fs03_WhatWasBuiltIsNotSentTwice) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  EXPECT_THAT(Sent(Build()), ElementsAre("topic0-0@5"));
  EXPECT_THAT(Sent(Build()), IsEmpty());
}

TEST_F(FetchSessionTest, Fs04_AFullRequestTellsEverythingInOrder) {
  session_.Set(Name(1, 0), At(1, 1));
  session_.Set(Name(0, 0), At(0, 2));
  session_.Set(Name(1, 1), At(1, 3));
  EXPECT_THAT(Sent(Build()), ElementsAre("topic1-0@1", "topic0-0@2", "topic1-1@3"));
}

TEST_F(FetchSessionTest, Fs05_OnePartitionWithoutAnIdMakesTheSessionGoByNames) {
  session_.Set(Name(0, 0), At(0, 0));
  Build();
  EXPECT_TRUE(session_.built_with_topic_ids());
  ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kUse);
  FetchPartitionData without_id = At(1, 0);
  without_id.topic_id = Uuid{};
  session_.Set(Name(1, 0), without_id);
  const FetchRequest request = Build();
  EXPECT_FALSE(session_.built_with_topic_ids());
  EXPECT_EQ(request.session_epoch, 0) << "a session cannot switch: it starts anew";
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@0", "topic1-0@0"));
}

TEST_F(FetchSessionTest, Fs05_ABrokerBeforeFetch13GetsNames) {
  session_.Set(Name(0, 0), At(0, 0));
  Build(false);
  EXPECT_FALSE(session_.built_with_topic_ids());
  EXPECT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kUse);
}

TEST_F(FetchSessionTest, Fs06_OnlyWhatChangedIsSent) {
  Open();
  session_.Set(Name(1, 1), At(1, 9));
  session_.Set(Name(0, 0), At(0, 0));  // as it was
  EXPECT_THAT(Sent(Build()), ElementsAre("topic1-1@9"));
}

TEST_F(FetchSessionTest, Fs06_Rel27_Pf31_ARecreatedTopicIsForgottenByItsOldIdAndSentByTheNew) {
  Open();
  FetchPartitionData recreated = At(0, 0);
  recreated.topic_id = Uuid{0, 99};
  session_.Set(Name(0, 0), recreated);
  const FetchRequest request = Build();
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@0"));
  EXPECT_THAT(Forgotten(request), ElementsAre("topic0-0/1"));
}

TEST_F(FetchSessionTest, Fs05_Rel27_AnIdThatBecomesKnownStartsTheSessionAnewById) {
  FetchPartitionData without_id = At(0, 0);
  without_id.topic_id = Uuid{};
  session_.Set(Name(0, 0), without_id);
  Build();
  ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kUse);
  session_.Set(Name(0, 0), At(0, 4));
  const FetchRequest request = Build();
  EXPECT_TRUE(session_.built_with_topic_ids());
  EXPECT_EQ(request.session_id, 7) << "which the leader closes";
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@4"));
  EXPECT_EQ(request.topics[0].topic_id, IdOf(0));
  EXPECT_THAT(Forgotten(request), IsEmpty());
}

TEST_F(FetchSessionTest, Fs06_ATopicThatIsItsOldSelfAgainIsNotForgotten) {
  Open();
  session_.Set(Name(0, 0), At(3, 0));
  session_.Set(Name(0, 0), At(0, 6));
  const FetchRequest request = Build();
  EXPECT_THAT(Forgotten(request), IsEmpty());
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@6"));
}

TEST_F(FetchSessionTest, Fs07_NeighboursOfATopicShareAnEntry) {
  session_.Set(Name(0, 0), At(0, 0));
  session_.Set(Name(0, 1), At(0, 0));
  session_.Set(Name(1, 0), At(1, 0));
  session_.Set(Name(0, 2), At(0, 0));
  const FetchRequest request = Build();
  ASSERT_EQ(request.topics.size(), 3u);
  EXPECT_EQ(request.topics[0].partitions.size(), 2u);
  EXPECT_EQ(request.topics[2].topic, "topic0");
}

TEST_F(FetchSessionTest, Fs08_ARemovedPartitionIsForgottenOnce) {
  Open();
  session_.Remove(Name(0, 0));
  EXPECT_THAT(Forgotten(Build()), ElementsAre("topic0-0/1"));
  EXPECT_THAT(Forgotten(Build()), IsEmpty());
}

TEST_F(FetchSessionTest, Fs08_TakenBackBeforeTheNextBuildIsNotForgotten) {
  Open();
  session_.Remove(Name(0, 0));
  session_.Set(Name(0, 0), At(0, 4));
  const FetchRequest request = Build();
  EXPECT_THAT(Forgotten(request), IsEmpty());
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@4"));
}

// What happened: the leader went on answering for it, and each answer was taken for a breach of the session.
TEST_F(FetchSessionTest, Fs08_RemovedTakenBackAndRemovedAgainIsForgotten) {
  Open();
  session_.Remove(Name(0, 0));
  session_.Set(Name(0, 0), At(0, 4));
  session_.Remove(Name(0, 0));
  EXPECT_THAT(Forgotten(Build()), ElementsAre("topic0-0/1"));
  session_.Set(Name(0, 0), At(0, 4));
  session_.Remove(Name(0, 0));
  EXPECT_THAT(Forgotten(Build()), IsEmpty()) << "the leader never heard of it";
}

TEST_F(FetchSessionTest, Fs08_ByNameATopicMadeAnewIsNotForgottenWithTheOldOne) {
  session_.Set(Name(0, 0), At(0, 0));
  Build(/*topic_ids=*/false);
  ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kUse);
  session_.Remove(Name(0, 0));
  session_.Set(Name(0, 0), At(3, 4));
  const FetchRequest request = Build(/*topic_ids=*/false);
  EXPECT_THAT(Forgotten(request), IsEmpty());
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@4"));
}

TEST_F(FetchSessionTest, Fs09_AFullAnswerMustCoverTheSessionExactly) {
  session_.Set(Name(0, 0), At(0, 0));
  session_.Set(Name(1, 1), At(1, 0));
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kDrop);
  EXPECT_EQ(session_.session_id(), 0);
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{0, 0}, {1, 1}, {2, 0}})), Verdict::kDrop);
}

// What happened: entries were counted only, so that one named twice stood for the one left out.
TEST_F(FetchSessionTest, Fs09_Bad13_AFullAnswerThatNamesOneTwiceAndLeavesOneOutIsNotUsed) {
  session_.Set(Name(0, 0), At(0, 0));
  session_.Set(Name(1, 1), At(1, 0));
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{0, 0}, {0, 0}})), Verdict::kDrop);
  EXPECT_EQ(session_.session_id(), 0);
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{0, 0}, {1, 1}})), Verdict::kUse);
}

TEST_F(FetchSessionTest, Fs09_SessionIdZeroMeansSessionless) {
  session_.Set(Name(0, 0), At(0, 0));
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(0, {{0, 0}})), Verdict::kUse);
  EXPECT_EQ(session_.session_epoch(), 0);
}

TEST_F(FetchSessionTest, Fs09_AThrottledEmptyAnswerIsNotUsed) {
  session_.Set(Name(0, 0), At(0, 0));
  Build();
  FetchResponse throttled = Answer(0, {});
  throttled.throttle_time_ms = 100;
  EXPECT_EQ(session_.OnResponse(throttled), Verdict::kDrop);
  EXPECT_EQ(session_.session_epoch(), 0);
}

// KAFKA-6946: the session was given up with each answer that a quota held back.
TEST_F(FetchSessionTest, Rel28_Pf30_AThrottledAnswerKeepsTheSessionAndItsEpoch) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  Build();
  FetchResponse throttled = Answer(7, {});
  throttled.throttle_time_ms = 100;
  ASSERT_EQ(session_.OnResponse(throttled), Verdict::kUse);
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 2);
  EXPECT_THAT(Sent(request), IsEmpty()) << "the leader knows what it was asked for";
}

TEST_F(FetchSessionTest, Fs10_AnUnknownSessionIsOpenedAnew) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(0, {}, KafkaError::kFetchSessionIdNotFound)), Verdict::kDrop);
  EXPECT_EQ(session_.session_id(), 0);
  EXPECT_THAT(Sent(Build()), ElementsAre("topic0-0@0", "topic1-1@0"));
}

TEST_F(FetchSessionTest, Fs10_OtherErrorsKeepTheIdSoThatTheLeaderClosesIt) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(0, {}, KafkaError::kInvalidFetchSessionEpoch)), Verdict::kDrop);
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 0);
}

TEST_F(FetchSessionTest, Fs10_MixedIdsAreAskedForInFull) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(0, {}, KafkaError::kFetchSessionTopicIdError)), Verdict::kDrop);
  EXPECT_EQ(Build().session_epoch, 0);
}

TEST_F(FetchSessionTest, Fs11_AnIncrementalAnswerMayLeaveOutButNotAdd) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{1, 1}})), Verdict::kUse);
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(7, {{5, 5}})), Verdict::kDrop);
  EXPECT_EQ(session_.session_id(), 7);
  EXPECT_EQ(session_.session_epoch(), 0);
}

TEST_F(FetchSessionTest, Fs11_TheLeaderMayCloseTheSession) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(0, {})), Verdict::kUse);
  EXPECT_EQ(session_.session_id(), 0);
  EXPECT_EQ(session_.session_epoch(), 0);
}

// What happened: the simulator mixed up two sessions' answers, and the wrong one was taken for ours.
TEST_F(FetchSessionTest, Fs11_Inv10_AnAnswerOfAnotherSessionIsNotUsed) {
  Open();
  Build();
  EXPECT_EQ(session_.OnResponse(Answer(8, {{0, 0}})), Verdict::kDrop);
  EXPECT_EQ(session_.session_id(), 7) << "the next request closes it";
  EXPECT_EQ(session_.session_epoch(), 0);
}

TEST_F(FetchSessionTest, Fs11_RemovedWhileTheRequestWasUnderWayIsNoBreach) {
  Open();
  Build();
  session_.Remove(Name(0, 0));
  const FetchResponse answer = Answer(7, {{0, 0}});
  EXPECT_EQ(session_.OnResponse(answer), Verdict::kUse);
  EXPECT_EQ(session_.Resolve(answer.responses[0], 0), nullptr) << "its data is ignored";
}

TEST_F(FetchSessionTest, Fs11_TakenBackWhileTheRequestWasUnderWayIsNoBreach) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  Build();
  session_.Remove(Name(0, 0));
  session_.Set(Name(0, 0), At(0, 3));
  const FetchResponse answer = Answer(7, {{0, 0}});
  EXPECT_EQ(session_.OnResponse(answer), Verdict::kUse);
  EXPECT_EQ(session_.Resolve(answer.responses[0], 0), nullptr) << "its data is of another life";
}

TEST_F(FetchSessionTest, Fs12_AfterASendErrorEverythingIsToldAgain) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  Build();
  session_.OnSendError();
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@5", "topic1-1@0"));
}

// A log can be cut while a request is under way: the leader must then tell everything anew, whatever this answer does.
TEST_F(FetchSessionTest, Fs12_StartingOverOutlivesTheAnswerUnderWay) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  Build();
  session_.StartOver();
  ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}})), Verdict::kUse);
  EXPECT_EQ(session_.session_epoch(), 0);
  const FetchRequest request = Build();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_THAT(Sent(request), ElementsAre("topic0-0@5", "topic1-1@0"));
  ASSERT_EQ(session_.OnResponse(Answer(7, {{0, 0}, {1, 1}})), Verdict::kUse);
  EXPECT_EQ(session_.session_epoch(), 1);
}

TEST_F(FetchSessionTest, Fs13_UnknownTopicIdsMakeTheAnswerInvalid) {
  Open();
  Build();
  FetchResponse answer = Answer(7, {{0, 0}});
  answer.responses[0].topic_id = Uuid{5, 5};
  EXPECT_EQ(session_.OnResponse(answer), Verdict::kDrop);
}

TEST_F(FetchSessionTest, Ft30_AnAnswerSpeaksOfWhatWasAskedNotOfWhatIsWantedNow) {
  Open();
  session_.Set(Name(0, 0), At(0, 5));
  Build();
  session_.Set(Name(0, 0), At(0, 3));  // truncated meanwhile
  const FetchResponse answer = Answer(7, {{0, 0}});
  ASSERT_EQ(session_.OnResponse(answer), Verdict::kUse);
  const FetchSession::Asked* asked = session_.Resolve(answer.responses[0], 0);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->data.fetch_offset, Offset{5});
}

TEST_F(FetchSessionTest, Ft23_NothingToFetchAndNothingToForgetIsIdle) {
  EXPECT_TRUE(session_.Idle());
  Open();
  session_.Remove(Name(0, 0));
  session_.Remove(Name(1, 1));
  EXPECT_FALSE(session_.Idle()) << "the leader still has to forget them";
  Build();
  EXPECT_TRUE(session_.Idle());
}

}  // namespace
}  // namespace slipstream
