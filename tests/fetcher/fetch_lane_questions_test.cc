// Questions to the leader that are not answered, or only in part, and what goes on meanwhile: FT-11, FT-13, FT-41.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FetchLaneQuestionsTest : public LaneFixture {
 protected:
  void ServeP0OutOfRange() { leader_.Say({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}}}); }
  // Serves P1 and expects that it is fetched as if nothing were wrong.
  void ExpectP1IsFetched(int64_t from, int64_t to) {
    for (int64_t offset = from; offset < to; ++offset) {
      Serve({{{.partition = kP1, .records = Batch(offset, 1)}}});
      ASSERT_EQ(End(kP1), offset + 1);
    }
  }
};

// What happened: the lane waited for the answer to a question, so one partition's held up all others.
TEST_F(FetchLaneQuestionsTest, Ft41_OthersAreFetchedWhileAnOffsetQueryIsUnderWay) {
  StartWith({kP0, kP1});
  leader_.on_list_offset = [](Timestamp) { return OffsetAnswer{KafkaError::kNone, Offset{0}, LeaderEpoch{5}}; };
  leader_.HoldLookUps();
  ServeP0OutOfRange();
  RunUntil([this] { return leader_.question_waiting(); });
  Settle();
  ExpectP1IsFetched(0, 3);
  EXPECT_EQ(AskedAt(kP0), -1);
  leader_.AnswerQuestions();
  PollUntilAskedAt(kP0, 0);
  EXPECT_EQ(leader_.offset_queries.size(), 2u);
}

TEST_F(FetchLaneQuestionsTest, Ft11_OthersAreFetchedWhileAnEpochIsLookedUp) {
  leader_.truncation_on_fetch = false;
  StartWith({kP1});
  Fill(kP0, Batch(0, 5, 4));
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>&) {
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{4}, Offset{3}}}};
  };
  leader_.HoldLookUps();
  Add(kP0);
  Serve({});
  RunUntil([this] { return leader_.question_waiting(); });
  Settle();
  ExpectP1IsFetched(0, 3);
  leader_.AnswerQuestions();
  PollUntilAskedAt(kP0, 0);
  EXPECT_EQ(End(kP0), 0) << "a batch is never split";
}

// The answer comes while a fetch is under way whose own answer moves the session on.
TEST_F(FetchLaneQuestionsTest, ACutWhileAFetchIsUnderWayStartsTheSessionOver) {
  leader_.truncation_on_fetch = false;
  StartWith({kP1});
  Serve({});
  Fill(kP0, MakeRun({.record_count = 5, .leader_epoch = 4}, 2));
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>&) {
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{4}, Offset{5}}}};
  };
  leader_.HoldLookUps();
  Add(kP0);
  Serve({});
  RunUntil([this] { return leader_.question_waiting() && leader_.waiting(); });
  EXPECT_FALSE(leader_.fetches.back().full);
  leader_.AnswerQuestions();
  RunUntil([this] { return End(kP0) == 5; });
  Serve({{{.partition = kP1, .records = Batch(0, 2)}}});
  EXPECT_EQ(End(kP1), 2) << "the answer under way counts";
  PollUntilAskedAt(kP0, 5);
  EXPECT_TRUE(leader_.fetches.back().told.contains(kP1)) << "everything is told anew, so that all is answered anew";
}

TEST_F(FetchLaneQuestionsTest, Ft41_QuestionsThatAreNeverAnsweredDelayTheirPartitionOnly) {
  StartWith({kP0, kP1});
  leader_.on_list_offset = [](Timestamp) { return absl::DeadlineExceededError("no answer in 30 s"); };
  ServeP0OutOfRange();
  RunUntil([this] { return !leader_.offset_queries.empty() && leader_.waiting(); });
  int64_t served = 0;
  while (leader_.offset_queries.size() < 4 && !HasFatalFailure()) {
    ExpectP1IsFetched(served, served + 1);
    ++served;
  }
  EXPECT_THAT(events_.failed, IsEmpty());
  EXPECT_THAT(events_.in_doubt, Each("no answer in 30 s"));
  EXPECT_THAT(events_.leader, ElementsAre("reached")) << "it answers";
  EXPECT_THAT(events_.notices, Contains(HasSubstr("answers fetches but no questions: no answer in 30 s")));
  EXPECT_EQ(Progress(kP0)->health.load(), PartitionHealth::kDelayed);
  leader_.on_list_offset = [](Timestamp) { return OffsetAnswer{KafkaError::kNone, Offset{0}, LeaderEpoch{5}}; };
  PollUntilAskedAt(kP0, 0);
}

TEST_F(FetchLaneQuestionsTest, ALeaderThatAnswersNoQuestionWhileNothingIsFetchedIsLost) {
  leader_.truncation_on_fetch = false;
  Fill(kP0, Batch(0, 5, 4));
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>&) { return absl::DeadlineExceededError("no answer"); };
  Start();
  Add(kP0);
  RunUntil([this] { return leader_.epoch_look_ups.size() == 2; });
  EXPECT_THAT(events_.leader, Contains("lost: no answer"));
}

// What happened: an answer without the partition counted as a broken connection, and all partitions were asked anew.
TEST_F(FetchLaneQuestionsTest, Ft41_APartitionLeftOutOfAnAnswerIsAskedAboutAgain) {
  StartWith({kP0, kP1});
  leader_.on_list_offset = [this](Timestamp) -> std::optional<OffsetAnswer> {
    if (leader_.offset_queries.size() <= 2) return std::nullopt;
    return OffsetAnswer{KafkaError::kNone, Offset{0}, LeaderEpoch{5}};
  };
  ServeP0OutOfRange();
  Settle();
  ExpectP1IsFetched(0, 1);
  PollUntilAskedAt(kP0, 0);
  EXPECT_EQ(leader_.offset_queries.size(), 4u);
  EXPECT_THAT(events_.in_doubt, ElementsAre("offset query: orders-0 is left out of the answer"));
  EXPECT_THAT(events_.leader, ElementsAre("reached"));
}

// KIP-320: by it the leader finds out who has missed an election, itself included.
TEST_F(FetchLaneQuestionsTest, Ft42_Pf03_EveryQuestionNamesTheCurrentLeaderEpoch) {
  Fill(kP0, Batch(0, 5, 4));
  leader_.truncation_on_fetch = false;
  leader_.on_epoch_look_up = [](const std::vector<EpochQuery>&) {
    return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{4}, Offset{5}}}};
  };
  leader_.on_list_offset = [](Timestamp) { return OffsetAnswer{KafkaError::kNone, Offset{0}, LeaderEpoch{5}}; };
  StartWith({kP0, kP1});
  for (const LeaderEpoch epoch : {LeaderEpoch{5}, LeaderEpoch{6}}) {
    if (epoch != LeaderEpoch{5}) {
      for (const TopicPartition& partition : {kP0, kP1}) Add(partition, epoch.value);
      Serve({});
    }
    PollUntilAskedAt(kP0, 5);
    EXPECT_EQ(leader_.epoch_look_ups.back().at(0).current_leader_epoch, epoch);
    EXPECT_EQ(leader_.Asked(kP0)->current_leader_epoch, epoch);
    Serve({{{.partition = kP1, .error = KafkaError::kOffsetOutOfRange}}});
    EXPECT_EQ(leader_.offset_query_epochs, (std::vector<LeaderEpoch>{epoch, epoch}));
    leader_.offset_query_epochs.clear();
    PollUntilAskedAt(kP1, 0);
  }
}

TEST_F(FetchLaneQuestionsTest, Fm18_StoppingEndsAQuestionThatIsNotAnswered) {
  StartWith({kP0, kP1});
  leader_.HoldLookUps();
  ServeP0OutOfRange();
  RunUntil([this] { return leader_.question_waiting() && leader_.waiting(); });
  lane_->Stop();
  RunUntil([this] { return ended_; });
}

}  // namespace
}  // namespace slipstream
