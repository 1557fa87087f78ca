#include "fetcher/tier/tier_rebuild.h"

#include <gmock/gmock.h>

#include "tests/support/fake_remote_storage.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A leader's log by where its epochs begin; what it answers to a question for an epoch's end (EC-05).
class Epochs {
 public:
  Epochs(std::vector<EpochStart> starts, int64_t log_end) : starts_(std::move(starts)), log_end_{log_end} {}
  LeaderEpoch At(Offset offset) const {
    LeaderEpoch epoch;
    for (const EpochStart& start : starts_)
      if (start.start_offset <= offset) epoch = start.epoch;
    return epoch;
  }
  EpochEndOffset EndOf(LeaderEpoch asked) const {
    EpochEndOffset end;
    for (size_t i = 0; i < starts_.size(); ++i)
      if (starts_[i].epoch <= asked)
        end = {starts_[i].epoch, i + 1 < starts_.size() ? starts_[i + 1].start_offset : log_end_};
    return end;
  }

 private:
  std::vector<EpochStart> starts_;
  Offset log_end_;
};

struct TargetCase {
  const char* what;
  int64_t local_start;
  int32_t epoch_there;     // as the leader says
  int32_t looked_up;       // -1: nothing is
  int32_t expected_epoch;  // of the record before
};

TEST(TierTarget, Ts04_TheEpochOfTheRecordBeforeTheLocalStart) {
  const Epochs leader({{LeaderEpoch{0}, Offset{20}},
                       {LeaderEpoch{1}, Offset{85}},
                       {LeaderEpoch{3}, Offset{90}},
                       {LeaderEpoch{4}, Offset{98}}},
                      120);
  const TargetCase cases[] = {
      {"a skipped epoch is looked up, and the one before answers", 90, 3, 2, 1},
      {"the local start is in the middle of its epoch", 95, 3, 2, 3},
      {"it begins its epoch, and the one before is there", 98, 4, 3, 3},
      {"it begins the first epoch after 0", 85, 1, 0, 0},
      {"one above the start of its epoch", 86, 1, 0, 1},
      {"epoch 0 has none before it", 50, 0, -1, 0},
      {"the last epoch", 119, 4, 3, 4},
  };
  for (const TargetCase& c : cases) {
    SCOPED_TRACE(c.what);
    const TieredLeader at{Offset{20}, Offset{c.local_start}, LeaderEpoch{c.epoch_there}, Offset{120}};
    ASSERT_EQ(leader.At(at.local_log_start_offset), at.local_start_epoch) << "the case is wrong";
    const std::optional<LeaderEpoch> asked = EpochToLookUp(at);
    EXPECT_EQ(asked.value_or(LeaderEpoch{}).value, c.looked_up);
    const RemoteTarget target = TargetOf(at, asked ? std::optional(leader.EndOf(*asked)) : std::nullopt);
    EXPECT_EQ(target, (RemoteTarget{LeaderEpoch{c.expected_epoch}, Offset{c.local_start - 1}}));
  }
}

TEST(TierTarget, Ts04_ALeaderThatCannotTellTheEarlierEpochMeansTheOneAtItsStart) {
  const TieredLeader leader{Offset{0}, Offset{90}, LeaderEpoch{3}, Offset{120}};
  EXPECT_EQ(TargetOf(leader, EpochEndOffset{}), (RemoteTarget{LeaderEpoch{3}, Offset{89}}));
}

class ReadRemoteStateTest : public testing::Test {
 protected:
  absl::StatusOr<RemoteLogState> Read() {
    return ReadRemoteState(storage_, {{"orders", 3}, Uuid{7, 8}}, leader_, target_);
  }

  FakeRemoteStorage storage_;
  TieredLeader leader_{Offset{20}, Offset{90}, LeaderEpoch{3}, Offset{120}};
  RemoteTarget target_{LeaderEpoch{1}, Offset{89}};
};

TEST_F(ReadRemoteStateTest, Ts05_TheLogGoesOnBehindTheSegmentThatHoldsTheTarget) {
  storage_.base_offset = Offset{80};
  storage_.last_offset = Offset{94};
  storage_.epochs = {{LeaderEpoch{0}, Offset{20}}, {LeaderEpoch{1}, Offset{85}}, {LeaderEpoch{3}, Offset{90}}};
  const absl::StatusOr<RemoteLogState> state = Read();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->next_offset, Offset{95}) << "maybe above the local start";
  EXPECT_EQ(state->log_start_offset, Offset{20});
  EXPECT_EQ(state->epochs, storage_.epochs);
  EXPECT_EQ(state->producer_snapshot, storage_.producer_snapshot);
  EXPECT_THAT(storage_.asked(),
              ElementsAre(FakeRemoteStorage::Asked{{"orders", 3}, Uuid{7, 8}, LeaderEpoch{1}, Offset{89}}));
}

TEST_F(ReadRemoteStateTest, Ts06_EpochsThatBeginBehindTheSegmentAreLeftOut) {
  storage_.last_offset = Offset{94};
  storage_.epochs = {{LeaderEpoch{1}, Offset{85}}, {LeaderEpoch{3}, Offset{95}}};
  const absl::StatusOr<RemoteLogState> state = Read();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->epochs, ElementsAre(EpochStart{LeaderEpoch{1}, Offset{85}}));
}

TEST_F(ReadRemoteStateTest, Ts05_NoSegmentIsAnError) {
  storage_.failure = absl::NotFoundError("none");
  EXPECT_TRUE(absl::IsNotFound(Read().status()));
}

// After an unclean election storage and leader may tell of two different logs.
TEST_F(ReadRemoteStateTest, Ts08_WhatTheLeaderDoesNotHaveIsNotTakenOver) {
  storage_.last_offset = Offset{120};
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("ends at offset 120"));
  storage_.last_offset = Offset{119};
  EXPECT_TRUE(Read().ok());
  storage_.last_offset = Offset{88};
  EXPECT_TRUE(absl::IsUnavailable(Read().status())) << "it does not hold the target";
}

}  // namespace
}  // namespace slipstream
