#include "log/leader_epoch_cache.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

EpochStart E(int32_t epoch, int64_t start) { return {{epoch}, {start}}; }
EpochEndOffset End(int32_t epoch, int64_t end) { return {{epoch}, {end}}; }

class LeaderEpochCacheTest : public ::testing::Test {
 protected:
  LeaderEpochCache Load() {
    auto cache = LeaderEpochCache::Load(io_, path_);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return *std::move(cache);
  }
  // A cache, and a file, that hold exactly these.
  LeaderEpochCache With(std::initializer_list<EpochStart> entries) {
    LeaderEpochCache cache = Load();
    EXPECT_TRUE(cache.Clear().ok());
    for (const EpochStart& entry : entries) EXPECT_TRUE(cache.Assign(entry.epoch, entry.start_offset).ok());
    EXPECT_EQ(cache.entries(), std::vector<EpochStart>(entries));
    return cache;
  }
  std::vector<EpochStart> OnDisk() { return Load().entries(); }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "leader-epoch-checkpoint";
};

TEST_F(LeaderEpochCacheTest, Ec01_FileHasKafkasGrammar) {
  With({E(0, 0), E(4, 11), E(5, 200)});
  EXPECT_EQ(*ReadWholeFile(io_, path_), "0\n3\n0 0\n4 11\n5 200\n");
  EXPECT_THAT(OnDisk(), ElementsAre(E(0, 0), E(4, 11), E(5, 200)));
}

TEST_F(LeaderEpochCacheTest, Ec01_LoadReassignsInFileOrder) {
  ASSERT_TRUE(ReplaceFile(io_, path_, "0\n4\n2 9\n3 9\n3 12\n1 20\n").ok());
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 20)));
  ASSERT_TRUE(ReplaceFile(io_, path_, "0\n3\n1 5\n2 6\n2 8\n").ok());
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 5), E(2, 6)));
}

TEST_F(LeaderEpochCacheTest, Ec01_LoadNamesFileAndLineOfWhatIsWrong) {
  ASSERT_TRUE(ReplaceFile(io_, path_, "0\n2\n1 5\n2 -6\n").ok());
  const auto cache = LeaderEpochCache::Load(io_, path_);
  EXPECT_TRUE(absl::IsDataLoss(cache.status()));
  EXPECT_THAT(std::string(cache.status().message()), HasSubstr("leader-epoch-checkpoint line 4: start offset -6"));
}

struct AssignCase {
  std::vector<EpochStart> before;
  EpochStart assigned;
  std::vector<EpochStart> after;
};

TEST_F(LeaderEpochCacheTest, Ec02_Log124_Assign) {
  const AssignCase cases[] = {
      {{}, E(2, 10), {E(2, 10)}},
      {{E(2, 6)}, E(2, 10), {E(2, 6)}},  // once given, a start stays
      {{E(2, 6)}, E(2, 6), {E(2, 6)}},
      {{E(2, 6)}, E(2, 4), {E(2, 4)}},  // the same epoch from earlier
      {{E(2, 9)}, E(3, 9), {E(3, 9)}},  // an epoch without data
      {{E(2, 6)}, E(3, 5), {E(3, 5)}},
      {{E(1, 5), E(2, 6)}, E(1, 7), {E(1, 7)}},  // a lower epoch rewrites history
      {{E(5, 11), E(6, 12), E(7, 13)}, E(7, 12), {E(5, 11), E(7, 12)}},
      {{E(0, 0), E(1, 10)}, E(2, 10), {E(0, 0), E(2, 10)}},
      {{E(0, 0), E(1, 10), E(2, 20)}, E(5, 0), {E(5, 0)}},
      {{E(0, 0)}, E(7, 30), {E(0, 0), E(7, 30)}},
  };
  for (const AssignCase& c : cases) {
    LeaderEpochCache cache = With({});
    for (const EpochStart& entry : c.before) ASSERT_TRUE(cache.Assign(entry.epoch, entry.start_offset).ok());
    EXPECT_EQ(cache.Covers(c.assigned.epoch, c.assigned.start_offset), c.before == c.after);
    ASSERT_TRUE(cache.Assign(c.assigned.epoch, c.assigned.start_offset).ok());
    EXPECT_EQ(cache.entries(), c.after);
    EXPECT_EQ(OnDisk(), c.after);
    EXPECT_TRUE(cache.Covers(c.assigned.epoch, c.assigned.start_offset));
  }
}

TEST_F(LeaderEpochCacheTest, Ec02_NegativeArgumentsAreRefused) {
  LeaderEpochCache cache = With({E(1, 1)});
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Assign({-1}, {5})));
  EXPECT_TRUE(absl::IsInvalidArgument(cache.Assign({2}, {-1})));
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 1)));
}

TEST_F(LeaderEpochCacheTest, Ec02_NothingIsWrittenWhenNothingChanges) {
  LeaderEpochCache cache = With({E(1, 5)});
  ASSERT_TRUE(io_.Remove(path_).ok());
  EXPECT_TRUE(cache.Assign({1}, {5}).ok());
  EXPECT_TRUE(cache.Assign({1}, {500}).ok());
  EXPECT_TRUE(cache.TruncateFromEnd({6}).ok());
  EXPECT_TRUE(cache.TruncateFromStart({5}).ok());
  EXPECT_FALSE(io_.Exists(path_));
}

TEST_F(LeaderEpochCacheTest, Log63_WhatIsNotedIsInTheFileOnceItIsSaved) {
  LeaderEpochCache cache = With({E(1, 5)});
  ASSERT_TRUE(cache.Note({2}, {9}).ok());
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 5), E(2, 9)));
  EXPECT_THAT(LeaderEpochCache::Load(io_, path_)->entries(), ElementsAre(E(1, 5)));
  ASSERT_TRUE(cache.Save().ok());
  EXPECT_THAT(LeaderEpochCache::Load(io_, path_)->entries(), ElementsAre(E(1, 5), E(2, 9)));
  ASSERT_TRUE(io_.Remove(path_).ok());
  ASSERT_TRUE(cache.Save().ok());
  EXPECT_FALSE(io_.Exists(path_)) << "it has been saved";
}

TEST_F(LeaderEpochCacheTest, Log63_AFailedWriteLeavesTheCacheAsItWas) {
  LeaderEpochCache cache = With({E(1, 5)});
  ASSERT_TRUE(io_.RemoveTree(dir_.path()).ok());
  EXPECT_FALSE(cache.Assign({2}, {9}).ok());
  EXPECT_FALSE(cache.TruncateFromEnd({0}).ok());
  EXPECT_FALSE(cache.TruncateFromStart({7}).ok());
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 5)));
  EXPECT_FALSE(cache.Covers({2}, {9})) << "a retry must write again";
}

TEST_F(LeaderEpochCacheTest, Ec04_Newest) {
  LeaderEpochCache cache = With({});
  EXPECT_EQ(cache.latest_epoch(), std::nullopt);
  cache = With({E(3, 4), E(8, 9)});
  EXPECT_EQ(cache.latest_epoch(), LeaderEpoch{8});
}

TEST_F(LeaderEpochCacheTest, Ec05_Log125_EndOffsetFor) {
  const LeaderEpochCache empty = With({});
  for (const int32_t epoch : {-1, 0, 7}) EXPECT_EQ(empty.EndOffsetFor({epoch}, {33}), End(-1, -1)) << epoch;

  const LeaderEpochCache cache = With({E(2, 6), E(3, 8), E(6, 11)});
  const Offset log_end{20};
  EXPECT_EQ(cache.EndOffsetFor({-1}, log_end), End(-1, -1));
  EXPECT_EQ(cache.EndOffsetFor({0}, log_end), End(0, 6));  // older than all: up to the first start
  EXPECT_EQ(cache.EndOffsetFor({1}, log_end), End(1, 6));
  EXPECT_EQ(cache.EndOffsetFor({2}, log_end), End(2, 8));
  EXPECT_EQ(cache.EndOffsetFor({3}, log_end), End(3, 11));
  EXPECT_EQ(cache.EndOffsetFor({4}, log_end), End(3, 11));  // never seen: the one below
  EXPECT_EQ(cache.EndOffsetFor({5}, log_end), End(3, 11));
  EXPECT_EQ(cache.EndOffsetFor({6}, log_end), End(6, 20));
  EXPECT_EQ(cache.EndOffsetFor({7}, log_end), End(-1, -1));  // newer than all
}

TEST_F(LeaderEpochCacheTest, Ec05_LatestEpochWithoutDataEndsAtTheLogEnd) {
  const LeaderEpochCache cache = With({E(0, 0), E(1, 10)});
  EXPECT_EQ(cache.EndOffsetFor({1}, {10}), End(1, 10));
  EXPECT_EQ(cache.EndOffsetFor({0}, {10}), End(0, 10));
}

TEST_F(LeaderEpochCacheTest, Ec06_Log126_TruncateFromEnd) {
  const auto after = [this](int64_t offset) {
    LeaderEpochCache cache = With({E(2, 6), E(3, 8), E(4, 11)});
    EXPECT_TRUE(cache.TruncateFromEnd({offset}).ok());
    EXPECT_EQ(OnDisk(), cache.entries());
    return cache.entries();
  };
  EXPECT_THAT(after(-1), ElementsAre(E(2, 6), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(12), ElementsAre(E(2, 6), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(11), ElementsAre(E(2, 6), E(3, 8)));
  EXPECT_THAT(after(9), ElementsAre(E(2, 6), E(3, 8)));
  EXPECT_THAT(after(8), ElementsAre(E(2, 6)));
  EXPECT_THAT(after(6), IsEmpty());
  EXPECT_THAT(after(0), IsEmpty());
  LeaderEpochCache empty = With({});
  EXPECT_TRUE(empty.TruncateFromEnd({7}).ok());
}

// A start trims many caches, and few of their logs are written to.
TEST_F(LeaderEpochCacheTest, Ec06_WhatIsForgottenAtTheLogsEndGoesFromTheFileBeforeARecordLiesBehind) {
  LeaderEpochCache cache = With({E(1, 0), E(2, 100)});
  cache.ForgetFromEnd(Offset{100});
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 0)));
  EXPECT_EQ(cache.latest_epoch(), LeaderEpoch{1});
  ASSERT_TRUE(cache.Save().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 0), E(2, 100))) << "nothing lies behind it yet";
  EXPECT_FALSE(cache.Covers(LeaderEpoch{1}, Offset{100}));
  ASSERT_TRUE(cache.Note(LeaderEpoch{1}, Offset{100}).ok());
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 0))) << "the epoch goes on, it does not begin anew";
  EXPECT_TRUE(cache.Covers(LeaderEpoch{1}, Offset{110}));
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 0))) << "before the record is";
}

// A start of an embedded leader wrote each file twice: without the epoch that nobody wrote in, and with its own.
TEST_F(LeaderEpochCacheTest, Ec06_WhoSavesBeforeARecordWritesTheFileOnce) {
  LeaderEpochCache cache = With({E(1, 0), E(2, 100)});
  cache.ForgetFromEnd(Offset{100});
  ASSERT_TRUE(cache.NoteToBeSaved(LeaderEpoch{3}, Offset{100}).ok());
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 0), E(2, 100)));
  ASSERT_TRUE(cache.BeginSave().ok() && cache.FinishSave().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 0), E(3, 100)));
  EXPECT_TRUE(cache.Covers(LeaderEpoch{3}, Offset{110})) << "nothing of what it forgot is left";
}

TEST_F(LeaderEpochCacheTest, Ec06_AnEpochThatGoesOnAtTheLogsEndKeepsItsStart) {
  LeaderEpochCache cache = With({E(1, 0), E(2, 100)});
  cache.ForgetFromEnd(Offset{100});
  ASSERT_TRUE(cache.NoteToBeSaved(LeaderEpoch{1}, Offset{100}).ok());
  ASSERT_TRUE(cache.Save().ok());
  EXPECT_THAT(cache.entries(), ElementsAre(E(1, 0)));
  EXPECT_THAT(OnDisk(), ElementsAre(E(1, 0)));
}

TEST_F(LeaderEpochCacheTest, Ec06_WhatIsForgottenAtTheLogsEndDoesNotOutliveAClear) {
  LeaderEpochCache cache = With({E(2, 0)});
  cache.ForgetFromEnd(Offset{0});
  ASSERT_TRUE(cache.Clear().ok());
  EXPECT_THAT(OnDisk(), IsEmpty());
}

TEST_F(LeaderEpochCacheTest, Ec07_Log127_TruncateFromStart) {
  const auto after = [this](int64_t offset) {
    LeaderEpochCache cache = With({E(2, 6), E(3, 8), E(4, 11)});
    EXPECT_TRUE(cache.TruncateFromStart({offset}).ok());
    EXPECT_EQ(OnDisk(), cache.entries());
    return cache.entries();
  };
  EXPECT_THAT(after(-1), ElementsAre(E(2, 6), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(1), ElementsAre(E(2, 6), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(6), ElementsAre(E(2, 6), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(7), ElementsAre(E(2, 7), E(3, 8), E(4, 11)));
  EXPECT_THAT(after(8), ElementsAre(E(3, 8), E(4, 11)));
  EXPECT_THAT(after(9), ElementsAre(E(3, 9), E(4, 11)));
  EXPECT_THAT(after(11), ElementsAre(E(4, 11)));
  EXPECT_THAT(after(15), ElementsAre(E(4, 15)));
  LeaderEpochCache empty = With({});
  EXPECT_TRUE(empty.TruncateFromStart({7}).ok());
  EXPECT_THAT(empty.entries(), IsEmpty());
}

TEST_F(LeaderEpochCacheTest, Ec09_Log129_EpochForOffsetAndClear) {
  LeaderEpochCache cache = With({E(2, 10), E(3, 15), E(5, 20)});
  EXPECT_EQ(cache.EpochForOffset({9}), std::nullopt);
  EXPECT_EQ(cache.EpochForOffset({10}), LeaderEpoch{2});
  EXPECT_EQ(cache.EpochForOffset({14}), LeaderEpoch{2});
  EXPECT_EQ(cache.EpochForOffset({15}), LeaderEpoch{3});
  EXPECT_EQ(cache.EpochForOffset({1000}), LeaderEpoch{5});
  EXPECT_TRUE(cache.Clear().ok());
  EXPECT_THAT(cache.entries(), IsEmpty());
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_EQ(cache.EpochForOffset({10}), std::nullopt);
}

// Any order of calls, against the rules written as plain loops: entries rise, and the file always agrees.
TEST_F(LeaderEpochCacheTest, Log128_RandomHistoriesAgreeWithANaiveModel) {
  std::mt19937 random(42);
  std::vector<EpochStart> model;
  LeaderEpochCache cache = Load();
  for (int step = 0; step < 200; ++step) {
    const EpochStart entry = E(static_cast<int32_t>(random() % 12), static_cast<int64_t>(random() % 40));
    switch (random() % 4) {
      case 0:
      case 1:
        ASSERT_TRUE(cache.Assign(entry.epoch, entry.start_offset).ok());
        if (model.empty() || model.back().epoch != entry.epoch || model.back().start_offset > entry.start_offset) {
          std::erase_if(model, [&](const EpochStart& e) {
            return e.epoch >= entry.epoch || e.start_offset >= entry.start_offset;
          });
          model.push_back(entry);
        }
        break;
      case 2:
        ASSERT_TRUE(cache.TruncateFromEnd(entry.start_offset).ok());
        std::erase_if(model, [&](const EpochStart& e) { return e.start_offset >= entry.start_offset; });
        break;
      default: {
        ASSERT_TRUE(cache.TruncateFromStart(entry.start_offset).ok());
        std::optional<EpochStart> last;
        for (const EpochStart& e : model)
          if (e.start_offset <= entry.start_offset) last = EpochStart{e.epoch, entry.start_offset};
        std::erase_if(model, [&](const EpochStart& e) { return e.start_offset <= entry.start_offset; });
        if (last) model.insert(model.begin(), *last);
      }
    }
    ASSERT_EQ(cache.entries(), model) << "step " << step;
    if (step % 20 == 0) {
      ASSERT_EQ(OnDisk(), model) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace slipstream
