#include "fetcher/notice_joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NoticeJoiner, OnePartitionIsToldByName) {
  NoticeJoiner joiner;
  joiner.Add({"orders", 3}, "FENCED_LEADER_EPOCH; will be retried");
  joiner.Add({"orders", 4}, "truncated", "from offset 9 to 5");
  EXPECT_THAT(joiner.Take(),
              ElementsAre("orders-3: FENCED_LEADER_EPOCH; will be retried", "orders-4: truncated: from offset 9 to 5"));
}

TEST(NoticeJoiner, ManyAreCountedAndThreeAreNamed) {
  NoticeJoiner joiner;
  for (const int32_t partition : {7, 2, 11, 4, 5}) joiner.Add({"orders", partition}, "FENCED_LEADER_EPOCH");
  for (const int32_t partition : {1, 0}) joiner.Add({"orders", partition}, "truncated", "to 5");
  EXPECT_THAT(joiner.Take(), ElementsAre("5 partitions: FENCED_LEADER_EPOCH: orders-2, orders-4, orders-5 and 2 more",
                                         "2 partitions: truncated: orders-0 to 5, orders-1 to 5"));
}

TEST(NoticeJoiner, TheSamePartitionCountsOnce) {
  NoticeJoiner joiner;
  for (const char* detail : {"to 5", "to 4"}) joiner.Add({"orders", 0}, "truncated", detail);
  for (int i = 0; i < 2; ++i) joiner.Add({"orders", 0}, "FENCED_LEADER_EPOCH");
  EXPECT_THAT(joiner.Take(), ElementsAre("orders-0: truncated: to 5, then to 4", "orders-0: FENCED_LEADER_EPOCH"));
}

TEST(NoticeJoiner, WhatWasTakenIsForgotten) {
  NoticeJoiner joiner;
  EXPECT_TRUE(joiner.empty());
  joiner.Add({"orders", 0}, "deleted");
  EXPECT_FALSE(joiner.empty());
  EXPECT_THAT(joiner.Take(), ElementsAre("orders-0: deleted"));
  EXPECT_TRUE(joiner.empty());
  EXPECT_THAT(joiner.Take(), IsEmpty());
}

}  // namespace
}  // namespace slipstream
