// Goal: whatever elections left at the end of a copy, it becomes its leader's log byte for byte, and nothing that the
// leader has is cut: REL-01..REL-03, REL-05, PF-01, PF-02.
// Method: the leader answers from a log of its own, both as one that tells of a divergence in its answers to fetches
// and as an older one, that has to be asked where an epoch ends.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TopicPartition kLeaders{"leader", 0};
// More than the epochs of any log here, and one for the end of each.
constexpr int kRoundsMax = 8;

std::vector<std::byte> BytesFrom(PartitionLog& log, Offset from) {
  const absl::StatusOr<LogSlice> slice = log.Read(from, log.log_end_offset(), 1 << 20);
  EXPECT_TRUE(slice.ok()) << "from " << from.value << ": " << slice.status();
  if (!slice.ok() || slice->file == nullptr) return {};
  std::vector<std::byte> bytes(slice->bytes);
  SLIP_CHECK_EQ(slice->file->ReadAt(bytes, slice->position).value_or(0), bytes.size());
  return bytes;
}

// A batch of `records` in the epoch, behind what is there.
struct Written {
  int32_t epoch = 0;
  int32_t records = 0;  // 0: its leader wrote nothing
};

class ElectionsTest : public LaneFixture, public ::testing::WithParamInterface<bool> {
 protected:
  ElectionsTest() {
    leader_.truncation_on_fetch = GetParam();
    leader_.on_epoch_look_up = [this](const std::vector<EpochQuery>& queries) {
      std::vector<EpochAnswer> answers;
      for (const EpochQuery& query : queries)
        answers.push_back({query.partition, KafkaError::kNone, Leaders().EndOffsetForEpoch(query.leader_epoch)});
      return answers;
    };
  }
  PartitionLog& Leaders() { return Log(kLeaders); }
  void Write(const TopicPartition& partition, std::initializer_list<Written> history, int64_t high_watermark = 0) {
    for (const Written& written : history) {
      const Offset end = Log(partition).log_end_offset();
      if (written.records > 0) {
        Fill(partition, Batch(end.value, written.records, written.epoch));
      } else {
        ASSERT_TRUE(Log(partition).epochs().Assign(LeaderEpoch{written.epoch}, end).ok());
      }
    }
    Log(partition).UpdateHighWatermark(Offset{high_watermark});
  }
  // What the leader says to what it was asked last of the partition: LD-05.
  ScriptedPartition AnswerOf(const TopicPartition& partition, const FetchPartition& asked) {
    ScriptedPartition answer{.partition = partition, .high_watermark = Leaders().log_end_offset().value};
    if (leader_.truncation_on_fetch && asked.last_fetched_epoch >= LeaderEpoch{0}) {
      const EpochEndOffset end = Leaders().EndOffsetForEpoch(asked.last_fetched_epoch);
      if (end.leader_epoch < asked.last_fetched_epoch || end.end_offset < asked.fetch_offset) {
        answer.diverging = {end.leader_epoch, end.end_offset};
        return answer;
      }
    }
    answer.records = BytesFrom(Leaders(), asked.fetch_offset);
    return answer;
  }
  // Answers until there is nothing more to say of any of them, and holds the copies against the leader's log.
  void ExpectTheyBecomeTheLeaders(const std::vector<TopicPartition>& copies) {
    Settle();
    bool news = true;
    for (int round = 0; news; ++round) {
      ASSERT_LT(round, kRoundsMax) << "it does not end";
      news = false;
      ScriptedFetch fetch;
      for (const TopicPartition& copy : copies) {
        const std::optional<FetchPartition> asked = leader_.Asked(copy);
        if (!asked) {
          news = true;  // it is being asked about
          continue;
        }
        fetch.partitions.push_back(AnswerOf(copy, *asked));
        const ScriptedPartition& answer = fetch.partitions.back();
        news = news || !answer.records.empty() || answer.diverging.end_offset >= Offset{0};
      }
      Serve(std::move(fetch));
    }
    for (const TopicPartition& copy : copies) {
      EXPECT_EQ(BytesFrom(Log(copy), Offset{0}), BytesFrom(Leaders(), Offset{0})) << copy.ToString();
      EXPECT_EQ(Log(copy).high_watermark(), Leaders().log_end_offset()) << copy.ToString();
    }
  }
};

// KIP-101: the high watermark is a round late and checkpointed from time to time, so that what lies above it may be
// acknowledged. The old leader is dead, and what the copy holds is all that there is.
TEST_P(ElectionsTest, Rel01_Pf01_ARestartBehindItsHighWatermarkCutsNothing) {
  Write(kP0, {{4, 10}}, /*high_watermark=*/4);
  Write(kLeaders, {{4, 10}, {6, 0}});
  Start();
  Add(kP0, 6);
  Settle();
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(End(kP0), 10);
  ExpectTheyBecomeTheLeaders({kP0});
  EXPECT_THAT(events_.truncated, IsEmpty());
}

// KIP-279, KAFKA-6361: each of three leaders wrote what nobody else got.
TEST_P(ElectionsTest, Rel02_Pf02_TailsOfThreeQuickElectionsAreCutEpochByEpoch) {
  Write(kP0, {{1, 10}, {2, 5}}, 10);
  Write(kP1, {{1, 10}, {2, 2}, {3, 8}}, 10);
  Write(kP2, {{1, 10}, {3, 3}, {5, 20}, {7, 1}}, 10);
  Write(kLeaders, {{1, 10}, {4, 4}, {6, 4}, {8, 4}});
  Start();
  for (const TopicPartition& copy : {kP0, kP1, kP2}) Add(copy, 8);
  ExpectTheyBecomeTheLeaders({kP0, kP1, kP2});
  EXPECT_GE(events_.truncated.size(), 3u);
  for (const RecordingEvents::Truncated& cut : events_.truncated) {
    EXPECT_GE(cut.to, Offset{10}) << "past what they share";
    EXPECT_FALSE(cut.below_high_watermark);
  }
}

// KAFKA-7164: between the two it followed somebody else, who had less than we do.
TEST_P(ElectionsTest, Rel03_TheSameLeaderAfterTwoElectionsWeMissedIsComparedAgain) {
  Write(kP0, {{5, 5}, {5, 5}}, 5);
  Write(kLeaders, {{5, 5}, {5, 5}});
  StartWith({kP0});
  Serve({{{.partition = kP0, .high_watermark = 5}}});
  ASSERT_TRUE(Leaders().TruncateTo(Offset{5}).ok());
  Write(kLeaders, {{6, 3}, {7, 8}});
  Add(kP0, 7);
  Serve({});  // the fetch that was under way
  ExpectTheyBecomeTheLeaders({kP0});
  EXPECT_THAT(events_.truncated, ElementsAre(RecordingEvents::Truncated{kP0, Offset{10}, Offset{5}, false}));
}

// KAFKA-10706: nothing is there to be cut, and an epoch that stayed would diverge for ever.
TEST_P(ElectionsTest, Rel05_EmptyEpochsOfBothSidesEndInARound) {
  Write(kP0, {{1, 10}, {2, 0}}, 10);
  Write(kLeaders, {{1, 10}, {3, 0}});
  Start();
  Add(kP0, 3);
  ExpectTheyBecomeTheLeaders({kP0});
  EXPECT_EQ(AskedAfterEpoch(kP0), 1);
  EXPECT_EQ(Log(kP0).latest_epoch(), LeaderEpoch{1});
  EXPECT_THAT(events_.truncated, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Leader, ElectionsTest, ::testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "TellsInItsAnswers" : "IsAsked"); });

}  // namespace
}  // namespace slipstream
