#include "session/wire/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/session/wire_testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing_wire::Bytes;
using testing_wire::DecodeAny;
using testing_wire::EncodeAny;
using testing_wire::ForEachMessage;
using testing_wire::ForEachVersion;
using testing_wire::RandomMessage;

constexpr uint64_t kSeeds = 20;

TEST(WireCodec, EveryVersionRoundTrips) {
  ForEachVersion([]<class M>(int16_t version) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const M sent = RandomMessage<M>(seed, version);
      M received;
      const std::vector<std::byte> frame = EncodeAny(sent, version);
      ASSERT_EQ(DecodeAny(frame, version, received), absl::OkStatus()) << M::kName << " v" << version;
      ASSERT_EQ(received, sent) << PrintMessage(sent, version) << "\n" << PrintMessage(received, version);
    }
  });
}

// Both ways at once: the sender has content in fields that the version lacks, and the receiver decodes over old
// content.
TEST(WireCodec, FieldsOutsideTheirVersionReadAsDefaults) {
  ForEachVersion([]<class M>(int16_t version) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const M sent = RandomMessage<M>(seed, version, true);
      M received = RandomMessage<M>(seed + kSeeds, version, true);
      const std::vector<std::byte> frame = EncodeAny(sent, version);
      ASSERT_EQ(DecodeAny(frame, version, received), absl::OkStatus());
      ASSERT_EQ(received, RandomMessage<M>(seed, version)) << M::kName << " v" << version << " seed " << seed;
    }
  });
}

// The defaults in Describe repeat those of the members: neither may drift.
TEST(WireCodec, DefaultsOfDescribeAreThoseOfTheMembers) {
  ForEachVersion([]<class M>(int16_t version) {
    M received = RandomMessage<M>(1, version, true);
    const std::vector<std::byte> frame = EncodeAny(M{}, version);
    ASSERT_EQ(DecodeAny(frame, version, received), absl::OkStatus());
    M expected;
    if constexpr (std::is_same_v<M, MetadataRequest>) {
      if (version == 0) expected.topics.emplace();  // version 0 has no null: it is written as empty
    }
    ASSERT_EQ(received, expected) << PrintMessage(received, version);
  });
}

TEST(WireCodec, AnotherCorrelationIdIsDataLoss) {
  const std::vector<std::byte> frame = EncodeAny(MetadataResponse{}, 12);
  MetadataResponse response;
  const absl::Status status = DecodeResponse(ByteSpan(frame), 12, testing_wire::kCorrelationId + 1, response);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("correlation id 7 instead of 8"));
}

TEST(WireCodec, RequestHeaders) {
  const EncodedFrame frame = EncodeRequest(MetadataRequest{}, 12, 11, "client");
  ByteCursor cursor(ByteSpan(frame.bytes).subspan(4));
  const absl::StatusOr<RequestHeader> header = DecodeRequestHeader(cursor);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->api_key, ApiKey::kMetadata);
  EXPECT_EQ(header->version, 12);
  EXPECT_EQ(header->correlation_id, 11);
  EXPECT_EQ(header->client_id, "client");

  const std::vector<std::byte> no_client = Bytes({0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff});
  ByteCursor no_client_cursor(no_client);
  const absl::StatusOr<RequestHeader> anonymous = DecodeRequestHeader(no_client_cursor);
  ASSERT_TRUE(anonymous.ok());
  EXPECT_EQ(anonymous->client_id, std::nullopt);

  const std::vector<std::byte> unknown = Bytes({3, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff});
  ByteCursor unknown_cursor(unknown);
  EXPECT_EQ(DecodeRequestHeader(unknown_cursor).status().code(), absl::StatusCode::kUnimplemented);

  const std::vector<std::byte> negative = Bytes({0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xfe});
  ByteCursor negative_cursor(negative);
  EXPECT_EQ(DecodeRequestHeader(negative_cursor).status().code(), absl::StatusCode::kDataLoss);
}

TEST(WireCodec, HeadersAndBodiesAgreeOnWhatIsFlexible) {
  ForEachMessage([]<class M>() {
    using Api = typename testing_wire::ApiOf<M>::Request;
    EXPECT_EQ(FlexibleFrom(Api::kApiKey), Api::kFlexibleFrom) << M::kName;
  });
}

// A version without null gets an empty value, so that a server never fails to answer.
TEST(WireCodec, NullIsWrittenAsEmptyWhereTheVersionHasNone) {
  MetadataResponse sent;
  sent.topics.resize(1);
  MetadataResponse received;
  const std::vector<std::byte> frame = EncodeAny(sent, 11);
  ASSERT_EQ(DecodeAny(frame, 11, received), absl::OkStatus());
  EXPECT_EQ(received.topics.at(0).name, "");
  const std::vector<std::byte> newer = EncodeAny(sent, 12);
  ASSERT_EQ(DecodeAny(newer, 12, received), absl::OkStatus());
  EXPECT_EQ(received.topics.at(0).name, std::nullopt);
}

FetchResponse ResponseWithRecords(ByteSpan first, uint64_t external) {
  FetchResponse response;
  response.responses.resize(1);
  response.responses[0].partitions.resize(3);
  response.responses[0].partitions[0].records.bytes = first;
  response.responses[0].partitions[2].records.external_bytes = external;
  return response;
}

TEST(WireCodec, RecordsAreSplicedNotCopied) {
  const std::vector<std::byte> batches(1000, std::byte{9});
  const FetchResponse response = ResponseWithRecords(batches, 1 << 20);
  const EncodedFrame frame = EncodeResponse(response, 17, 1);
  ASSERT_EQ(frame.splices.size(), 2u);
  EXPECT_EQ(frame.splices[0].index, 0u);
  EXPECT_EQ(frame.splices[0].length, 1000u);
  EXPECT_EQ(frame.splices[0].bytes.data(), batches.data());
  EXPECT_EQ(frame.splices[1].index, 2u);  // the empty one in between counts
  EXPECT_EQ(frame.splices[1].length, 1u << 20);
  EXPECT_TRUE(frame.splices[1].bytes.empty());
  EXPECT_EQ(frame.TotalSize(), frame.bytes.size() + 1000 + (1 << 20));
  EXPECT_EQ(static_cast<uint64_t>(ReadBigEndian<int32_t>(frame.bytes, 0)), frame.TotalSize() - 4);
  // The varint of length + 1 stands right before each splice.
  EXPECT_EQ(frame.bytes[frame.splices[0].offset - 2], std::byte{(1001 & 0x7f) | 0x80});
  EXPECT_EQ(frame.bytes[frame.splices[0].offset - 1], std::byte{1001 >> 7});
}

TEST(WireCodec, Bad06_RecordsArriveAsSentEvenWhenCut) {
  const std::vector<std::byte> half_a_batch(30, std::byte{9});
  const std::vector<std::byte> frame = EncodeAny(ResponseWithRecords(half_a_batch, 0), 17);
  FetchResponse received;
  ASSERT_EQ(DecodeAny(frame, 17, received), absl::OkStatus());
  const ByteSpan records = received.responses.at(0).partitions.at(0).records.bytes;
  EXPECT_TRUE(std::ranges::equal(records, half_a_batch));
  EXPECT_GE(records.data(), frame.data());  // in place
  EXPECT_LE(records.data() + records.size(), frame.data() + frame.size());
}

TEST(WireCodec, DecodingAgainReusesMemory) {
  const FetchResponse sent = RandomMessage<FetchResponse>(11, 17);
  ASSERT_FALSE(sent.responses.empty());
  const std::vector<std::byte> frame = EncodeAny(sent, 17);
  FetchResponse received;
  ASSERT_EQ(DecodeAny(frame, 17, received), absl::OkStatus());
  const FetchableTopicResponse* topics = received.responses.data();
  const PartitionData* partitions = received.responses[0].partitions.data();
  ASSERT_EQ(DecodeAny(frame, 17, received), absl::OkStatus());
  EXPECT_EQ(received.responses.data(), topics);
  EXPECT_EQ(received.responses[0].partitions.data(), partitions);

  EncodedFrame again;
  EncodeResponseInto(sent, 17, 1, again);
  const std::byte* bytes = again.bytes.data();
  EncodeResponseInto(sent, 17, 1, again);
  EXPECT_EQ(again.bytes.data(), bytes);
}

TEST(WireCodec, ApiVersionsAnswersAnUnknownVersionInVersion0) {
  ApiVersionsResponse sent;
  sent.error_code = KafkaError::kUnsupportedVersion;
  sent.api_keys.push_back({.api_key = ApiKey::kApiVersions, .min_version = 0, .max_version = 4});
  const std::vector<std::byte> frame = EncodeAny(sent, 0);
  ApiVersionsResponse received;
  ASSERT_EQ(DecodeAny(frame, 4, received), absl::OkStatus());
  EXPECT_EQ(received, sent);
}

TEST(WirePrinter, PrintsTheFieldsOfTheVersionUnderKafkasNames) {
  FetchRequest request;
  request.replica_id = {2};
  request.max_wait_ms = 500;
  request.topics.push_back({.topic = "a\"b", .topic_id = {}, .partitions = {}});
  EXPECT_EQ(PrintMessage(request, 4),
            "FetchRequest v4 {ReplicaId: 2, MaxWaitMs: 500, MinBytes: 0, MaxBytes: 2147483647, IsolationLevel: 0, "
            "Topics: [{Topic: \"a\\\"b\", Partitions: []}]}");
  ProduceRequest produce;
  produce.topic_data.push_back(
      {.name = "t", .topic_id = {}, .partition_data = {{.index = 1, .records = {.bytes = {}, .null = true}}}});
  EXPECT_EQ(PrintMessage(produce, 3),
            "ProduceRequest v3 {TransactionalId: null, Acks: 0, TimeoutMs: 0, TopicData: [{Name: \"t\", PartitionData: "
            "[{Index: 1, Records: null}]}]}");
  InitProducerIdResponse answer;
  answer.error_code = KafkaError::kCoordinatorNotAvailable;
  EXPECT_EQ(PrintMessage(answer, 0),
            "InitProducerIdResponse v0 {ThrottleTimeMs: 0, ErrorCode: COORDINATOR_NOT_AVAILABLE, ProducerId: -1, "
            "ProducerEpoch: 0}");
}

}  // namespace
}  // namespace slipstream
