// What the wire's tests and fuzzer share: all messages, one way to code any of them, and random content for any of
// them.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "log/check.h"
#include "session/wire/codec.h"
#include "session/wire/describe.h"
#include "session/wire/messages/api_versions.h"
#include "session/wire/messages/create_topics.h"
#include "session/wire/messages/delete_records.h"
#include "session/wire/messages/describe_configs.h"
#include "session/wire/messages/fetch.h"
#include "session/wire/messages/find_coordinator.h"
#include "session/wire/messages/init_producer_id.h"
#include "session/wire/messages/list_offsets.h"
#include "session/wire/messages/metadata.h"
#include "session/wire/messages/offset_for_leader_epoch.h"
#include "session/wire/messages/produce.h"
#include "session/wire/printer.h"

namespace slipstream::testing_wire {

using AllRequests = std::tuple<ApiVersionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DescribeConfigsRequest,
                               FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest,
                               MetadataRequest, OffsetForLeaderEpochRequest, ProduceRequest>;

inline constexpr int32_t kCorrelationId = 7;

template <class M>
concept IsRequest = requires { typename M::Response; };

// A whole frame without its size, splices copied in.
template <class M>
std::vector<std::byte> EncodeAny(const M& message, int16_t version) {
  std::vector<std::byte> frame;
  if constexpr (IsRequest<M>) {
    frame = Join(EncodeRequest(message, version, kCorrelationId, "cpp"));
  } else {
    frame = Join(EncodeResponse(message, version, kCorrelationId));
  }
  SLIP_CHECK_EQ(static_cast<size_t>(ReadBigEndian<int32_t>(frame, 0)) + 4, frame.size());
  frame.erase(frame.begin(), frame.begin() + 4);
  return frame;
}

// The same way back. The version of a request is that of its header.
template <class M>
absl::Status DecodeAny(ByteSpan frame, int16_t version, M& out) {
  if constexpr (IsRequest<M>) {
    ByteCursor cursor(frame);
    const absl::StatusOr<RequestHeader> header = DecodeRequestHeader(cursor);
    if (!header.ok()) return header.status();
    if (header->api_key != M::kApiKey || header->version != version)
      return absl::DataLossError("another request or version");
    return DecodeRequestBody(cursor.Bytes(static_cast<int64_t>(cursor.remaining())), version, out);
  } else {
    return DecodeResponse(frame, version, kCorrelationId, out);
  }
}

// Calls visit.operator()<M>() for each request and response.
template <class Visit>
void ForEachMessage(Visit&& visit) {
  [&]<class... Request>(std::type_identity<std::tuple<Request...>>) {
    (visit.template operator()<Request>(), ...);
    (visit.template operator()<typename Request::Response>(), ...);
  }(std::type_identity<AllRequests>{});
}

template <class M>
struct ApiOf {
  using Request = M;
};
template <class M>
  requires(!IsRequest<M>)
struct ApiOf<M> {
  using Request = typename M::Request;
};

// Fills a message from a seed. Fields that the version lacks are filled too with `everywhere`, else left as they are;
// the other fields get the same content either way.
class RandomFill {
 public:
  RandomFill(uint64_t seed, int16_t version, bool everywhere)
      : random_(seed), version_(version), everywhere_(everywhere) {}

  template <class M>
  void Message(M& message) {
    M::Describe(*this, message);
  }

  template <class T>
  void Field(absl::string_view, T& field, const FieldOptions& options = {}) {
    T value = Make<T>(options);
    if (everywhere_ || options.In(version_)) field = std::move(value);
  }

 private:
  template <class T>
  T Make(const FieldOptions& options) {
    if constexpr (wire_internal::Number<T>) {
      return wire_internal::FromWire<T>(static_cast<wire_internal::WireInteger<T>>(random_()));
    } else if constexpr (std::is_same_v<T, Uuid>) {
      return Uuid{random_(), random_()};
    } else if constexpr (std::is_same_v<T, std::string>) {
      return Text();
    } else if constexpr (std::is_same_v<T, Records>) {
      if (random_() % 4 == 0) return Records{.bytes = {}, .null = true};
      return Records{.bytes = ByteSpan(kRecordBytes).first(random_() % sizeof(kRecordBytes))};
    } else if constexpr (wire_internal::kIsOptional<T>) {
      const bool null = random_() % 3 == 0;
      T value(Make<typename T::value_type>(options));
      return null && version_ >= options.null_from ? T{} : value;
    } else if constexpr (wire_internal::kIsVector<T>) {
      T items(random_() % 4);
      for (auto& item : items) item = Make<typename T::value_type>({});
      return items;
    } else {
      T value;
      Message(value);
      return value;
    }
  }

  std::string Text() {
    static constexpr const char* kPieces[] = {
        "a", "topic-", "\x7f", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789"};
    std::string text;
    for (uint64_t i = random_() % 5; i > 0; --i) text += kPieces[random_() % std::size(kPieces)];
    return text;
  }

  static constexpr std::byte kRecordBytes[200] = {std::byte{1}, std::byte{2}, std::byte{3}};
  std::mt19937_64 random_;
  const int16_t version_;
  const bool everywhere_;
};

template <class M>
M RandomMessage(uint64_t seed, int16_t version, bool everywhere = false) {
  M message;
  RandomFill(seed, version, everywhere).Message(message);
  return message;
}

// Calls check.operator()<M>(version) for every message in every version.
template <class Check>
void ForEachVersion(Check&& check) {
  ForEachMessage([&]<class M>() {
    using Api = typename testing_wire::ApiOf<M>::Request;
    for (int16_t version = Api::kVersionMin; version <= Api::kVersionMax; ++version)
      check.template operator()<M>(version);
  });
}

inline std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace slipstream::testing_wire
