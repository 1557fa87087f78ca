#include "fetcher/leader_news.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(LeaderNewsTest, Pf14_WhatIsOlderIsDroppedAndWhatIsEqualCounts) {
  const PartitionLeader known{BrokerId{1}, LeaderEpoch{5}};
  const Endpoint here{"a", 9092}, elsewhere{"b", 9092};
  const auto is_news = [&](int32_t leader, int32_t epoch, const Endpoint& endpoint) {
    const PartitionLeader told{BrokerId{leader}, LeaderEpoch{epoch}};
    return IsNews({known, here}, {told, endpoint});
  };
  EXPECT_FALSE(is_news(1, 5, here)) << "nothing restarts for the same";
  EXPECT_FALSE(is_news(2, 4, elsewhere)) << "a broker that is behind";
  EXPECT_FALSE(is_news(1, 4, here));
  EXPECT_TRUE(is_news(1, 6, here)) << "elected again";
  EXPECT_TRUE(is_news(2, 6, elsewhere));
  EXPECT_TRUE(is_news(2, 5, elsewhere)) << "of an equal epoch";
  EXPECT_TRUE(is_news(1, 5, elsewhere)) << "it has moved";
}

}  // namespace
}  // namespace slipstream
