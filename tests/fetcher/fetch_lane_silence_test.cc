// Goal: whatever kind of answer does not come for a minute, no partition is stuck when it comes again: REL-63.
// Method: virtual time; the leader is silent for a minute, then it has a bound to be asked for every partition again.
#include "tests/fetcher/lane_fixture.h"
#include "tests/support/virtual_clock.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;

enum class Answer { kFetch, kEpochLookUp, kOffsetQuery };

class SilenceTest : public LaneFixture, public ::testing::WithParamInterface<Answer> {
 protected:
  SilenceTest() {
    config_.clock = &clock_;
    config_.replica_fetch_backoff = seconds(1);
    leader_.truncation_on_fetch = false;
    leader_.on_epoch_look_up = [this](const auto&) -> absl::StatusOr<std::vector<EpochAnswer>> {
      if (Lost(Answer::kEpochLookUp)) return silence_;
      return std::vector<EpochAnswer>{{kP0, KafkaError::kNone, {LeaderEpoch{4}, Offset{5}}}};
    };
    leader_.on_list_offset = [this](Timestamp timestamp) -> absl::StatusOr<OffsetAnswer> {
      if (Lost(Answer::kOffsetQuery)) return silence_;
      return OffsetAnswer{KafkaError::kNone, Offset{timestamp == kLatestTimestamp ? 5 : 0}, LeaderEpoch{5}};
    };
  }
  void TearDown() override {
    LaneFixture::TearDown();
    lane_.reset();  // before its clock
  }

  bool Lost(Answer answer) { return answer == GetParam() && clock_.Now() < silent_until_; }
  // Pauses pass at once, a long poll takes half a second.
  template <typename Condition>
  void PassTimeUntil(Condition condition, milliseconds at_most) {
    const Clock::TimePoint give_up_at = clock_.Now() + at_most;
    for (io_.poll(); !condition(); io_.poll()) {
      ASSERT_LT(clock_.Now(), give_up_at) << "it is stuck";
      if (leader_.waiting()) {
        clock_.Advance(milliseconds(500));
        leader_.Say(Lost(Answer::kFetch) ? ScriptedFetch{.transport = silence_} : ScriptedFetch{});
      } else {
        ASSERT_TRUE(clock_.NextAlarm().has_value()) << "it waits for nothing";
        clock_.AdvanceTo(*clock_.NextAlarm());
      }
    }
  }

  const absl::Status silence_ = absl::DeadlineExceededError("no answer");
  VirtualClock clock_;
  Clock::TimePoint silent_until_ = clock_.Now() + seconds(60);
};

TEST_P(SilenceTest, Rel63_AMinuteWithoutAnswersLeavesNothingStuck) {
  Fill(kP0, Batch(0, 5, 4));
  Start();
  Add(kP0);
  Add(kP1);
  Settle();  // the fetch of P1 waits, whatever becomes of P0's epoch
  if (GetParam() == Answer::kOffsetQuery) {
    PollUntilAskedAt(kP0, 5);
    Serve({{{.partition = kP0, .error = KafkaError::kOffsetOutOfRange}, {.partition = kP1}}});
  }
  PassTimeUntil([this] { return clock_.Now() >= silent_until_; }, seconds(120));
  // Pauses grow up to the longest there is.
  PassTimeUntil([this] { return leader_.waiting() && AskedAt(kP0) == 5 && AskedAt(kP1) == 0; },
                config_.failed_partition_backoff_max + seconds(1));
  Serve({{{.partition = kP0, .records = Batch(5, 1)}, {.partition = kP1, .records = Batch(0, 1)}}});
  EXPECT_EQ(End(kP0), 6);
  EXPECT_EQ(End(kP1), 1);
  for (const TopicPartition& partition : {kP0, kP1})
    EXPECT_EQ(Progress(partition)->health.load(), PartitionHealth::kFetching);
  EXPECT_THAT(events_.failed, IsEmpty()) << "silence is no fault of a partition";
  EXPECT_THAT(events_.truncated, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Answers, SilenceTest,
                         ::testing::Values(Answer::kFetch, Answer::kEpochLookUp, Answer::kOffsetQuery),
                         [](const auto& test) {
                           switch (test.param) {
                             case Answer::kFetch: return std::string("ToFetches");
                             case Answer::kEpochLookUp: return std::string("ToEpochLookUps");
                             case Answer::kOffsetQuery: return std::string("ToOffsetQueries");
                           }
                           return std::string();
                         });

}  // namespace
}  // namespace slipstream
