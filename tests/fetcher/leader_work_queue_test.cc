#include "fetcher/leader_work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LeaderWorkQueueTest : public testing::Test {
 protected:
  LeaderWorkQueueTest() {
    for (size_t i = 0; i < partitions_.size(); ++i) partitions_[i].initial.partition = {"t", static_cast<int32_t>(i)};
  }
  FollowedPartition& Enqueue(size_t i, LeaderWork work) {
    partitions_[i].work = work;
    queue_.Enqueue(partitions_[i]);
    return partitions_[i];
  }

  std::array<FollowedPartition, 4> partitions_;
  LeaderWorkQueue queue_;
};

TEST_F(LeaderWorkQueueTest, Ft14_ACutNeedsNoQuestionAndALookUpIsPreparedFirst) {
  FollowedPartition& cut = Enqueue(0, LeaderWork::kTruncate);
  FollowedPartition& look_up = Enqueue(1, LeaderWork::kLookUpEpoch);
  EXPECT_TRUE(queue_.HasWork());
  EXPECT_FALSE(queue_.HasQuestions());
  EXPECT_EQ(queue_.Take(LeaderWork::kTruncate), &cut);
  EXPECT_EQ(queue_.Take(LeaderWork::kTruncate), nullptr);
  EXPECT_EQ(queue_.Take(LeaderWork::kLookUpEpoch), &look_up);
  EXPECT_FALSE(queue_.HasWork());
}

TEST_F(LeaderWorkQueueTest, Ft11_EpochLookUpsGoInOneQuestionBeforeAllOthers) {
  FollowedPartition& reset = Enqueue(0, LeaderWork::kResetOffset);
  for (const size_t i : {1, 2}) {
    partitions_[i].work = LeaderWork::kLookUpEpoch;
    queue_.Ask(partitions_[i]);
  }
  ASSERT_TRUE(queue_.BeginQuestion());
  EXPECT_THAT(queue_.TakeAsked(), ElementsAre(&partitions_[1], &partitions_[2]));
  ASSERT_TRUE(queue_.BeginQuestion());
  EXPECT_EQ(queue_.TakeOnlyAsked(), &reset);
  EXPECT_FALSE(queue_.BeginQuestion());
}

TEST_F(LeaderWorkQueueTest, Ft40_OffsetsAreAskedForOneAtATimeWhoeverWaitedLongestFirst) {
  FollowedPartition& first = Enqueue(0, LeaderWork::kResetOffset);
  FollowedPartition& second = Enqueue(1, LeaderWork::kLowerTarget);
  FollowedPartition& third = Enqueue(2, LeaderWork::kRebuild);
  for (FollowedPartition* next : {&first, &second, &third}) {
    ASSERT_TRUE(queue_.BeginQuestion());
    EXPECT_THAT(queue_.asking(), ElementsAre(next));
    EXPECT_EQ(queue_.TakeOnlyAsked(), next);
  }
  EXPECT_FALSE(queue_.HasQuestions());
}

TEST_F(LeaderWorkQueueTest, Ft12_WhatIsDroppedWhileItIsAskedAboutIsNotThereForTheAnswer) {
  FollowedPartition& asked = Enqueue(0, LeaderWork::kResetOffset);
  FollowedPartition& waiting = Enqueue(1, LeaderWork::kResetOffset);
  FollowedPartition& cut = Enqueue(2, LeaderWork::kTruncate);
  ASSERT_TRUE(queue_.BeginQuestion());
  for (FollowedPartition* dropped : {&asked, &waiting, &cut}) queue_.Drop(*dropped);
  EXPECT_EQ(queue_.TakeOnlyAsked(), nullptr);
  EXPECT_THAT(queue_.TakeAsked(), IsEmpty());
  EXPECT_FALSE(queue_.BeginQuestion());
  EXPECT_FALSE(queue_.HasWork());
}

TEST_F(LeaderWorkQueueTest, AStateReadForAPartitionThatWasDroppedIsNobodys) {
  const LeaderWorkQueue::Reading kept = queue_.BeginReading(partitions_[0]);
  const LeaderWorkQueue::Reading dropped = queue_.BeginReading(partitions_[1]);
  queue_.Drop(partitions_[1]);
  EXPECT_EQ(queue_.EndReading(dropped), nullptr);
  EXPECT_TRUE(queue_.HasReadings());
  EXPECT_EQ(queue_.EndReading(kept), &partitions_[0]);
  EXPECT_FALSE(queue_.HasReadings());
}

}  // namespace
}  // namespace slipstream
