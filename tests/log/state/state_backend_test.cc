// What every backend does with single writes, batches and time; snapshots: state_backend_snapshot_test.cc.
#include "log/state/state_backend.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "tests/log/state/state_backend_fixture.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

using StateBackendTest = StateBackendFixture;
INSTANTIATE_TEST_SUITE_P(All, StateBackendTest, AllShapes(), ShapeName);

TEST_P(StateBackendTest, AValueIsPutReplacedAndDeleted) {
  const Positions positions = OpenPositions();
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);
  ASSERT_TRUE(positions.Put("east", kA0, Offset{7}).ok());
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{7}));
  ASSERT_TRUE(positions.Put("east", kA0, Offset{8}).ok());
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{8}));
  ASSERT_TRUE(positions.Delete("east", kA0).ok());
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);
  EXPECT_TRUE(positions.Delete("east", kA0).ok());  // what is not there can be deleted
}

TEST_P(StateBackendTest, NamespacesAndStatesAreApart) {
  const Positions positions = OpenPositions();
  const Positions others = *Positions::Open(*backend_, "others");
  // Neither a name that begins with the other, nor a zero byte, lets one into the other.
  for (const std::string& name_space : std::vector<std::string>{"east", "eas", "east1", ""})
    ASSERT_TRUE(positions.Put(name_space, kA0, Offset{static_cast<int64_t>(name_space.size())}).ok());
  ASSERT_TRUE(positions.Put(std::string("east\0a", 6), kB0, Offset{100}).ok());
  ASSERT_TRUE(others.Put("east", kA0, Offset{50}).ok());
  EXPECT_THAT(All(positions, "east"), ElementsAre(Pair(kA0, Offset{4})));
  EXPECT_THAT(All(positions, "eas"), ElementsAre(Pair(kA0, Offset{3})));
  EXPECT_THAT(All(positions, ""), ElementsAre(Pair(kA0, Offset{0})));
  EXPECT_THAT(All(positions, std::string("east\0a", 6)), ElementsAre(Pair(kB0, Offset{100})));
  EXPECT_THAT(All(positions, "west"), IsEmpty());
  ASSERT_TRUE(positions.Delete("east", kA0).ok());
  EXPECT_THAT(All(positions, "east1"), ElementsAre(Pair(kA0, Offset{5})));
  EXPECT_THAT(All(others, "east"), ElementsAre(Pair(kA0, Offset{50})));
}

TEST_P(StateBackendTest, AListIsAppendedToReplacedAndDeleted) {
  const Names names = OpenNames();
  EXPECT_THAT(*names.Get("east", "g"), IsEmpty());
  ASSERT_TRUE(names.Append("east", "g", "one").ok());
  ASSERT_TRUE(names.Append("east", "g", "").ok());
  ASSERT_TRUE(names.Append("east", "g", std::string("t\0o", 3)).ok());
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("one", "", std::string("t\0o", 3)));
  ASSERT_TRUE(names.Replace("east", "g", {"x", "y"}).ok());
  ASSERT_TRUE(names.Append("east", "g", "z").ok());
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("x", "y", "z"));
  ASSERT_TRUE(names.Replace("east", "g", {}).ok());
  EXPECT_THAT(*names.Get("east", "g"), IsEmpty());
  ASSERT_TRUE(names.Append("east", "g", "again").ok());
  ASSERT_TRUE(names.Delete("east", "g").ok());
  EXPECT_THAT(*names.Get("east", "g"), IsEmpty());
}

TEST_P(StateBackendTest, AMapIsVisitedInTheOrderOfItsKeys) {
  const GroupOffsets offsets = OpenGroupOffsets();
  const std::vector<TopicPartition> in_order{{"a", 0},   {"a", 2},  {"a", 10}, {"a", 256},
                                             {"a.b", 0}, {"aa", 0}, {"b", 1}};
  for (auto tp = in_order.rbegin(); tp != in_order.rend(); ++tp)
    ASSERT_TRUE(offsets.Put("east", "group", *tp, Offset{tp->partition}).ok());
  ASSERT_TRUE(offsets.Put("east", "group2", {"a", 1}, Offset{1}).ok());
  ASSERT_TRUE(offsets.Put("east", "grou", {"a", 1}, Offset{1}).ok());

  std::vector<TopicPartition> visited;
  for (const auto& [tp, offset] : All(offsets, "east", "group")) {
    visited.push_back(tp);
    EXPECT_EQ(offset, Offset{tp.partition});
  }
  EXPECT_EQ(visited, in_order);

  std::vector<TopicPartition> first_two;
  ASSERT_TRUE(offsets
                  .ForEach("east", "group",
                           [&](const TopicPartition& tp, Offset) {
                             first_two.push_back(tp);
                             return first_two.size() < 2;
                           })
                  .ok());
  EXPECT_THAT(first_two, ElementsAre(TopicPartition{"a", 0}, TopicPartition{"a", 2}));

  ASSERT_TRUE(offsets.Delete("east", "group", {"a", 2}).ok());
  EXPECT_EQ(*offsets.Get("east", "group", {"a", 2}), std::nullopt);
  EXPECT_THAT(*offsets.Get("east", "group", {"a", 10}), Optional(Offset{10}));
  ASSERT_TRUE(offsets.Clear("east", "group").ok());
  EXPECT_THAT(All(offsets, "east", "group"), IsEmpty());
  EXPECT_THAT(All(offsets, "east", "group2"), ElementsAre(Pair(TopicPartition{"a", 1}, Offset{1})));
  EXPECT_THAT(All(offsets, "east", "grou"), ElementsAre(Pair(TopicPartition{"a", 1}, Offset{1})));
}

TEST_P(StateBackendTest, AScanEndsWithItsPrefixWhateverItsBytes) {
  const auto by_number = *MapState<int32_t, int32_t, int32_t>::Open(*backend_, "by-number");
  const std::vector<int32_t> keys{std::numeric_limits<int32_t>::min(), -1, 0, 255, 256, 65535,
                                  std::numeric_limits<int32_t>::max()};  // some end with ff bytes, one has only them
  for (const int32_t key : keys)
    for (const int32_t map_key : keys) ASSERT_TRUE(by_number.Put("east", key, map_key, key).ok());
  for (const int32_t key : keys) {
    std::vector<int32_t> visited;
    ASSERT_TRUE(by_number
                    .ForEach("east", key,
                             [&](int32_t map_key, int32_t value) {
                               visited.push_back(map_key);
                               return value == key;
                             })
                    .ok());
    EXPECT_EQ(visited, keys);
  }
  StateBatch batch;
  for (const char* key : {"a", "\xfe", "\xff", "\xff\xff", "\xff\xff\x01"})
    batch.Put(OpenPositions().id(), key, {"value"});
  ASSERT_TRUE(backend_->Apply(batch).ok());
  const auto count = [&](absl::string_view prefix) {
    int visited = 0;
    EXPECT_TRUE(
        backend_
            ->Scan(OpenPositions().id(), prefix, [&](absl::string_view, absl::string_view) { return ++visited > 0; })
            .ok());
    return visited;
  };
  EXPECT_EQ(count(""), 5);
  EXPECT_EQ(count("\xfe"), 1);
  EXPECT_EQ(count("\xff"), 3);
  EXPECT_EQ(count("\xff\xff"), 2);
}

TEST_P(StateBackendTest, ABatchTakesEffectOverAllStatesAtOnce) {
  const Positions positions = OpenPositions();
  const Names names = OpenNames();
  const GroupOffsets offsets = OpenGroupOffsets();
  ASSERT_TRUE(positions.Put("east", kB0, Offset{1}).ok());
  ASSERT_TRUE(names.Append("east", "g", "old").ok());

  StateBatch batch;
  positions.Put(batch, "east", kA0, Offset{10});
  positions.Put(batch, "east", kA0, Offset{11});
  positions.Delete(batch, "east", kB0);
  names.Append(batch, "east", "g", "new");
  names.Append(batch, "east", "g", "newer");
  names.Append(batch, "east", "h", "gone");
  names.Replace(batch, "east", "h", {"first"});
  names.Append(batch, "east", "h", "second");
  offsets.Put(batch, "east", "group", kA0, Offset{5});
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);  // not before Apply
  ASSERT_TRUE(backend_->Apply(batch).ok());

  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{11}));
  EXPECT_EQ(*positions.Get("east", kB0), std::nullopt);
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("old", "new", "newer"));
  EXPECT_THAT(*names.Get("east", "h"), ElementsAre("first", "second"));
  EXPECT_THAT(*offsets.Get("east", "group", kA0), Optional(Offset{5}));
  EXPECT_TRUE(backend_->Apply({}).ok());
}

TEST_P(StateBackendTest, ABatchWithOneBadChangeChangesNothing) {
  const Positions positions = OpenPositions();
  const Names names = OpenNames();
  const Positions checkpoint = *Positions::OpenOffsetCheckpoint(*backend_, "some-offset-checkpoint");
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  ASSERT_TRUE(names.Append("east", "g", "old").ok());

  struct Case {
    std::function<void(StateBatch&)> spoil;
    const char* message;
  };
  const std::vector<Case> cases{
      {[](StateBatch& batch) { batch.Put(StateId{99}, "key", {"value"}); }, "state id 99"},
      {[](StateBatch& batch) { batch.Delete(StateId{}, "key"); }, "state id -1"},
      {[&](StateBatch& batch) { batch.Put(names.id(), "", {"value"}); }, "state names: a key of 0 bytes"},
      {[&](StateBatch& batch) { batch.Put(names.id(), std::string(65537, 'k'), {""}); }, "a key of 65537 bytes"},
      {[&](StateBatch& batch) {
         batch.Put(names.id(), "key", {"value", Timestamp{-1}});
       },
       "an expiry at -1 ms"},
      {[&](StateBatch& batch) { batch.Append(positions.id(), "key", {"value"}); }, "positions: an append to a value"},
      {[&](StateBatch& batch) { batch.Put(checkpoint.id(), "key", {"value"}); }, "is not log dir and partition"},
      {[&](StateBatch& batch) {
         checkpoint.Put(batch, LogDir().native(), {"a b", 0}, Offset{1});
       },
       "topic name 'a b'"},
      {[&](StateBatch& batch) {
         checkpoint.Put(batch, LogDir().native(), {"a", -1}, Offset{1});
       },
       "below zero"},
      {[&](StateBatch& batch) { checkpoint.Put(batch, LogDir().native(), kA0, Offset{-1}); }, "below zero"},
      {[&](StateBatch& batch) {
         batch.Put(checkpoint.id(), EncodeState(LogDir().native(), kA0), {EncodeState(Offset{1}), Timestamp{5}});
       },
       "cannot expire"},
  };
  for (const auto& [spoil, message] : cases) {
    StateBatch batch;
    positions.Put(batch, "east", kA0, Offset{2});
    positions.Put(batch, "east", kA1, Offset{2});
    names.Append(batch, "east", "g", "new");
    spoil(batch);
    const absl::Status status = backend_->Apply(batch);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(All(positions, "east"), ElementsAre(Pair(kA0, Offset{1})));
    EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{1}));
    EXPECT_THAT(*names.Get("east", "g"), ElementsAre("old"));
  }
}

TEST_P(StateBackendTest, AStateKeepsItsKindAndItsId) {
  const Positions positions = OpenPositions();
  EXPECT_EQ(OpenPositions().id(), positions.id());
  const auto as_list = ListState<TopicPartition, Offset>::Open(*backend_, "positions");
  EXPECT_TRUE(absl::IsFailedPrecondition(as_list.status())) << as_list.status();
  EXPECT_EQ(as_list.status().message(), "state positions is a value, not a list");
  for (const char* name : {"", "default", ".", "..", "a/b", "a b"})
    EXPECT_TRUE(absl::IsInvalidArgument(Positions::Open(*backend_, name).status())) << name;
  EXPECT_TRUE(absl::IsInvalidArgument(Positions::Open(*backend_, "p", {.ttl = milliseconds(-1)}).status()));
}

TEST_P(StateBackendTest, UnknownIdsAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(backend_->Get(StateId{0}, "key").status()));
  const auto visit = [](absl::string_view, absl::string_view) { return true; };
  EXPECT_TRUE(absl::IsInvalidArgument(backend_->Scan(StateId{-1}, "", visit)));
}

TEST_P(StateBackendTest, BytesOfAnotherTypeAreDataLoss) {
  const Positions positions = OpenPositions();
  const auto as_number = *ValueState<TopicPartition, int32_t>::Open(*backend_, "positions");
  const auto by_number = *ValueState<int64_t, Offset>::Open(*backend_, "positions");
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  const absl::Status read = as_number.Get("east", kA0).status();
  EXPECT_TRUE(absl::IsDataLoss(read)) << read;
  EXPECT_THAT(std::string(read.message()), HasSubstr("state positions: value"));
  const absl::Status scanned = by_number.ForEach("east", [](int64_t, Offset) { return true; });
  EXPECT_TRUE(absl::IsDataLoss(scanned)) << scanned;
  EXPECT_THAT(std::string(scanned.message()), HasSubstr("state positions: key"));

  const Names names = OpenNames();
  const auto as_numbers = *ListState<std::string, int32_t>::Open(*backend_, "names");
  ASSERT_TRUE(names.Replace("east", "g", {"abc", "d"}).ok());  // 8 bytes: would do as two numbers
  EXPECT_TRUE(as_numbers.Get("east", "g").ok());
  ASSERT_TRUE(names.Replace("east", "g", {"abcd"}).ok());
  const absl::Status list = as_numbers.Get("east", "g").status();
  EXPECT_TRUE(absl::IsDataLoss(list)) << list;
  EXPECT_THAT(std::string(list.message()), HasSubstr("state names: element 1 of the list"));
}

TEST_P(StateBackendTest, AnEntryIsGoneFromTheMomentItExpires) {
  const int64_t start = clock_.now();
  const Positions positions = OpenPositions({.ttl = milliseconds(100)});
  const Positions lasting = *Positions::Open(*backend_, "lasting");
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  ASSERT_TRUE(lasting.Put("east", kA0, Offset{1}).ok());
  clock_.SetTo(start + 50);
  ASSERT_TRUE(positions.Put("east", kA1, Offset{2}).ok());
  EXPECT_THAT(*positions.Get("east", kA1), Optional(Offset{2}));
  clock_.SetTo(start + 99);
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{1}));
  EXPECT_EQ(All(positions, "east").size(), 2u);
  clock_.SetTo(start + 100);
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);
  EXPECT_EQ(*positions.Get("east", kA0), std::nullopt);
  EXPECT_THAT(All(positions, "east"), ElementsAre(Pair(kA1, Offset{2})));
  ASSERT_TRUE(positions.Put("east", kA0, Offset{3}).ok());  // a new life
  clock_.SetTo(start + 199);
  EXPECT_THAT(All(positions, "east"), ElementsAre(Pair(kA0, Offset{3})));
  clock_.SetTo(start + 200);
  EXPECT_THAT(All(positions, "east"), IsEmpty());
  EXPECT_THAT(*lasting.Get("east", kA0), Optional(Offset{1}));
}

TEST_P(StateBackendTest, AnAppendGivesTheListANewLifeAndNeverRaisesADeadOne) {
  const int64_t start = clock_.now();
  const Names names = OpenNames({.ttl = milliseconds(100)});
  ASSERT_TRUE(names.Append("east", "g", "one").ok());
  clock_.SetTo(start + 99);
  ASSERT_TRUE(names.Append("east", "g", "two").ok());
  clock_.SetTo(start + 198);
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("one", "two"));
  clock_.SetTo(start + 199);
  ASSERT_TRUE(names.Append("east", "g", "three").ok());
  EXPECT_THAT(*names.Get("east", "g"), ElementsAre("three"));
}

TEST_P(StateBackendTest, ATtlBeyondTheEndOfTimeIsForEver) {
  const Positions positions = OpenPositions({.ttl = milliseconds::max()});
  ASSERT_TRUE(positions.Put("east", kA0, Offset{1}).ok());
  clock_.SetTo(std::numeric_limits<int64_t>::max() - 1);
  EXPECT_THAT(*positions.Get("east", kA0), Optional(Offset{1}));
}

// A plain map beside the backend: after ten thousand keys and as many random changes both hold the same.
}  // namespace
}  // namespace slipstream
