#include "fetcher/leader/leader_service.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <iterator>
#include <random>

#include "fetcher/leader/create_topics_handler.h"
#include "fetcher/leader/offsets_handler.h"
#include "log/status.h"
#include "session/wire/messages/api_versions.h"
#include "session/wire/messages/describe_configs.h"
#include "session/wire/messages/find_coordinator.h"
#include "session/wire/messages/init_producer_id.h"

namespace slipstream {
namespace {

template <class Request>
constexpr ApiVersion Served() {
  return {.api_key = Request::kApiKey, .min_version = Request::kVersionMin, .max_version = Request::kVersionMax};
}

constexpr ApiVersion kServed[] = {
    Served<ProduceRequest>(),         Served<FetchRequest>(),           Served<ListOffsetsRequest>(),
    Served<MetadataRequest>(),        Served<FindCoordinatorRequest>(), Served<ApiVersionsRequest>(),
    Served<CreateTopicsRequest>(),    Served<InitProducerIdRequest>(),  Served<OffsetForLeaderEpochRequest>(),
    Served<DescribeConfigsRequest>(),
};

// Decodes the request, lets `handle(request, response)` answer it, encodes.
template <class Request, class Handle>
absl::Status Exchange(const RequestHeader& header, ByteSpan body, EncodedFrame& frame, Handle handle) {
  Request request;
  SLIP_RETURN_IF_ERROR(DecodeRequestBody(body, header.version, request));
  typename Request::Response response;
  handle(request, response);
  EncodeResponseInto(response, header.version, header.correlation_id, frame);
  return absl::OkStatus();
}

void HandleApiVersions(const ApiVersionsRequest& request, int16_t version, ApiVersionsResponse& response) {
  const bool named = !request.client_software_name.empty() && !request.client_software_version.empty();
  if (version >= 3 && !named) {
    response.error_code = KafkaError::kInvalidRequest;
    return;
  }
  response.api_keys.assign(std::begin(kServed), std::end(kServed));
}

// A version we do not know is answered all the same, in the oldest form, with the range of this API alone.
void RefuseApiVersions(const RequestHeader& header, EncodedFrame& frame) {
  ApiVersionsResponse response;
  response.error_code = KafkaError::kUnsupportedVersion;
  response.api_keys = {Served<ApiVersionsRequest>()};
  EncodeResponseInto(response, 0, header.correlation_id, frame);
}

// There are no groups and no transactions here: clients that need a coordinator learn so from each attempt.
void HandleFindCoordinator(const FindCoordinatorRequest& request, int16_t version, FindCoordinatorResponse& response) {
  const char* const why = "this broker coordinates no groups and no transactions";
  if (version <= 3) {
    response.error_code = KafkaError::kCoordinatorNotAvailable;
    response.error_message = why;
    return;
  }
  absl::flat_hash_set<absl::string_view> answered;  // once each, as in HandleMetadata
  for (const std::string& key : request.coordinator_keys) {
    if (!answered.insert(key).second) continue;
    Coordinator& answer = response.coordinators.emplace_back();
    answer.key = key;
    answer.error_code = KafkaError::kCoordinatorNotAvailable;
    answer.error_message = why;
  }
}

// Nothing can be set here, but tools that describe a topic ask for its settings and fail without an answer.
void HandleDescribeConfigs(const DescribeConfigsRequest& request, TopicCatalog& catalog,
                           DescribeConfigsResponse& response) {
  for (const DescribeConfigsResource& asked : request.resources) {
    DescribeConfigsResult& answer = response.results.emplace_back();
    answer.resource_type = asked.resource_type;
    answer.resource_name = asked.resource_name;
    const bool unknown_topic =
        asked.resource_type == ConfigResourceType::kTopic && catalog.Find(asked.resource_name) == nullptr;
    if (unknown_topic) answer.error_code = KafkaError::kUnknownTopicOrPartition;
  }
}

void HandleInitProducerId(const InitProducerIdRequest& request, ProducerIds& ids, InitProducerIdResponse& response) {
  if (request.transactional_id) {
    response.error_code = KafkaError::kInvalidRequest;
  } else {
    response.producer_id = ids.Next();
  }
}

uint64_t RandomSeed() { return (uint64_t{std::random_device{}()} << 32) | std::random_device{}(); }

}  // namespace

LeaderService::LeaderService(TopicCatalog& catalog, IoQueue& queue, MetadataConfig config)
    : catalog_(catalog),
      config_(std::move(config)),
      sessions_({}, RandomSeed()),
      fetch_(catalog, sessions_),
      produce_(catalog, queue),
      producer_ids_(RandomSeed()) {}

asio::awaitable<absl::Status> LeaderService::Handle(RequestHeader header, std::span<std::byte> body,
                                                    WaitingClient& client, ServerAnswer& answer) {
  absl::Status handled;
  if (header.api_key == ApiKey::kFetch) {
    handled = co_await HandleFetch(std::move(header), body, client, answer);
  } else if (header.api_key == ApiKey::kProduce) {
    handled = co_await HandleProduce(std::move(header), body, answer);
  } else {
    handled = HandleAtOnce(header, body, answer.frame);
  }
  co_return handled;
}

absl::Status LeaderService::HandleAtOnce(const RequestHeader& header, ByteSpan body, EncodedFrame& frame) {
  const int16_t version = header.version;
  switch (header.api_key) {
    case ApiKey::kApiVersions:
      if (version < ApiVersionsRequest::kVersionMin || version > ApiVersionsRequest::kVersionMax) {
        RefuseApiVersions(header, frame);
        return absl::OkStatus();
      }
      return Exchange<ApiVersionsRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleApiVersions(request, version, response);
      });
    case ApiKey::kMetadata:
      return Exchange<MetadataRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleMetadata(request, version, config_, catalog_, response);
      });
    case ApiKey::kListOffsets:
      return Exchange<ListOffsetsRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleListOffsets(request, version, catalog_, response);
      });
    case ApiKey::kOffsetForLeaderEpoch:
      return Exchange<OffsetForLeaderEpochRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleOffsetForLeaderEpoch(request, catalog_, response);
      });
    case ApiKey::kCreateTopics:
      return Exchange<CreateTopicsRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleCreateTopics(request, version, catalog_, response);
      });
    case ApiKey::kInitProducerId:
      return Exchange<InitProducerIdRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleInitProducerId(request, producer_ids_, response);
      });
    case ApiKey::kDescribeConfigs:
      return Exchange<DescribeConfigsRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleDescribeConfigs(request, catalog_, response);
      });
    case ApiKey::kFindCoordinator:
      return Exchange<FindCoordinatorRequest>(header, body, frame, [&](const auto& request, auto& response) {
        HandleFindCoordinator(request, version, response);
      });
    default: return absl::UnimplementedError(absl::StrCat(ApiKeyName(header.api_key), " is not served"));
  }
}

asio::awaitable<absl::Status> LeaderService::HandleFetch(RequestHeader header, ByteSpan body, WaitingClient& client,
                                                         ServerAnswer& answer) {
  FetchRequest request;
  SLIP_CO_RETURN_IF_ERROR(DecodeRequestBody(body, header.version, request));
  FetchResponse response;
  co_await fetch_.Handle(request, header.version, client, response, answer.regions);
  EncodeResponseInto(response, header.version, header.correlation_id, answer.frame);
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> LeaderService::HandleProduce(RequestHeader header, std::span<std::byte> body,
                                                           ServerAnswer& answer) {
  ProduceRequest request;
  SLIP_CO_RETURN_IF_ERROR(DecodeRequestBody(body, header.version, request));
  ProduceResponse response;
  co_await produce_.Handle(request, header.version, body, response);
  if (request.acks != 0) {
    EncodeResponseInto(response, header.version, header.correlation_id, answer.frame);
  } else if (HasError(response)) {
    co_return absl::FailedPreconditionError("records sent with acks 0 were refused");
  }
  co_return absl::OkStatus();
}

}  // namespace slipstream
