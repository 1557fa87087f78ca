// Bytes that a real broker took or sent: golden/*.hex, recorded from Apache Kafka 4.1.0, one request and its answer
// after the other for every version of every message. A frame is two lines: what it says, and its bytes in hex.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <absl/strings/escaping.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/session/wire_testing.h"

namespace slipstream {
namespace {

using testing_wire::ForEachMessage;

std::vector<std::byte> FromHex(std::string hex) {
  hex.erase(std::remove(hex.begin(), hex.end(), ' '), hex.end());
  const std::string text = absl::HexStringToBytes(hex);
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::string ToHex(ByteSpan bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

struct GoldenFrame {
  std::string text;  // as PrintMessage has it
  std::string hex;   // with the size prefix
};

std::vector<GoldenFrame> ReadGoldenFrames() {
  std::vector<GoldenFrame> frames;
  for (const auto& file : std::filesystem::directory_iterator(std::string(SLIPSTREAM_TEST_DATA) + "/session/golden")) {
    if (file.path().extension() != ".hex") continue;
    std::ifstream in(file.path());
    GoldenFrame frame;
    while (std::getline(in, frame.text) && std::getline(in, frame.hex)) frames.push_back(frame);
  }
  return frames;
}

// Decodes, compares the text, encodes again and compares the bytes.
template <class M>
void Check(const GoldenFrame& golden, int16_t version) {
  const std::vector<std::byte> frame = FromHex(golden.hex);
  const ByteSpan body = ByteSpan(frame).subspan(4);
  M message;
  std::vector<std::byte> again;
  if constexpr (testing_wire::IsRequest<M>) {
    ByteCursor cursor(body);
    const absl::StatusOr<RequestHeader> header = DecodeRequestHeader(cursor);
    ASSERT_TRUE(header.ok()) << header.status();
    ASSERT_EQ(header->version, version);
    ASSERT_EQ(DecodeRequestBody(body.subspan(cursor.position()), version, message), absl::OkStatus());
    again = Join(EncodeRequest(message, version, header->correlation_id, *header->client_id));
  } else {
    const auto correlation_id = ReadBigEndian<int32_t>(body, 0);
    ASSERT_EQ(DecodeResponse(body, version, correlation_id, message), absl::OkStatus());
    again = Join(EncodeResponse(message, version, correlation_id));
  }
  EXPECT_EQ(PrintMessage(message, version), golden.text);
  EXPECT_EQ(ToHex(again), golden.hex);
}

TEST(WireGolden, EveryVersionOfEveryMessageAsABrokerTookOrSentIt) {
  std::map<std::string, std::set<int16_t>> seen;
  for (const GoldenFrame& golden : ReadGoldenFrames()) {
    SCOPED_TRACE(golden.text.substr(0, 60));
    bool known = false;
    ForEachMessage([&]<class M>() {
      const std::string start = std::string(M::kName) + " v";
      if (golden.text.compare(0, start.size(), start) != 0) return;
      known = true;
      const auto version = static_cast<int16_t>(std::stoi(golden.text.substr(start.size())));
      Check<M>(golden, version);
      seen[M::kName].insert(version);
    });
    EXPECT_TRUE(known);
  }
  ForEachMessage([&]<class M>() {
    using Api = typename testing_wire::ApiOf<M>::Request;
    EXPECT_EQ(seen[M::kName].size(), static_cast<size_t>(Api::kVersionMax - Api::kVersionMin + 1)) << M::kName;
  });
}

TEST(WireGolden, ApiVersionsRequest) {
  ApiVersionsRequest request;
  request.client_software_name = "cpp";
  request.client_software_version = "0.1";
  EXPECT_EQ(ToHex(Join(EncodeRequest(request, 3, 7, "cpp"))), "0000001700120003000000070003637070000463707004302e3100");
}

TEST(WireGolden, AnswerToAnUnknownVersionOfApiVersions) {
  const std::vector<std::byte> frame = FromHex("00000008 0023 00000001 0012 0000 0004");
  ApiVersionsResponse response;
  ASSERT_EQ(DecodeResponse(ByteSpan(frame), 4, 8, response), absl::OkStatus());
  EXPECT_EQ(response.error_code, KafkaError::kUnsupportedVersion);
  ASSERT_EQ(response.api_keys.size(), 1u);
  EXPECT_EQ(response.api_keys[0], (ApiVersion{.api_key = ApiKey::kApiVersions, .min_version = 0, .max_version = 4}));
}

TEST(WireGolden, AnswerToAnEmptySoftwareName) {
  const std::vector<std::byte> frame = FromHex("00000009 002a 01 00000000 00");
  ApiVersionsResponse response;
  ASSERT_EQ(DecodeResponse(ByteSpan(frame), 3, 9, response), absl::OkStatus());
  EXPECT_EQ(response.error_code, KafkaError::kInvalidRequest);
  EXPECT_TRUE(response.api_keys.empty());
}

TEST(WireGolden, MetadataRequest) {
  MetadataRequest request;
  request.topics.emplace();
  request.allow_auto_topic_creation = false;
  EXPECT_EQ(ToHex(Join(EncodeRequest(request, 12, 11, "cpp"))), "000000120003000c0000000b00036370700001000000");
}

TEST(WireGolden, MetadataResponse) {
  const std::vector<std::byte> frame = FromHex(
      "0000000b000000000002000000010a3132372e302e302e31000071a400001734674f5f444a443654655757525a656c757561655967000000"
      "010100");
  MetadataResponse response;
  ASSERT_EQ(DecodeResponse(ByteSpan(frame), 12, 11, response), absl::OkStatus());
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].node_id, BrokerId{1});
  EXPECT_EQ(response.brokers[0].host, "127.0.0.1");
  EXPECT_EQ(response.brokers[0].port, 29092);
  EXPECT_EQ(response.cluster_id, "4gO_DJD6TeWWRZeluuaeYg");
  EXPECT_EQ(response.controller_id, BrokerId{1});
  EXPECT_TRUE(response.topics.empty());
}

TEST(WireGolden, FetchRequestOfAFollower) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 10 << 20;
  request.session_epoch = 0;
  request.replica_state = {.replica_id = {2}, .replica_epoch = 41};
  request.topics.resize(1);
  request.topics[0].topic_id = {0x0102030405060708, 0x090a0b0c0d0e0f10};
  request.topics[0].partitions.resize(1);
  FetchPartition& partition = request.topics[0].partitions[0];
  partition.current_leader_epoch = {3};
  partition.fetch_offset = {5};
  partition.last_fetched_epoch = {2};
  partition.log_start_offset = {0};
  partition.partition_max_bytes = 1 << 20;
  EXPECT_EQ(ToHex(Join(EncodeRequest(request, 17, 12, "cpp"))),
            "00000069000100110000000c000363707000000001f40000000100a00000000000000000000000020102030405060708090a0b0c0d"
            "0e0f10020000000000000003"
            "0000000000000005000000020000000000000000001000000000010101010d00000002000000000000002900");
}

}  // namespace
}  // namespace slipstream
