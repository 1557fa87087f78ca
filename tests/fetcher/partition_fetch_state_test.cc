#include "fetcher/partition_fetch_state.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using std::chrono::milliseconds;
const PartitionFetchState::TimePoint kNow{std::chrono::hours(1)};

TEST(PartitionFetchState, Ft01_StartsTruncatingAndIsNotFetched) {
  const PartitionFetchState state;
  EXPECT_EQ(state.state, ReplicaState::kTruncating);
  EXPECT_FALSE(state.ReadyToFetch(kNow));
}

TEST(PartitionFetchState, Ft07_ADelayIsNotExtendedByAnotherError) {
  PartitionFetchState state;
  state.BecomeFetching(Offset{10}, LeaderEpoch{1});
  state.Delay(kNow, milliseconds(1000));
  state.Delay(kNow + milliseconds(500), milliseconds(1000));
  EXPECT_FALSE(state.ReadyToFetch(kNow + milliseconds(999)));
  EXPECT_TRUE(state.ReadyToFetch(kNow + milliseconds(1000)));
  EXPECT_EQ(state.fetch_offset, Offset{10});
  EXPECT_EQ(state.failures, 2);
}

TEST(PartitionFetchState, Ft39_ProgressForgetsEarlierFailures) {
  PartitionFetchState state;
  state.BecomeFetching(Offset{10}, std::nullopt);
  state.Delay(kNow, milliseconds(1000));
  state.failed = true;
  state.Advance(Offset{20}, LeaderEpoch{4});
  EXPECT_TRUE(state.ReadyToFetch(kNow));
  EXPECT_EQ(state.failures, 0);
  EXPECT_FALSE(state.failed);
  EXPECT_EQ(state.last_fetched_epoch, LeaderEpoch{4});
}

}  // namespace
}  // namespace slipstream
