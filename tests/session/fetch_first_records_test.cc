// Finding the first records of a fetch answer from the beginning of its frame.
#include <gtest/gtest.h>

#include "session/wire/codec.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {
namespace {

class FirstRecordsTest : public ::testing::TestWithParam<int16_t> {
 protected:
  FirstRecordsTest() {
    FetchableTopicResponse& quiet = response_.responses.emplace_back();
    quiet.topic = "quiet";
    quiet.topic_id = {1, 2};
    quiet.partitions = {Partition(4, 0), Partition(0, 0)};
    FetchableTopicResponse& busy = response_.responses.emplace_back();
    busy.topic = "busy";
    busy.topic_id = {3, 4};
    busy.partitions = {Partition(0, 0), Partition(7, 100'000), Partition(8, 5'000)};
  }

  PartitionData Partition(int32_t index, size_t bytes) {
    PartitionData data;
    data.partition_index = index;
    data.high_watermark = data.last_stable_offset = Offset{100};
    data.log_start_offset = Offset{0};
    data.aborted_transactions = {{9, Offset{3}}};
    data.records.bytes = ByteSpan(records_).first(bytes);
    return data;
  }
  // As it comes, without its size.
  std::vector<std::byte> Frame() const {
    std::vector<std::byte> frame = Join(EncodeResponse(response_, GetParam(), 77));
    frame.erase(frame.begin(), frame.begin() + 4);
    return frame;
  }

  std::vector<std::byte> records_ = std::vector<std::byte>(100'000, std::byte{0xab});
  FetchResponse response_, scratch_;
};

TEST_P(FirstRecordsTest, AreFoundInTheBeginningOfTheFrame) {
  const std::vector<std::byte> frame = Frame();
  // Twice with the same scratch: nothing of the first answer is taken for the second's.
  for (int round = 0; round < 2; ++round) {
    const auto first = FindFirstRecords(ByteSpan(frame).first(512), GetParam(), scratch_);
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->partition_index, 7);
    EXPECT_TRUE(first->topic->topic == "busy" || first->topic->topic_id == (Uuid{3, 4}));
    ASSERT_LT(first->at, 512u);
    EXPECT_EQ(frame[first->at], std::byte{0xab});
    EXPECT_NE(frame[first->at - 1], std::byte{0xab});
  }
}

// What happened: the count of the partitions was held against the beginning alone, and an answer that named 13 of them
// landed anywhere.
TEST_P(FirstRecordsTest, AreFoundBeforeMorePartitionsThanTheBeginningHasRoomFor) {
  for (int32_t index = 9; index < 1000; ++index) response_.responses[1].partitions.push_back(Partition(index, 0));
  const std::vector<std::byte> frame = Frame();
  const auto first = FindFirstRecords(ByteSpan(frame).first(512), GetParam(), scratch_);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->partition_index, 7);
  EXPECT_EQ(frame[first->at], std::byte{0xab});
}

TEST_P(FirstRecordsTest, ABeginningThatEndsBeforeThemTellsNothing) {
  const std::vector<std::byte> frame = Frame();
  const size_t at = FindFirstRecords(ByteSpan(frame).first(512), GetParam(), scratch_)->at;
  for (size_t length = 0; length < at; ++length)
    EXPECT_FALSE(FindFirstRecords(ByteSpan(frame).first(length), GetParam(), scratch_).has_value()) << length;
}

TEST_P(FirstRecordsTest, AnAnswerWithoutRecordsHasNone) {
  for (FetchableTopicResponse& topic : response_.responses)
    for (PartitionData& partition : topic.partitions) partition.records = {};
  EXPECT_FALSE(FindFirstRecords(Frame(), GetParam(), scratch_).has_value());
}

INSTANTIATE_TEST_SUITE_P(Versions, FirstRecordsTest,
                         ::testing::Range<int16_t>(FetchRequest::kVersionMin, FetchRequest::kVersionMax + 1));

}  // namespace
}  // namespace slipstream
