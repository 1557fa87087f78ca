// What every backend does with snapshots.
#include "log/state/state_backend.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/log/state/state_backend_fixture.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;

using StateBackendSnapshotTest = StateBackendFixture;
INSTANTIATE_TEST_SUITE_P(All, StateBackendSnapshotTest, AllShapes(), ShapeName);

TEST_P(StateBackendSnapshotTest, RestoreGivesExactlyTheSnapshot) {
  const Positions positions = OpenPositions();
  const Names names = OpenNames();
  const GroupOffsets offsets = OpenGroupOffsets();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(positions.Put("east", {"t", i}, Offset{i}).ok());
  ASSERT_TRUE(names.Replace("west", "g", {"x", "y"}).ok());
  ASSERT_TRUE(offsets.Put("east", "group", kA0, Offset{5}).ok());
  const std::map<TopicPartition, Offset> before = All(positions, "east");
  ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());

  ASSERT_TRUE(positions.Put("east", {"t", 3}, Offset{333}).ok());
  ASSERT_TRUE(positions.Delete("east", {"t", 4}).ok());
  ASSERT_TRUE(positions.Put("east", kB0, Offset{1}).ok());
  ASSERT_TRUE(names.Append("west", "g", "z").ok());
  ASSERT_TRUE(offsets.Clear("east", "group").ok());
  const Positions later = *Positions::Open(*backend_, "later");
  ASSERT_TRUE(later.Put("east", kA0, Offset{1}).ok());

  for (int round = 0; round < 2; ++round) {  // a snapshot is not used up
    const absl::Status restored = backend_->Restore(SnapshotDir());
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_EQ(All(positions, "east"), before);
    EXPECT_THAT(*positions.Get("east", {"t", 3}), Optional(Offset{3}));
    EXPECT_THAT(*positions.Get("east", {"t", 4}), Optional(Offset{4}));
    EXPECT_EQ(*positions.Get("east", kB0), std::nullopt);
    EXPECT_THAT(*names.Get("west", "g"), ElementsAre("x", "y"));
    EXPECT_THAT(*offsets.Get("east", "group", kA0), Optional(Offset{5}));
    EXPECT_EQ(*later.Get("east", kA0), std::nullopt);  // the snapshot does not know it
    ASSERT_TRUE(later.Put("east", kA0, Offset{round}).ok());
    ASSERT_TRUE(positions.Put("east", kB0, Offset{round}).ok());
  }
}

TEST_P(StateBackendSnapshotTest, ASnapshotHoldsWhatWasThereWhenItBeganWhateverIsWrittenMeanwhile) {
  const Positions positions = OpenPositions();
  const Names names = OpenNames();
  StateBatch batch;
  for (int i = 0; i < 1000; ++i) positions.Put(batch, "east", {"t", i}, Offset{1});
  names.Append(batch, "east", "g", "one");
  ASSERT_TRUE(backend_->Apply(batch).ok());

  auto snapshot = backend_->BeginSnapshot(SnapshotDir());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  StateBatch later;
  for (int i = 0; i < 1000; i += 2) positions.Put(later, "east", {"t", i}, Offset{2});
  for (int i = 1; i < 1000; i += 2) positions.Delete(later, "east", {"t", i});
  names.Append(later, "east", "g", "two");
  ASSERT_TRUE(backend_->Apply(later).ok());
  EXPECT_TRUE(absl::IsNotFound(backend_->Restore(dir_.path() / "snapshots" / "other")));
  ASSERT_TRUE((*snapshot)->Finish().ok());
  snapshot->reset();
  ASSERT_TRUE(positions.Put("east", {"t", 1}, Offset{3}).ok());
  EXPECT_EQ(All(positions, "east").size(), 501u);

  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_EQ(All(positions, "east").size(), 1000u);
  for (const auto& [tp, offset] : All(positions, "east")) ASSERT_EQ(offset, Offset{1}) << tp.ToString();
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("one"));
}

TEST_P(StateBackendSnapshotTest, ALaterSnapshotTakesThePlaceOfAnEarlierOne) {
  const Positions positions = OpenPositions();
  for (int64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(positions.Put("east", kA0, Offset{i}).ok());
    ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());
  }
  ASSERT_TRUE(positions.Put("east", kA0, Offset{9}).ok());
  { const auto dropped = backend_->BeginSnapshot(SnapshotDir()); }  // never finished: no snapshot
  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{3}));
}

TEST_P(StateBackendSnapshotTest, AnotherBackendTakesTheSnapshotOver) {
  ASSERT_TRUE(OpenPositions().Put("east", kA0, Offset{7}).ok());
  ASSERT_TRUE(OpenNames().Append("east", "g", "one").ok());
  ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());
  backend_ = Make("second");
  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_THAT(*OpenPositions().Get("east", kA0), Optional(Offset{7}));  // opened after it was restored
  EXPECT_THAT(*OpenNames().Get("east", "g"), ElementsAre("one"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Names::Open(*backend_, "positions").status()));

  backend_ = Make("third");
  const auto other_kind = Names::Open(*backend_, "positions");
  ASSERT_TRUE(other_kind.ok());
  ASSERT_TRUE(other_kind->Append("east", "g", "kept").ok());
  const absl::Status refused = backend_->Restore(SnapshotDir());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(*other_kind->Get("east", "g"), ElementsAre("kept"));
}

TEST_P(StateBackendSnapshotTest, WhatExpiresDoesSoAfterARestoreToo) {
  const int64_t start = clock_.now();
  const Positions positions = OpenPositions({.ttl = milliseconds(100)});
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  clock_.SetTo(start + 50);
  ASSERT_TRUE(positions.Put("east", kA1, Offset{1}).ok());
  ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());
  clock_.SetTo(start + 100);
  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_THAT(All(positions, "east"), ElementsAre(Pair(kA1, Offset{1})));
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);
}

TEST_P(StateBackendSnapshotTest, RestoreWithoutASnapshotLeavesAllAsItIs) {
  const Positions positions = OpenPositions();
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  EXPECT_TRUE(absl::IsNotFound(backend_->Restore(SnapshotDir())));
  ASSERT_TRUE(SystemFileIo().CreateDirectories(SnapshotDir()).ok());
  EXPECT_TRUE(absl::IsNotFound(backend_->Restore(SnapshotDir())));
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{1}));
}

TEST_P(StateBackendSnapshotTest, OffsetsOfLogDirsAreOrdinaryValuesToTheirUser) {
  const Positions marks = *Positions::OpenOffsetCheckpoint(*backend_, "replication-offset-checkpoint");
  const std::string log_dir = LogDir().native();
  ASSERT_TRUE(marks.Put(log_dir, kA1, Offset{10}).ok());
  ASSERT_TRUE(marks.Put(log_dir, kA0, Offset{0}).ok());
  ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());
  ASSERT_TRUE(marks.Put(log_dir, kA1, Offset{11}).ok());
  ASSERT_TRUE(marks.Delete(log_dir, kA0).ok());
  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_THAT(All(marks, log_dir), ElementsAre(Pair(kA0, Offset{0}), Pair(kA1, Offset{10})));
}

TEST_P(StateBackendSnapshotTest, TenThousandKeys) {
  constexpr int kKeys = 10'000;
  const Positions positions = OpenPositions();
  std::map<TopicPartition, Offset> model;
  StateBatch batch;
  for (int i = 0; i < kKeys; ++i) {
    const TopicPartition tp{absl::StrCat("topic-", i % 100), i / 100};
    positions.Put(batch, "east", tp, Offset{i});
    model[tp] = Offset{i};
  }
  ASSERT_TRUE(backend_->Apply(batch).ok());
  std::minstd_rand random(42);
  for (int i = 0; i < kKeys; ++i) {
    const TopicPartition tp{absl::StrCat("topic-", random() % 100), static_cast<int32_t>(random() % 110)};
    const auto found = model.find(tp);
    const std::optional<Offset> expected = found == model.end() ? std::nullopt : std::optional(found->second);
    ASSERT_EQ(*positions.Get("east", tp), expected) << tp.ToString();
    if (random() % 3 == 0) {
      model.erase(tp);
      ASSERT_TRUE(positions.Delete("east", tp).ok());
    } else {
      model[tp] = Offset{i};
      ASSERT_TRUE(positions.Put("east", tp, Offset{i}).ok());
    }
  }
  EXPECT_EQ(All(positions, "east"), model);
  ASSERT_TRUE(backend_->Snapshot(SnapshotDir()).ok());
  backend_ = Make("second");
  ASSERT_TRUE(backend_->Restore(SnapshotDir()).ok());
  EXPECT_EQ(All(OpenPositions(), "east"), model);
}

}  // namespace
}  // namespace slipstream
