#include "fetcher/fetcher_id.h"

#include <gtest/gtest.h>

#include <set>

namespace slipstream {
namespace {

struct Case {
  TopicPartition partition;
  int32_t pool;
  int32_t fetcher_id;
};

class FetcherId : public ::testing::TestWithParam<Case> {};

// Expected values: Java's String.hashCode and Integer arithmetic.
TEST_P(FetcherId, Fm01_IsJavasHashModuloThePool) {
  EXPECT_EQ(FetcherIdOf(GetParam().partition, GetParam().pool), GetParam().fetcher_id);
}

INSTANTIATE_TEST_SUITE_P(Vectors, FetcherId,
                         ::testing::Values(Case{{"t1", 0}, 1, 0}, Case{{"t1", 0}, 4, 3}, Case{{"t1", 0}, 10, 5},
                                           Case{{"orders", 7}, 4, 2}, Case{{"a-very-long.topic_name", 123}, 10, 7},
                                           Case{{"__consumer_offsets", 49}, 10, 8},
                                           // Mixes to the smallest 32-bit integer, which has no absolute value.
                                           Case{{"skiqya", 904}, 10, 0}));

TEST(FetcherIdSpread, Fm01_ManyPartitionsUseEveryThread) {
  std::set<int32_t> used;
  for (int32_t partition = 0; partition < 100; ++partition) used.insert(FetcherIdOf({"topic", partition}, 10));
  EXPECT_EQ(used.size(), 10u);
}

}  // namespace
}  // namespace slipstream
