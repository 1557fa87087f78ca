#include "session/wire/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/session/wire_testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing_wire::Bytes;
using testing_wire::DecodeAny;
using testing_wire::EncodeAny;
using testing_wire::ForEachVersion;
using testing_wire::RandomMessage;

template <class M>
absl::Status DecodeBody(const std::vector<std::byte>& body, int16_t version) {
  M message;
  return DecodeRequestBody(ByteSpan(body), version, message);
}

TEST(WireDecoder, Bad02To05_FramesCutAtAnyByteAreAnError) {
  ForEachVersion([]<class M>(int16_t version) {
    const std::vector<std::byte> frame = EncodeAny(RandomMessage<M>(3, version), version);
    for (size_t cut = 0; cut < frame.size(); ++cut) {
      M received;
      const absl::Status status = DecodeAny(ByteSpan(frame).first(cut), version, received);
      ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << M::kName << " v" << version << " cut at " << cut;
    }
  });
}

TEST(WireDecoder, BytesAfterTheBodyAreAnError) {
  ForEachVersion([]<class M>(int16_t version) {
    std::vector<std::byte> frame = EncodeAny(RandomMessage<M>(3, version), version);
    frame.push_back(std::byte{0});
    M received;
    const absl::Status status = DecodeAny(frame, version, received);
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss);
    ASSERT_THAT(std::string(status.message()), HasSubstr("1 bytes too many"));
  });
}

// Whatever a damaged frame decodes to, that must survive another round.
TEST(WireDecoder, Bad03To05_DamagedFramesNeverCrash) {
  ForEachVersion([]<class M>(int16_t version) {
    std::mt19937_64 random(static_cast<uint64_t>(version));
    std::vector<std::byte> frame = EncodeAny(RandomMessage<M>(5, version), version);
    for (int round = 0; round < 300; ++round) {
      std::vector<std::byte> damaged = frame;
      for (uint64_t i = random() % 4; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<std::byte>(random());
      M first;
      if (!DecodeAny(damaged, version, first).ok()) continue;
      M second;
      const std::vector<std::byte> again = EncodeAny(first, version);
      ASSERT_EQ(DecodeAny(again, version, second), absl::OkStatus());
      ASSERT_EQ(second, first);
    }
  });
}

TEST(WireDecoder, RandomBytesNeverCrash) {
  ForEachVersion([]<class M>(int16_t version) {
    std::mt19937_64 random(static_cast<uint64_t>(version));
    for (int round = 0; round < 100; ++round) {
      std::vector<std::byte> body(random() % 200);
      for (std::byte& byte : body) byte = static_cast<std::byte>(random());
      M message;
      if constexpr (testing_wire::IsRequest<M>) {
        (void)DecodeRequestBody(ByteSpan(body), version, message);
      } else {
        (void)DecodeResponse(ByteSpan(body), version, 0, message);
      }
    }
  });
}

TEST(WireDecoder, Bad02_HostileCountsTakeNoMemory) {
  // Metadata v1: two billion topics in a body of 8 bytes. v9: the largest compact count.
  for (const auto& [version, body] : {std::pair(int16_t{1}, Bytes({0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0})),
                                      std::pair(int16_t{9}, Bytes({0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0}))}) {
    MetadataRequest request;
    const absl::Status status = DecodeRequestBody(ByteSpan(body), version, request);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("Topics at byte"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("more items than bytes"));
    ASSERT_TRUE(request.topics.has_value());
    EXPECT_EQ(request.topics->capacity(), 0u);
  }
}

// One more item than could fit at its smallest is refused, although there are more bytes than items.
TEST(WireDecoder, Bad02_CountsAreHeldAgainstTheSmallestItem) {
  const size_t partition_bytes = wire_internal::MinimalSize<MetadataResponsePartition>(1, false);
  EXPECT_EQ(partition_bytes, 2u + 4 + 4 + 4 + 4);
  FetchResponse response;
  std::vector<std::byte> frame =
      Bytes({0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3});  // correlation id, throttle time, 3 topics
  frame.resize(frame.size() + 3 * 6 - 1);           // each at least a name's and an array's length
  const absl::Status status = DecodeResponse(ByteSpan(frame), 4, 7, response);
  EXPECT_THAT(std::string(status.message()), HasSubstr("more items than bytes"));
  EXPECT_EQ(response.responses.capacity(), 0u);
}

TEST(WireDecoder, Bad02_NegativeCountsAndForbiddenNullsAreErrors) {
  EXPECT_THAT(std::string(DecodeBody<ListOffsetsRequest>(Bytes({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}), 1).message()),
              HasSubstr("Topics at byte 8: null is not allowed"));
  EXPECT_THAT(std::string(DecodeBody<ListOffsetsRequest>(Bytes({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe}), 1).message()),
              HasSubstr("negative count"));
  EXPECT_THAT(std::string(DecodeBody<MetadataRequest>(Bytes({0xff, 0xff, 0xff, 0xff}), 0).message()),
              HasSubstr("null is not allowed"));  // from version 1 on
  EXPECT_EQ(DecodeBody<MetadataRequest>(Bytes({0xff, 0xff, 0xff, 0xff}), 1), absl::OkStatus());
}

TEST(WireDecoder, Bad03_LongVarintsAreErrors) {
  EXPECT_EQ(DecodeBody<MetadataRequest>(Bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0}), 9).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeBody<MetadataRequest>(Bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0}), 9).code(),
            absl::StatusCode::kDataLoss);
}

TEST(WireDecoder, Bad04_BadStringsAreErrors) {
  const auto decode_key = [](std::initializer_list<int> body) {
    return std::string(DecodeBody<FindCoordinatorRequest>(Bytes(body), 0).message());
  };
  EXPECT_EQ(decode_key({0, 1, 'k'}), "");
  EXPECT_THAT(decode_key({0xff, 0xfe}), HasSubstr("FindCoordinatorRequest v0 field Key at byte 2: negative length"));
  EXPECT_THAT(decode_key({0xff, 0xff}), HasSubstr("null is not allowed"));
  EXPECT_THAT(decode_key({0, 2, 'k'}), HasSubstr("string beyond the end"));
  for (const auto& bad :
       {Bytes({0x80, 'k', 'k', 'k'}), Bytes({0xc0, 0x80, 'k', 'k'}), Bytes({0xed, 0xa0, 0x80, 'k'}),
        Bytes({0xe0, 0x80, 0x80, 'k'}), Bytes({0xf4, 0x90, 0x80, 0x80}), Bytes({0xf5, 0x80, 0x80, 0x80}),
        Bytes({'k', 'k', 0xe2, 0x82}), Bytes({0xf0, 0x8f, 0x80, 0x80})}) {
    std::vector<std::byte> body = Bytes({0, 4});
    body.insert(body.end(), bad.begin(), bad.end());
    EXPECT_THAT(std::string(DecodeBody<FindCoordinatorRequest>(body, 0).message()), HasSubstr("not UTF-8"));
  }
}

// What happened: an answer repeats a name in a version that gives its length two bytes, and the compact form of a newer
// request had room for more. Kafka reads no longer ones either.
TEST(WireDecoder, Bad04_CompactStringsAreNoLongerThanOthers) {
  for (const size_t bytes : {32767u, 32768u}) {
    std::vector<std::byte> body = Bytes({static_cast<int>(bytes == 32767 ? 0x80 : 0x81), 0x80, 2});  // bytes + 1
    body.resize(body.size() + bytes, std::byte{'k'});
    body.insert(body.end(), 2, std::byte{0});  // key type, no tagged fields
    const std::string error(DecodeBody<FindCoordinatorRequest>(body, 3).message());
    if (bytes == 32767) {
      EXPECT_EQ(error, "");
    } else {
      EXPECT_THAT(error, HasSubstr("FindCoordinatorRequest v3 field Key at byte 3: string too long"));
    }
  }
}

TEST(WireDecoder, Bad04_HostsOver255BytesAreErrors) {
  for (const size_t host_bytes : {255u, 256u}) {
    MetadataResponse sent;
    sent.brokers.resize(1);
    sent.brokers[0].host = std::string(host_bytes, 'h');
    MetadataResponse received;
    const std::vector<std::byte> frame = EncodeAny(sent, 12);
    const absl::Status status = DecodeAny(frame, 12, received);
    EXPECT_EQ(status.ok(), host_bytes == 255) << status;
    if (!status.ok()) {
      EXPECT_THAT(std::string(status.message()), HasSubstr("MetadataResponse v12 field Brokers.Host at byte"));
    }
  }
}

// An InitProducerIdRequest v2 (null transactional id, timeout 1) and a tagged section.
absl::Status DecodeWithTags(std::initializer_list<int> section) {
  std::vector<std::byte> body = Bytes({0, 0, 0, 0, 1});
  const std::vector<std::byte> tags = Bytes(section);
  body.insert(body.end(), tags.begin(), tags.end());
  return DecodeBody<InitProducerIdRequest>(body, 2);
}

TEST(WireDecoder, Bad05_UnknownTagsAreSkipped) {
  EXPECT_EQ(DecodeWithTags({1, 5, 3, 0xaa, 0xbb, 0xcc}), absl::OkStatus());
  EXPECT_EQ(DecodeWithTags({2, 0, 0, 0x80, 0x01, 1, 0xaa}), absl::OkStatus());
}

TEST(WireDecoder, Bad05_TagsThatDoNotRiseOrDoNotFitAreErrors) {
  EXPECT_THAT(std::string(DecodeWithTags({2, 5, 0, 5, 0}).message()), HasSubstr("tags do not rise"));
  EXPECT_THAT(std::string(DecodeWithTags({2, 5, 0, 4, 0}).message()), HasSubstr("tags do not rise"));
  EXPECT_THAT(std::string(DecodeWithTags({1, 5, 4, 0xaa}).message()), HasSubstr("tagged field beyond the end"));
  EXPECT_THAT(std::string(DecodeWithTags({0xff, 0xff, 0xff, 0xff, 0x0f, 5, 0}).message()),
              HasSubstr("more tagged fields than bytes"));
}

TEST(WireDecoder, Bad05_AKnownTagMustFillItsSize) {
  FetchRequest request;
  request.replica_state = {.replica_id = {2}, .replica_epoch = 41};
  std::vector<std::byte> frame = EncodeAny(request, 15);
  const size_t size_at = frame.size() - 14;  // before the 13 bytes of ReplicaState
  ASSERT_EQ(frame[size_at], std::byte{13});
  frame[size_at] = std::byte{14};
  frame.push_back(std::byte{0});
  const absl::Status status = DecodeAny(frame, 15, request);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not as long as it says"));
}

TEST(WireDecoder, ErrorsNameTheFieldOnItsWayFromTheBody) {
  CreateTopicsRequest request;
  request.topics.resize(1);
  request.topics[0].configs.resize(1);
  request.topics[0].configs[0].name = "k";
  std::vector<std::byte> frame = EncodeAny(request, 2);
  const size_t name_length_at = frame.size() - (2 + 1) - 2 - 4 - 1;  // the name, a null value, timeoutMs, validateOnly
  frame[name_length_at] = std::byte{0x7f};
  const absl::Status status = DecodeAny(frame, 2, request);
  EXPECT_THAT(std::string(status.message()), HasSubstr("CreateTopicsRequest v2 field Topics.Configs.Name at byte"));
}

TEST(WireDecoder, VersionsOutsideTheRangeAreRefused) {
  FetchResponse response;
  EXPECT_EQ(DecodeResponse(ByteSpan(Bytes({0, 0, 0, 7})), 3, 7, response).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(DecodeBody<FetchRequest>({}, 19).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(DecodeBody<FetchRequest>({}, -1).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace slipstream
