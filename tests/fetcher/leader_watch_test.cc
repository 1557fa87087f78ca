#include "fetcher/leader_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr BrokerId kOne{1}, kTwo{2};
const Endpoint kHere{"here", 9092};
const absl::Status kRefused = absl::UnavailableError("broker here:9092: cannot connect: Connection refused");

TEST(LeaderWatch, ALostLeaderIsToldOnceAndOnceWhenItIsBack) {
  LeaderWatch watch;
  EXPECT_THAT(watch.OnReached(kOne, kHere), std::nullopt) << "was never lost";
  EXPECT_THAT(watch.OnLost(kOne, 8, kRefused),
              Optional(std::string("leader 1 of 8 partitions is lost: broker here:9092: cannot connect: Connection "
                                   "refused; trying again")));
  EXPECT_THAT(watch.OnLost(kOne, 8, kRefused), std::nullopt) << "another fetcher of the same leader";
  EXPECT_THAT(watch.OnReached(kTwo, kHere), std::nullopt);
  EXPECT_THAT(watch.OnReached(kOne, kHere), Optional(std::string("leader 1 is back: broker here:9092 answers")));
  EXPECT_THAT(watch.OnReached(kOne, kHere), std::nullopt);
  EXPECT_NE(watch.OnLost(kOne, 1, kRefused), std::nullopt) << "lost again";
}

TEST(LeaderWatch, ALeaderThatLeadsNothingOfOursIsNotMissed) {
  LeaderWatch watch;
  EXPECT_THAT(watch.OnLost(kOne, 0, kRefused), std::nullopt);
}

TEST(LeaderWatch, ALostLeaderIsDoneWithOnceOthersLead) {
  LeaderWatch watch;
  watch.OnLost(kOne, 8, kRefused);
  EXPECT_THAT(watch.OnLeadersChanged({kOne, kTwo}), IsEmpty());
  EXPECT_THAT(watch.OnLeadersChanged({kTwo}), ElementsAre("other brokers lead the partitions of lost leader 1 now"));
  EXPECT_THAT(watch.OnLeadersChanged({kTwo}), IsEmpty());
  EXPECT_THAT(watch.OnReached(kOne, kHere), std::nullopt);
}

TEST(LeaderWatch, AClusterThatIsGoneIsToldUnlessItsLeadersAre) {
  LeaderWatch watch;
  EXPECT_THAT(watch.OnMetadata(0, {}), std::nullopt);
  EXPECT_THAT(watch.OnMetadata(3, kRefused), std::nullopt) << "the next broker may answer";
  EXPECT_THAT(watch.OnMetadata(4, kRefused),
              Optional(std::string("no broker tells the cluster's metadata: broker here:9092: cannot connect: "
                                   "Connection refused; trying again")));
  EXPECT_THAT(watch.OnMetadata(5, kRefused), std::nullopt);
  EXPECT_THAT(watch.OnMetadata(0, {}), Optional(std::string("the cluster tells its metadata again")));
  EXPECT_THAT(watch.OnMetadata(0, {}), std::nullopt);
  watch.OnLost(kOne, 1, kRefused);
  EXPECT_THAT(watch.OnMetadata(4, kRefused), std::nullopt) << "that was told";
}

}  // namespace
}  // namespace slipstream
