#include "throttle/throttled_replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace slipstream {
namespace {

using ::testing::HasSubstr;

constexpr BrokerId kSelf{1};

struct Case {
  const char* value;
  ThrottledReplicaList expected;
};

class ParseThrottledReplicasTest : public ::testing::TestWithParam<Case> {};

TEST_P(ParseThrottledReplicasTest, Rq04_Pf32_ValidValues) {
  const absl::StatusOr<ThrottledReplicaList> list = ParseThrottledReplicas(GetParam().value);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(*list, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, ParseThrottledReplicasTest,
                         ::testing::Values(Case{"", {}}, Case{"  ", {}}, Case{"*", {.all = true, .replicas = {}}},
                                           Case{" * ", {.all = true, .replicas = {}}},
                                           Case{"0:101", {.replicas = {{0, {101}}}}},
                                           Case{"0:101,1:102", {.replicas = {{0, {101}}, {1, {102}}}}},
                                           Case{" 0:101 , 1:102\n", {.replicas = {{0, {101}}, {1, {102}}}}},
                                           Case{"007:0", {.replicas = {{7, {0}}}}},
                                           Case{"5:1,5:1", {.replicas = {{5, {1}}, {5, {1}}}}},
                                           Case{"2147483647:2147483647", {.replicas = {{2147483647, {2147483647}}}}}));

struct BadCase {
  const char* value;
  const char* complaint;
};

class ParseThrottledReplicasErrorTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(ParseThrottledReplicasErrorTest, Rq04_ErrorsNameThePiece) {
  const absl::Status status = ParseThrottledReplicas(GetParam().value).status();
  ASSERT_TRUE(absl::IsInvalidArgument(status)) << GetParam().value;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().complaint)) << GetParam().value;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseThrottledReplicasErrorTest,
    ::testing::Values(BadCase{"*,0:1", "piece 1, '*': is not PARTITION:BROKER"},
                      BadCase{"0:1,*", "piece 2, '*': is not PARTITION:BROKER"},
                      BadCase{"**", "piece 1, '**': is not PARTITION:BROKER"},
                      BadCase{"0:1,,2:1", "piece 2, '': is not PARTITION:BROKER"},
                      BadCase{"0:1,", "piece 2, '': is not PARTITION:BROKER"},
                      BadCase{"0", "piece 1, '0': is not PARTITION:BROKER"},
                      // What older texts show: colons everywhere.
                      BadCase{"0:1:1:2", "piece 1, '0:1:1:2': is not PARTITION:BROKER"},
                      BadCase{"0:1,x:1", "piece 2, 'x:1': 'x' is not a partition, 0 to 2147483647"},
                      BadCase{":1", "'' is not a partition"}, BadCase{"1:", "'' is not a broker id"},
                      BadCase{"-1:1", "'-1' is not a partition"}, BadCase{"1:+1", "'+1' is not a broker id"},
                      BadCase{"1: 2", "' 2' is not a broker id"},
                      BadCase{"2147483648:1", "'2147483648' is not a partition"},
                      BadCase{"1:99999999999999999999", "'99999999999999999999' is not a broker id"}));

TEST(ThrottledReplicasTest, Rq04_NobodyIsListedAtFirst) {
  EXPECT_FALSE(ThrottledReplicas(kSelf).Contains({"topic", 0}));
}

TEST(ThrottledReplicasTest, Rq04_OnlyThisBrokersReplicasAreKept) {
  ThrottledReplicas replicas(kSelf);
  ASSERT_TRUE(replicas.Update("topic", "7:1,0:1,3:2,4:11,2:1").ok());
  std::set<int32_t> listed;
  for (int32_t partition = 0; partition < 10; ++partition)
    if (replicas.Contains({"topic", partition})) listed.insert(partition);
  EXPECT_EQ(listed, (std::set<int32_t>{0, 2, 7}));
  EXPECT_FALSE(replicas.Contains({"other", 0}));
}

TEST(ThrottledReplicasTest, Rq04_AStarIsEveryReplicaOfItsTopic) {
  ThrottledReplicas replicas(kSelf);
  ASSERT_TRUE(replicas.Update("topic", "*").ok());
  EXPECT_TRUE(replicas.Contains({"topic", 0}));
  EXPECT_TRUE(replicas.Contains({"topic", 2147483647}));
  EXPECT_FALSE(replicas.Contains({"other", 0}));
}

TEST(ThrottledReplicasTest, Rq04_ATopicsListIsReplacedAsAWhole) {
  ThrottledReplicas replicas(kSelf);
  ASSERT_TRUE(replicas.Update("topic", "0:1,1:1").ok());
  ASSERT_TRUE(replicas.Update("other", "0:1").ok());
  ASSERT_TRUE(replicas.Update("topic", "2:1").ok());
  EXPECT_FALSE(replicas.Contains({"topic", 0}));
  EXPECT_TRUE(replicas.Contains({"topic", 2}));
  ASSERT_TRUE(replicas.Update("topic", "*").ok());
  ASSERT_TRUE(replicas.Update("topic", "1:1").ok());
  EXPECT_FALSE(replicas.Contains({"topic", 0}));
  EXPECT_TRUE(replicas.Contains({"topic", 1}));
  EXPECT_TRUE(replicas.Contains({"other", 0}));
}

TEST(ThrottledReplicasTest, Rq04_AnEmptyListRemovesTheTopic) {
  for (const char* value : {"", " ", "1:2"}) {  // the last one: only another broker's
    ThrottledReplicas replicas(kSelf);
    ASSERT_TRUE(replicas.Update("topic", "*").ok());
    ASSERT_TRUE(replicas.Update("topic", value).ok());
    EXPECT_FALSE(replicas.Contains({"topic", 1})) << "'" << value << "'";
  }
}

TEST(ThrottledReplicasTest, Rq04_AValueThatCannotBeReadChangesNothing) {
  ThrottledReplicas replicas(kSelf);
  ASSERT_TRUE(replicas.Update("topic", "0:1").ok());
  const absl::Status status = replicas.Update("topic", "1:1,bad");
  EXPECT_EQ(status.message(), "topic 'topic': throttled replicas: piece 2, 'bad': is not PARTITION:BROKER");
  EXPECT_TRUE(replicas.Contains({"topic", 0}));
  EXPECT_FALSE(replicas.Contains({"topic", 1}));
}

TEST(ThrottledReplicasTest, Rq04_RandomListsAgreeWithASetOfPairs) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    ThrottledReplicas replicas(kSelf);
    std::set<int32_t> model;
    std::string value;
    for (uint64_t count = 1 + random() % 40; count > 0; --count) {
      const auto partition = static_cast<int32_t>(random() % 30);
      const auto broker = static_cast<int32_t>(random() % 3);
      absl::StrAppend(&value, value.empty() ? "" : ",", partition, ":", broker);
      if (broker == kSelf.value) model.insert(partition);
    }
    ASSERT_TRUE(replicas.Update("topic", value).ok()) << value;
    for (int32_t partition = 0; partition < 30; ++partition)
      ASSERT_EQ(replicas.Contains({"topic", partition}), model.contains(partition)) << value << " at " << partition;
  }
}

}  // namespace
}  // namespace slipstream
