#include "session/cluster_metadata.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

MetadataResponseTopic Topic(std::optional<std::string> name, std::vector<int32_t> partitions) {
  MetadataResponseTopic topic;
  topic.name = std::move(name);
  topic.topic_id = Uuid{1, 2};
  for (const int32_t partition : partitions) {
    MetadataResponsePartition& added = topic.partitions.emplace_back();
    added.partition_index = partition;
    added.leader_id = BrokerId{partition + 10};
    added.leader_epoch = LeaderEpoch{partition + 20};
  }
  return topic;
}

TEST(ClusterMetadata, TakesBrokersTopicsAndLeaders) {
  MetadataResponse response;
  response.cluster_id = "c1";
  response.controller_id = BrokerId{3};
  response.brokers.push_back({BrokerId{3}, "kafka", 9092, std::nullopt});
  response.topics.push_back(Topic("orders", {0, 1}));
  const ClusterMetadata metadata = ClusterMetadata::From(response);
  EXPECT_EQ(metadata.cluster_id, "c1");
  EXPECT_EQ(metadata.controller_id, BrokerId{3});
  EXPECT_EQ(metadata.brokers.at(BrokerId{3}), (Endpoint{"kafka", 9092}));
  EXPECT_EQ(metadata.topics.at("orders").topic_id, (Uuid{1, 2}));
  const auto leader = metadata.LeaderOf({"orders", 1});
  ASSERT_TRUE(leader);
  EXPECT_EQ(leader->leader, BrokerId{11});
  EXPECT_EQ(leader->leader_epoch, LeaderEpoch{21});
}

TEST(ClusterMetadata, WhatIsUnknownHasNoLeader) {
  MetadataResponse response;
  response.topics.push_back(Topic("orders", {0}));
  const ClusterMetadata metadata = ClusterMetadata::From(response);
  EXPECT_FALSE(metadata.LeaderOf({"orders", 1}));
  EXPECT_FALSE(metadata.LeaderOf({"other", 0}));
}

// What happened: a port above 65535 was cut to 16 bits, and another program's connected to.
TEST(ClusterMetadata, Bad18_BrokersWithoutAnAddressAreLeftOut) {
  MetadataResponse response;
  for (const int32_t port : {0, -1, 65536, 65536 + 22}) response.brokers.push_back({BrokerId{1}, "kafka", port, {}});
  response.brokers.push_back({BrokerId{2}, "", 9092, {}});
  response.brokers.push_back({BrokerId{3}, "kafka", 65535, {}});
  const ClusterMetadata metadata = ClusterMetadata::From(response);
  ASSERT_EQ(metadata.brokers.size(), 1u);
  EXPECT_EQ(metadata.brokers.at(BrokerId{3}), (Endpoint{"kafka", 65535}));
}

TEST(ClusterMetadata, NamesAndPartitionsThatCannotBeDirectoriesAreLeftOut) {
  MetadataResponse response;
  for (const char* name : {"..", "a/b", ""}) response.topics.push_back(Topic(name, {0}));
  response.topics.push_back(Topic(std::nullopt, {0}));
  response.topics.push_back(Topic("good", {-1, 0}));
  const ClusterMetadata metadata = ClusterMetadata::From(response);
  ASSERT_EQ(metadata.topics.size(), 1u);
  EXPECT_EQ(metadata.topics.at("good").partitions.size(), 1u);
}

}  // namespace
}  // namespace slipstream
