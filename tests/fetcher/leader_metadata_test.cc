#include "fetcher/leader/metadata_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/wire/messages/create_topics.h"
#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

class LeaderMetadataTest : public LeaderTest {
 protected:
  CreatableTopicResult CreateOne(const CreatableTopic& topic, int16_t version = 7, bool validate_only = false) {
    CreateTopicsRequest request;
    request.topics = {topic};
    request.validate_only = validate_only;
    const std::optional<CreateTopicsResponse> response = Call(request, version);
    SLIP_CHECK(response && response->topics.size() == 1);
    return response->topics[0];
  }
};

TEST_F(LeaderMetadataTest, OneBrokerLeadsEverythingInEveryVersion) {
  HostedTopic& topic = Create("t", 2);
  Create("u");
  for (int16_t version = MetadataRequest::kVersionMin; version <= MetadataRequest::kVersionMax; ++version) {
    SCOPED_TRACE(version);
    MetadataRequest all;  // null topics; version 0 writes that as none, and means all by it
    const std::optional<MetadataResponse> response = Call(all, version);
    ASSERT_TRUE(response);
    ASSERT_EQ(response->brokers.size(), 1u);
    EXPECT_EQ(response->brokers[0].node_id, BrokerId{1});
    EXPECT_EQ(response->brokers[0].host, "127.0.0.1");
    EXPECT_EQ(response->brokers[0].port, 9092);
    ASSERT_EQ(response->topics.size(), 2u);
    EXPECT_EQ(response->topics[0].name, "t");
    ASSERT_EQ(response->topics[0].partitions.size(), 2u);
    const MetadataResponsePartition& partition = response->topics[0].partitions[1];
    EXPECT_EQ(partition.partition_index, 1);
    EXPECT_EQ(partition.leader_id, BrokerId{1});
    EXPECT_EQ(partition.replica_nodes, std::vector<BrokerId>{BrokerId{1}});
    EXPECT_EQ(partition.isr_nodes, std::vector<BrokerId>{BrokerId{1}});
    if (version >= 1) {
      EXPECT_EQ(response->controller_id, BrokerId{1});
    }
    if (version >= 2) {
      EXPECT_EQ(response->cluster_id, logs_->cluster_id());
    }
    if (version >= 7) {
      EXPECT_EQ(partition.leader_epoch, LeaderEpoch{0});
    }
    if (version >= 10) {
      EXPECT_EQ(response->topics[0].topic_id, topic.id);
    }
  }
}

TEST_F(LeaderMetadataTest, AnEmptyListMeansNoTopicButForVersionZero) {
  Create("t");
  MetadataRequest none;
  none.topics.emplace();
  EXPECT_EQ(Call(none, 0)->topics.size(), 1u);
  EXPECT_EQ(Call(none, 1)->topics.size(), 0u);
}

TEST_F(LeaderMetadataTest, TopicsAreFoundByNameAndById) {
  HostedTopic& topic = Create("t");
  MetadataRequest request;
  request.topics = {{{.topic_id = topic.id, .name = std::nullopt},
                     {.topic_id = {5, 5}, .name = std::nullopt},
                     {.topic_id = {}, .name = "absent"},
                     {.topic_id = {}, .name = "no/name"}}};
  const std::optional<MetadataResponse> response = Call(request, 12);
  ASSERT_TRUE(response && response->topics.size() == 4);
  EXPECT_EQ(response->topics[0].name, "t");
  EXPECT_EQ(response->topics[0].partitions.size(), 1u);
  EXPECT_EQ(response->topics[1].error_code, KafkaError::kUnknownTopicId);
  EXPECT_EQ(response->topics[2].error_code, KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(response->topics[3].error_code, KafkaError::kInvalidTopicException);
  EXPECT_EQ(catalog_->Find("absent"), nullptr);
}

// What happened: of a directory and its copy the one last by name answered for both, and took what was written to
// either.
TEST_F(LeaderMetadataTest, Log48_TwoTopicsWithOneIdStopTheStart) {
  Create("a");
  Create("b");
  Close();
  std::filesystem::copy_file(dir_.path() / "a-0" / "partition.metadata", dir_.path() / "b-0" / "partition.metadata",
                             std::filesystem::copy_options::overwrite_existing);
  LogManagerConfig config;
  config.log_dirs = {dir_.path()};
  {
    const auto logs = LogManager::Open(SystemFileIo(), config);
    ASSERT_TRUE(logs.ok()) << logs.status();
    const absl::Status opened = TopicCatalog::Open(**logs, SystemFileIo(), dir_.path()).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(opened)) << opened;
    EXPECT_THAT(std::string(opened.message()), testing::HasSubstr("topics a and b have one topic id"));
    ASSERT_TRUE((*logs)->Close().ok());
  }
  std::filesystem::remove_all(dir_.path() / "b-0");
  Open();
}

TEST_F(LeaderMetadataTest, TopicsAreMadeOnlyWhenBothSidesAllowIt) {
  MetadataConfig config{.advertised = {"127.0.0.1", 9092}, .auto_create = true};
  MetadataRequest request;
  request.topics = {{{.topic_id = {}, .name = "wanted"}}};
  request.allow_auto_topic_creation = false;
  MetadataResponse response;
  HandleMetadata(request, 12, config, *catalog_, response);
  EXPECT_EQ(response.topics[0].error_code, KafkaError::kUnknownTopicOrPartition);
  request.allow_auto_topic_creation = true;
  response = {};
  HandleMetadata(request, 12, config, *catalog_, response);
  EXPECT_EQ(response.topics[0].error_code, KafkaError::kNone);
  ASSERT_NE(catalog_->Find("wanted"), nullptr);
  EXPECT_EQ(catalog_->Find("wanted")->partitions.size(), 1u);
}

TEST_F(LeaderMetadataTest, CreateTopicsMakesThemInEveryVersion) {
  for (int16_t version = CreateTopicsRequest::kVersionMin; version <= CreateTopicsRequest::kVersionMax; ++version) {
    const std::string name = absl::StrCat("t", version);
    const CreatableTopicResult made = CreateOne(
        {.name = name, .num_partitions = 3, .replication_factor = 1, .assignments = {}, .configs = {}}, version);
    EXPECT_EQ(made.error_code, KafkaError::kNone);
    ASSERT_NE(catalog_->Find(name), nullptr);
    EXPECT_EQ(catalog_->Find(name)->partitions.size(), 3u);
    if (version >= 5) {
      EXPECT_EQ(made.num_partitions, 3);
    }
    if (version >= 5) {
      EXPECT_TRUE(made.configs.has_value());
    }
    if (version >= 7) {
      EXPECT_EQ(made.topic_id, catalog_->Find(name)->id);
    }
  }
}

TEST_F(LeaderMetadataTest, CreateTopicsRefusesWhatCannotBe) {
  Create("taken");
  const auto error_of = [&](const CreatableTopic& topic, int16_t version = 7) {
    return CreateOne(topic, version).error_code;
  };
  const auto topic = [](const char* name, int32_t partitions, int16_t replication_factor) {
    return CreatableTopic{.name = name,
                          .num_partitions = partitions,
                          .replication_factor = replication_factor,
                          .assignments = {},
                          .configs = {}};
  };
  EXPECT_EQ(error_of(topic("taken", 1, 1)), KafkaError::kTopicAlreadyExists);
  EXPECT_EQ(error_of(topic("a/b", 1, 1)), KafkaError::kInvalidTopicException);
  EXPECT_EQ(error_of(topic("..", 1, 1)), KafkaError::kInvalidTopicException);
  EXPECT_EQ(error_of(topic("n", 0, 1)), KafkaError::kInvalidPartitions);
  EXPECT_EQ(error_of(topic("n", -2, 1)), KafkaError::kInvalidPartitions);
  EXPECT_EQ(error_of(topic("n", 1, 2)), KafkaError::kInvalidReplicationFactor);
  EXPECT_EQ(error_of(topic("n", -1, 1), 3), KafkaError::kInvalidPartitions);
  CreatableTopic with_config = topic("n", 1, 1);
  with_config.configs.push_back({.name = "cleanup.policy", .value = "compact"});
  const CreatableTopicResult refused = CreateOne(with_config);
  EXPECT_EQ(refused.error_code, KafkaError::kInvalidRequest);
  EXPECT_THAT(refused.error_message.value_or(""), HasSubstr("cleanup.policy"));
  EXPECT_EQ(catalog_->topics().size(), 1u);
  EXPECT_EQ(error_of(topic("n", -1, -1)), KafkaError::kNone);
  EXPECT_EQ(catalog_->Find("n")->partitions.size(), 1u);
}

// What happened: the bound held for each topic of a request, and not for assignments.
TEST_F(LeaderMetadataTest, CreateTopicsBoundsThePartitionsOfARequest) {
  const auto topic = [](const char* name, int32_t partitions) {
    return CreatableTopic{
        .name = name, .num_partitions = partitions, .replication_factor = 1, .assignments = {}, .configs = {}};
  };
  CreatableTopic assigned = topic("assigned", -1);
  assigned.replication_factor = -1;
  for (int32_t i = 0; i < 10'000; ++i) assigned.assignments.push_back({i, {kLeaderBrokerId}});
  const std::vector<std::vector<CreatableTopic>> requests = {
      {topic("a", 10'001)},
      {topic("a", std::numeric_limits<int32_t>::max()), topic("b", std::numeric_limits<int32_t>::max())},
      {topic("a", 5'000), topic("b", 5'000), topic("c", -1)},
      {assigned, topic("a", 1)}};
  for (const std::vector<CreatableTopic>& topics : requests) {
    CreateTopicsRequest request;
    request.topics = topics;
    const std::optional<CreateTopicsResponse> response = Call(request, 7);
    ASSERT_TRUE(response && response->topics.size() == topics.size());
    for (const CreatableTopicResult& answer : response->topics) {
      EXPECT_EQ(answer.error_code, KafkaError::kPolicyViolation);
      EXPECT_THAT(answer.error_message.value_or(""), HasSubstr("at most 10000"));
    }
  }
  EXPECT_TRUE(catalog_->topics().empty());
  CreateTopicsRequest largest;
  largest.topics = {topic("a", 9'999), topic("b", -1)};
  largest.validate_only = true;
  const std::optional<CreateTopicsResponse> allowed = Call(largest, 7);
  for (const CreatableTopicResult& answer : allowed->topics) EXPECT_EQ(answer.error_code, KafkaError::kNone);
}

TEST_F(LeaderMetadataTest, CreateTopicsTakesAssignmentsToTheOneBroker) {
  CreatableTopic topic{.name = "n", .num_partitions = -1, .replication_factor = -1, .assignments = {}, .configs = {}};
  topic.assignments = {{.partition_index = 1, .broker_ids = {BrokerId{1}}},
                       {.partition_index = 0, .broker_ids = {BrokerId{2}}}};
  EXPECT_EQ(CreateOne(topic).error_code, KafkaError::kInvalidReplicaAssignment);
  topic.assignments[1].broker_ids = {BrokerId{1}};
  topic.assignments[0].partition_index = 2;
  EXPECT_EQ(CreateOne(topic).error_code, KafkaError::kInvalidReplicaAssignment);
  topic.assignments[0].partition_index = 1;
  topic.num_partitions = 2;
  EXPECT_EQ(CreateOne(topic).error_code, KafkaError::kInvalidRequest);
  topic.num_partitions = -1;
  EXPECT_EQ(CreateOne(topic).error_code, KafkaError::kNone);
  EXPECT_EQ(catalog_->Find("n")->partitions.size(), 2u);
}

TEST_F(LeaderMetadataTest, CreateTopicsCanOnlyValidateAndRefusesDoubles) {
  const CreatableTopic topic{
      .name = "n", .num_partitions = 1, .replication_factor = 1, .assignments = {}, .configs = {}};
  EXPECT_EQ(CreateOne(topic, 7, true).error_code, KafkaError::kNone);
  EXPECT_EQ(catalog_->Find("n"), nullptr);
  CreateTopicsRequest twice;
  twice.topics = {topic, topic};
  const std::optional<CreateTopicsResponse> response = Call(twice, 7);
  for (const CreatableTopicResult& answer : response->topics) EXPECT_EQ(answer.error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(catalog_->Find("n"), nullptr);
}

TEST_F(LeaderMetadataTest, Lf02_Ec03_Rel04_Pf20_EachStartIsANewLeaderEpochEvenIfNothingIsWritten) {
  HostedTopic& topic = Create("t", 2);
  const Uuid id = topic.id;
  Append(*topic.Find(0), 5);
  Reopen();
  ASSERT_NE(catalog_->Find("t"), nullptr);
  EXPECT_EQ(catalog_->Find("t")->id, id);
  for (const int32_t p : {0, 1}) EXPECT_EQ(catalog_->Find("t")->Find(p)->leader_epoch, LeaderEpoch{1});
  ASSERT_TRUE(catalog_->Find("t")->Find(1)->Elect({6}).ok());
  Append(*catalog_->Find("t")->Find(1), 1);
  Reopen();
  const PartitionLog& log = catalog_->Find("t")->Find(0)->log;
  EXPECT_EQ(catalog_->Find("t")->Find(0)->leader_epoch, LeaderEpoch{7});  // one above the largest of all partitions
  EXPECT_EQ(log.epochs().entries(), (std::vector<EpochStart>{{{0}, {0}}, {{7}, {5}}}));
  for (const int32_t asked : {0, 3}) EXPECT_EQ(log.EndOffsetForEpoch({asked}), (EpochEndOffset{{0}, {5}})) << asked;
  EXPECT_EQ(log.high_watermark(), Offset{5});
}

// KAFKA-9491, KAFKA-3978: a replica whose log was dropped and begun anew at the leader's start, and then elected.
TEST_F(LeaderMetadataTest, Rel18_AReplicaThatStartedAnewCanLeadAtOnce) {
  HostedPartition& partition = *Create("t").Find(0);
  Append(partition, 5);
  ASSERT_TRUE(partition.log.TruncateFullyAndStartAt({40}).ok());
  ASSERT_TRUE(partition.Elect({3}).ok());
  EXPECT_EQ(partition.log.log_start_offset(), Offset{40});
  EXPECT_EQ(partition.log.high_watermark(), Offset{40});
  EXPECT_EQ(partition.log.epochs().entries(), (std::vector<EpochStart>{{{3}, {40}}}));
  Append(partition, 2);
  EXPECT_EQ(partition.log.log_end_offset(), Offset{42});
  EXPECT_EQ(partition.log.high_watermark(), Offset{42});
}

TEST_F(LeaderMetadataTest, NoLeaderEpochIsGivenTwiceThoughItsRecordsAreGone) {
  Append(*Create("t").Find(0), 5);
  for (int32_t start = 1; start <= 3; ++start) {
    Reopen();
    EXPECT_EQ(catalog_->Find("t")->Find(0)->leader_epoch, LeaderEpoch{start});
  }
  Append(*catalog_->Find("t")->Find(0), 5);
  ASSERT_TRUE(catalog_->Find("t")->Find(0)->log.TruncateTo({0}).ok());
  Reopen();
  EXPECT_EQ(catalog_->Find("t")->Find(0)->leader_epoch, LeaderEpoch{4});
}

TEST_F(LeaderMetadataTest, ADamagedEpochFileIsNamed) {
  const std::filesystem::path path = dir_.path() / TopicCatalog::kEpochFile;
  ASSERT_TRUE(ReplaceFile(SystemFileIo(), path, "many").ok());
  const auto opened = TopicCatalog::Open(*logs_, SystemFileIo(), dir_.path());
  ASSERT_TRUE(absl::IsDataLoss(opened.status()));
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path.string()));
}

}  // namespace
}  // namespace slipstream
