#include "fetcher/truncation.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

// Local logs are written as the starts of their epochs and their end.
struct Case {
  const char* name;
  EpochEndOffset leader;
  std::vector<EpochStart> local;
  Offset fallback, log_end;
  Truncation expected;
};

class PlanTruncationTest : public ::testing::TestWithParam<Case> {
 protected:
  TempDir directory_;
};

TEST_P(PlanTruncationTest, Ft14_DecisionTable) {
  const Case& c = GetParam();
  auto epochs = LeaderEpochCache::Load(SystemFileIo(), directory_.path() / "leader-epoch-checkpoint");
  ASSERT_TRUE(epochs.ok()) << epochs.status();
  for (const EpochStart& start : c.local) ASSERT_TRUE(epochs->Assign(start.epoch, start.start_offset).ok());
  EXPECT_EQ(PlanTruncation(c.leader, *epochs, c.fallback, c.log_end), c.expected);
}

constexpr EpochEndOffset End(int32_t epoch, int64_t offset) { return {LeaderEpoch{epoch}, Offset{offset}}; }
EpochStart Start(int32_t epoch, int64_t offset) { return {LeaderEpoch{epoch}, Offset{offset}}; }

INSTANTIATE_TEST_SUITE_P(
    Table, PlanTruncationTest,
    ::testing::Values(
        Case{"Row1_LeaderCannotTell", End(-1, -1), {Start(5, 0)}, Offset{77}, Offset{200}, {Offset{77}, true}},
        Case{"Row2_OldLeaderGivesNoEpoch", End(-1, 156), {Start(5, 0)}, Offset{0}, Offset{200}, {Offset{156}, true}},
        Case{"Row2_OldLeaderIsLonger", End(-1, 300), {Start(5, 0)}, Offset{0}, Offset{200}, {Offset{200}, true}},
        Case{"Row3_SameEpochLeaderShorter",
             End(5, 156),
             {Start(4, 0), Start(5, 120)},
             Offset{0},
             Offset{200},
             {Offset{156}, true}},
        Case{"Row3_SameEpochWeAreShorter",
             End(4, 155),
             {Start(4, 0), Start(5, 120)},
             Offset{0},
             Offset{200},
             {Offset{120}, true}},
        Case{"Row4_EpochWeNeverSaw",
             End(4, 155),
             {Start(3, 0), Start(5, 120)},
             Offset{0},
             Offset{200},
             {Offset{120}, false}},
        Case{"Row4_ThenTheOlderEpochDecides", End(3, 101), {Start(3, 0)}, Offset{0}, Offset{120}, {Offset{101}, true}},
        Case{"Row5_NoEpochSoOld", End(4, 202), {}, Offset{0}, Offset{200}, {Offset{200}, true}},
        Case{"Pf02_BothSkippedEpochs",
             End(6, 50),
             {Start(2, 0), Start(5, 30), Start(9, 60)},
             Offset{0},
             Offset{90},
             {Offset{60}, false}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace slipstream
