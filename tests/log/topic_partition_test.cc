#include "log/topic_partition.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(TopicPartition, Log33_DirectoryNameRoundTrips) {
  for (const TopicPartition& tp :
       {TopicPartition{"t", 0}, {"a-b-c", 12}, {"with.dots_and-", 7}, {"-", 3}, {"t", 2147483647}}) {
    const auto parsed = ParsePartitionDirectoryName(tp.ToString());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, tp);
  }
}

TEST(TopicPartition, Log33_ParseRefusesWhatIsNoPartition) {
  for (const char* name : {"", "-", "topic", "topic-", "-1", "topic-x", "topic-1x", "topic- 1", "topic-+1",
                           "topic-2147483648", "..-1", ".-1", "to/pic-1", "lost+found", "lost+found-1", "t\n-1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParsePartitionDirectoryName(name).status())) << name;
  }
}

TEST(TopicPartition, Log34_MarkedDirectoriesAreNoPartitions) {
  for (const char* mark : {"-delete", "-future", "-stray"}) {
    const std::string name = std::string("t-0.0123456789abcdef0123456789abcdef") + mark;
    EXPECT_TRUE(absl::IsInvalidArgument(ParsePartitionDirectoryName(name).status())) << name;
  }
}

TEST(TopicPartition, Log33_TopicNames) {
  EXPECT_TRUE(ValidateTopicName(std::string(249, 'a')).ok());
  EXPECT_TRUE(ValidateTopicName("Az09._-").ok());
  EXPECT_TRUE(ValidateTopicName("...").ok());
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(250, 'a'), std::string("a b"),
        std::string("a/b"), std::string("a\0b", 3), std::string("\xc3\xa9")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateTopicName(name))) << name;
  }
}

TEST(TopicPartition, TopicsOfKafkasOwnStateAreInternal) {
  for (const char* topic : {"__consumer_offsets", "__transaction_state", "__share_group_state"})
    EXPECT_TRUE(IsInternalTopic(topic)) << topic;
  for (const char* topic : {"", "orders", "__orders", "_schemas", "__consumer_offsets2"})
    EXPECT_FALSE(IsInternalTopic(topic)) << topic;
}

}  // namespace
}  // namespace slipstream
