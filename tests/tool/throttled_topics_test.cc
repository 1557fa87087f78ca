#include "tool/throttled_topics.h"

#include <gmock/gmock.h>

namespace slipstream {
namespace {

using ::testing::HasSubstr;

constexpr BrokerId kSelf{101};

TEST(ThrottledTopicsTest, Rq04_EachTopicHasItsList) {
  const auto replicas = ParseThrottledTopics("orders=*; audit = 0:101, 1:102,2:101", kSelf);
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  EXPECT_TRUE(replicas->Contains({"orders", 7}));
  EXPECT_TRUE(replicas->Contains({"audit", 0}));
  EXPECT_FALSE(replicas->Contains({"audit", 1})) << "another broker's";
  EXPECT_TRUE(replicas->Contains({"audit", 2}));
  EXPECT_FALSE(replicas->Contains({"other", 0}));
}

TEST(ThrottledTopicsTest, Rq04_NothingListsNobody) {
  const auto replicas = ParseThrottledTopics("", kSelf);
  ASSERT_TRUE(replicas.ok());
  EXPECT_TRUE(replicas->empty());
}

struct BadText {
  const char* name;
  const char* text;
  int32_t self;
  const char* says;
};

class ThrottledTopicsErrorTest : public ::testing::TestWithParam<BadText> {};

TEST_P(ThrottledTopicsErrorTest, Rq04_ErrorsNameThePiece) {
  const auto parsed = ParseThrottledTopics(GetParam().text, BrokerId{GetParam().self});
  ASSERT_TRUE(absl::IsInvalidArgument(parsed.status())) << parsed.status();
  EXPECT_THAT(parsed.status().message(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(Table, ThrottledTopicsErrorTest,
                         ::testing::Values(BadText{"NoList", "orders", 1, "'orders': is not TOPIC=LIST"},
                                           BadText{"EmptyList", "orders=", 1, "'orders=': lists nobody"},
                                           BadText{"AnEmptyPieceAtTheEnd", "orders=*;", 1, "'': is not TOPIC=LIST"},
                                           BadText{"ATopicTwice", "orders=0:1;orders=1:1", 1,
                                                   "'orders=1:1': lists a topic for the second time"},
                                           BadText{"NoTopicName", "a b=*", 1, "'a b=*': "},
                                           BadText{"NoPair", "orders=7", 1, "PARTITION:BROKER"},
                                           BadText{"BrokersWithoutAReplicaId", "orders=0:1", -1,
                                                   "without a replica.id"}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace slipstream
