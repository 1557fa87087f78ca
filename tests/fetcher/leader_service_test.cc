#include "fetcher/leader/leader_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/connection.h"
#include "session/wire/describe.h"
#include "session/wire/error_message.h"
#include "session/wire/messages/api_versions.h"
#include "session/wire/messages/create_topics.h"
#include "session/wire/messages/describe_configs.h"
#include "session/wire/messages/find_coordinator.h"
#include "session/wire/messages/init_producer_id.h"
#include "session/wire/messages/list_offsets.h"
#include "session/wire/messages/metadata.h"
#include "session/wire/messages/offset_for_leader_epoch.h"
#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

using LeaderServiceTest = LeaderTest;

TEST_F(LeaderServiceTest, AdvertisesWhatItServes) {
  ApiVersionsRequest request;
  request.client_software_name = request.client_software_version = "test";
  for (int16_t version = 0; version <= 4; ++version) {
    const std::optional<ApiVersionsResponse> response = Call(request, version);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error_code, KafkaError::kNone);
    const std::vector<ApiVersion> expected = {
        {ApiKey::kProduce, 3, 13},       {ApiKey::kFetch, 4, 18},          {ApiKey::kListOffsets, 1, 10},
        {ApiKey::kMetadata, 0, 13},      {ApiKey::kFindCoordinator, 0, 6}, {ApiKey::kApiVersions, 0, 4},
        {ApiKey::kCreateTopics, 2, 7},   {ApiKey::kInitProducerId, 0, 5},  {ApiKey::kOffsetForLeaderEpoch, 2, 4},
        {ApiKey::kDescribeConfigs, 1, 4}};
    EXPECT_EQ(response->api_keys, expected);
  }
}

TEST_F(LeaderServiceTest, ApiVersionsWithoutAClientNameIsInvalid) {
  EXPECT_EQ(Call(ApiVersionsRequest{}, 3)->error_code, KafkaError::kInvalidRequest);
  EXPECT_EQ(Call(ApiVersionsRequest{}, 2)->error_code, KafkaError::kNone);
}

TEST_F(LeaderServiceTest, AnUnknownApiVersionsVersionIsAnsweredInVersionZero) {
  ServerAnswer answer;
  const RequestHeader header{
      .api_key = ApiKey::kApiVersions, .version = 99, .correlation_id = 8, .client_id = std::nullopt};
  ASSERT_TRUE(Await(service_->Handle(header, {}, client_, answer)).ok());
  // Size, correlation id, error 35, one entry: this API from 0 to 4.
  const uint8_t expected[] = {0, 0, 0, 16, 0, 0, 0, 8, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4};
  EXPECT_TRUE(std::ranges::equal(answer.frame.bytes, std::as_bytes(std::span(expected))));
}

TEST_F(LeaderServiceTest, OtherApisAndVersionsCloseTheConnection) {
  ServerAnswer answer;
  const auto handle = [&](ApiKey key, int16_t version) {
    return Await(service_->Handle({.api_key = key, .version = version, .correlation_id = 1, .client_id = std::nullopt},
                                  {}, client_, answer));
  };
  EXPECT_TRUE(absl::IsUnimplemented(handle(ApiKey::kAlterPartition, 2)));
  for (const ApiKey key : {ApiKey::kFetch, ApiKey::kProduce, ApiKey::kMetadata, ApiKey::kListOffsets})
    EXPECT_TRUE(absl::IsUnimplemented(handle(key, 30))) << ApiKeyName(key);
  EXPECT_TRUE(absl::IsUnimplemented(handle(ApiKey::kProduce, 2)));
  EXPECT_TRUE(absl::IsDataLoss(handle(ApiKey::kFetch, 12)));
  EXPECT_TRUE(answer.frame.bytes.empty());
}

// Puts one item into every array and the longest string that the wire has into every string.
struct FillWithLongest {
  template <class T>
  void Field(absl::string_view, T& field, const FieldOptions& = {}) {
    Fill(field);
  }
  template <class T>
  void Fill(T& field) {
    if constexpr (std::same_as<T, std::string>) {
      field.assign(kStringBytesMax, 'x');
    } else if constexpr (wire_internal::kIsOptional<T>) {
      Fill(field.emplace());
    } else if constexpr (wire_internal::kIsVector<T>) {
      Fill(field.emplace_back());
    } else if constexpr (wire_internal::Described<T>) {
      T::Describe(*this, field);
    }
  }
};

// What happened: a setting's name of 32 KiB went into the error message of CreateTopics, and the encoder ended the
// process.
TEST_F(LeaderServiceTest, Bad04_TheLongestStringsAreAnsweredInEveryVersion) {
  const auto call = [this]<class Request>(std::type_identity<Request>) {
    Request request;
    FillWithLongest fill;
    Request::Describe(fill, request);
    if constexpr (requires { request.acks; }) request.acks = 1;
    for (int16_t version = Request::kVersionMin; version <= Request::kVersionMax; ++version)
      EXPECT_TRUE(Call(request, version)) << Request::kName << " v" << version << ": " << refused_;
  };
  call(std::type_identity<ProduceRequest>{});
  call(std::type_identity<FetchRequest>{});
  call(std::type_identity<ListOffsetsRequest>{});
  call(std::type_identity<MetadataRequest>{});
  call(std::type_identity<FindCoordinatorRequest>{});
  call(std::type_identity<ApiVersionsRequest>{});
  call(std::type_identity<CreateTopicsRequest>{});
  call(std::type_identity<InitProducerIdRequest>{});
  call(std::type_identity<OffsetForLeaderEpochRequest>{});
  call(std::type_identity<DescribeConfigsRequest>{});

  CreateTopicsRequest request;
  request.topics.push_back(
      {.name = "n", .num_partitions = 1, .replication_factor = 1, .assignments = {}, .configs = {}});
  request.topics[0].configs.push_back({.name = std::string(kStringBytesMax, 'x'), .value = "y"});
  for (int16_t version = CreateTopicsRequest::kVersionMin; version <= CreateTopicsRequest::kVersionMax; ++version) {
    const std::optional<CreateTopicsResponse> response = Call(request, version);
    ASSERT_TRUE(response && response->topics.size() == 1);
    EXPECT_EQ(response->topics[0].error_code, KafkaError::kInvalidRequest);
    EXPECT_EQ(response->topics[0].error_message.value_or("").size(), kErrorMessageBytesMax);
  }
}

// What could happen: a request of a few megabytes that names one large topic over and over asks for an answer above
// 2 GiB, and the encoder ends the process.
TEST_F(LeaderServiceTest, Bad02_WhatIsNamedOftenIsAnsweredOnce) {
  Create("t", 3);
  MetadataRequest metadata;
  metadata.topics.emplace();
  for (int i = 0; i < 1000; ++i) {
    metadata.topics->push_back({.topic_id = {}, .name = "t"});
    metadata.topics->push_back({.topic_id = catalog_->Find("t")->id, .name = std::nullopt});
    metadata.topics->push_back({.topic_id = {}, .name = "other"});
  }
  const std::optional<MetadataResponse> described = Call(metadata, MetadataRequest::kVersionMax);
  ASSERT_TRUE(described);
  EXPECT_EQ(described->topics.size(), 3u) << "by name, by id, and what is unknown";
  FindCoordinatorRequest coordinator;
  coordinator.coordinator_keys.assign(1000, "group");
  const std::optional<FindCoordinatorResponse> found = Call(coordinator, FindCoordinatorRequest::kVersionMax);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->coordinators.size(), 1u);
}

TEST_F(LeaderServiceTest, ThereIsNoCoordinator) {
  FindCoordinatorRequest request;
  request.key = "group";
  request.coordinator_keys = {"one", "two"};
  for (int16_t version = FindCoordinatorRequest::kVersionMin; version <= FindCoordinatorRequest::kVersionMax;
       ++version) {
    const std::optional<FindCoordinatorResponse> response = Call(request, version);
    ASSERT_TRUE(response);
    if (version <= 3) {
      EXPECT_EQ(response->error_code, KafkaError::kCoordinatorNotAvailable);
      continue;
    }
    ASSERT_EQ(response->coordinators.size(), 2u);
    EXPECT_EQ(response->coordinators[1].key, "two");
    EXPECT_EQ(response->coordinators[1].error_code, KafkaError::kCoordinatorNotAvailable);
  }
}

TEST_F(LeaderServiceTest, TopicsHaveNoSettings) {
  Create("t");
  DescribeConfigsRequest request;
  request.resources = {
      {.resource_type = ConfigResourceType::kTopic, .resource_name = "t", .configuration_keys = std::nullopt},
      {.resource_type = ConfigResourceType::kTopic, .resource_name = "absent", .configuration_keys = std::nullopt},
      {.resource_type = ConfigResourceType::kBroker, .resource_name = "1", .configuration_keys = std::nullopt}};
  for (int16_t version = DescribeConfigsRequest::kVersionMin; version <= DescribeConfigsRequest::kVersionMax;
       ++version) {
    const std::optional<DescribeConfigsResponse> response = Call(request, version);
    ASSERT_TRUE(response && response->results.size() == 3);
    EXPECT_EQ(response->results[0].error_code, KafkaError::kNone);
    EXPECT_EQ(response->results[0].resource_name, "t");
    EXPECT_TRUE(response->results[0].configs.empty());
    EXPECT_EQ(response->results[1].error_code, KafkaError::kUnknownTopicOrPartition);
    EXPECT_EQ(response->results[2].resource_type, ConfigResourceType::kBroker);
  }
}

// The whole way: sockets, our own client's connection, records produced and read back by sendfile.
TEST_F(LeaderServiceTest, Log152_ServesRecordsOverASocket) {
  HostedTopic& topic = Create("t");
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Bind(io_, {"127.0.0.1", 0}, {}, *service_);
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)->Start().ok());
  const std::vector<std::byte> batch = MakeBatch({.record_count = 100, .value_bytes = 5'000});
  ProduceRequest produce;
  produce.acks = 1;
  produce.topic_data.push_back(
      {.name = "t", .topic_id = topic.id, .partition_data = {{.index = 0, .records = {.bytes = batch}}}});
  FetchPartition asked;
  asked.fetch_offset = {0};
  asked.partition_max_bytes = 10 << 20;
  FetchRequest fetch;
  fetch.max_bytes = 10 << 20;
  fetch.topics.push_back({.topic = "t", .topic_id = topic.id, .partitions = {asked}});

  const auto test = [](LeaderService& service, Server& serving, const ProduceRequest& produce_request,
                       const FetchRequest& fetch_request, ByteSpan sent) -> asio::awaitable<void> {
    const ClientConfig config;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto connection = Connection::Create(executor, serving.endpoint(), config);
    const absl::Status opened = co_await connection->Open();
    SLIP_CHECK(opened.ok());
    ProduceResponse produced;
    const absl::Status appended = co_await connection->Call(produce_request, produced);
    EXPECT_TRUE(appended.ok()) << appended;
    EXPECT_EQ(produced.responses.at(0).partition_responses.at(0).error_code, KafkaError::kNone);

    FetchResponse fetched;
    BufferPool pool(1);
    ReceivedFrame frame;
    const absl::Status read = co_await connection->Call(fetch_request, fetched, pool, frame);
    EXPECT_TRUE(read.ok()) << read;
    const Records& records = fetched.responses.at(0).partitions.at(0).records;
    EXPECT_EQ(records.bytes.size(), sent.size());
    // All but the leader's stamps, before the magic byte, is as it was sent.
    EXPECT_TRUE(std::ranges::equal(records.bytes.subspan(16), sent.subspan(16)));
    connection->Close();
    service.Stop();
    co_await serving.Stop();
  };
  Await(test(*service_, **server, produce, fetch, batch));
}

}  // namespace
}  // namespace slipstream
