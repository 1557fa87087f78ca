// The bodies of codec.h and printer.h. Included by messages/*.cc only, each of which instantiates its own messages.
#pragma once

#include <absl/strings/str_cat.h>

#include "log/check.h"
#include "log/status.h"
#include "session/wire/codec.h"
#include "session/wire/decoder.h"
#include "session/wire/encoder.h"
#include "session/wire/kafka_error.h"
#include "session/wire/printer.h"
#include "session/wire/printer_inl.h"

namespace slipstream {
namespace wire_internal {

// A response has its API's constants from its request.
template <class M>
struct ApiOf {
  using Request = M;
};
template <class M>
  requires requires { typename M::Request; }
struct ApiOf<M> {
  using Request = typename M::Request;
};

template <class M>
bool Supports(int16_t version) {
  using Api = typename ApiOf<M>::Request;
  static_assert(Api::kVersionMax < kWireVersionsMax);
  return Api::kVersionMin <= version && version <= Api::kVersionMax;
}

template <class M>
bool IsFlexible(int16_t version) {
  return version >= ApiOf<M>::Request::kFlexibleFrom;
}

void BeginRequest(EncodedFrame& frame, ApiKey key, int16_t version, bool flexible, int32_t correlation_id,
                  absl::string_view client_id);
void BeginResponse(EncodedFrame& frame, bool flexible_header, int32_t correlation_id);
void FillInSize(EncodedFrame& frame);
absl::Status ReadResponseHeader(ByteCursor& cursor, bool flexible_header, int32_t expected_correlation_id,
                                absl::string_view message_name);

template <class M>
absl::Status DecodeBody(ByteSpan body, int16_t version, M& out) {
  if (!Supports<M>(version))
    return absl::UnimplementedError(absl::StrCat(M::kName, ": version ", version, " is not supported"));
  Decoder decoder(body, version, IsFlexible<M>(version));
  decoder.Struct(out);
  return decoder.Finish(M::kName);
}

}  // namespace wire_internal

template <class M>
void EncodeRequestInto(const M& request, int16_t version, int32_t correlation_id, absl::string_view client_id,
                       EncodedFrame& frame) {
  SLIP_CHECK(wire_internal::Supports<M>(version));
  const bool flexible = wire_internal::IsFlexible<M>(version);
  wire_internal::BeginRequest(frame, M::kApiKey, version, flexible, correlation_id, client_id);
  wire_internal::Encoder(frame, version, flexible).Struct(request);
  wire_internal::FillInSize(frame);
}

template <class M>
void EncodeResponseInto(const M& response, int16_t version, int32_t correlation_id, EncodedFrame& frame) {
  SLIP_CHECK(wire_internal::Supports<M>(version));
  const bool flexible = wire_internal::IsFlexible<M>(version);
  wire_internal::BeginResponse(frame, flexible && M::Request::kApiKey != ApiKey::kApiVersions, correlation_id);
  wire_internal::Encoder(frame, version, flexible).Struct(response);
  wire_internal::FillInSize(frame);
}

template <class M>
absl::Status DecodeRequestBody(ByteSpan body, int16_t version, M& out) {
  return wire_internal::DecodeBody(body, version, out);
}

template <class M>
absl::Status DecodeResponse(ByteSpan frame, int16_t version, int32_t expected_correlation_id, M& out) {
  constexpr bool kIsApiVersions = M::Request::kApiKey == ApiKey::kApiVersions;
  const bool flexible_header = wire_internal::IsFlexible<M>(version) && !kIsApiVersions;
  ByteCursor cursor(frame);
  SLIP_RETURN_IF_ERROR(wire_internal::ReadResponseHeader(cursor, flexible_header, expected_correlation_id, M::kName));
  const ByteSpan body = frame.subspan(cursor.position());
  if (kIsApiVersions && static_cast<KafkaError>(ByteCursor(body).Int16()) == KafkaError::kUnsupportedVersion)
    version = 0;
  return wire_internal::DecodeBody(body, version, out);
}

}  // namespace slipstream

#define SLIP_INSTANTIATE_REQUEST(M)                                                          \
  template void slipstream::EncodeRequestInto(const M&, int16_t, int32_t, absl::string_view, \
                                              slipstream::EncodedFrame&);                    \
  template absl::Status slipstream::DecodeRequestBody(slipstream::ByteSpan, int16_t, M&);    \
  template std::string slipstream::PrintMessage(const M&, int16_t)

#define SLIP_INSTANTIATE_RESPONSE(M)                                                                   \
  template void slipstream::EncodeResponseInto(const M&, int16_t, int32_t, slipstream::EncodedFrame&); \
  template absl::Status slipstream::DecodeResponse(slipstream::ByteSpan, int16_t, int32_t, M&);        \
  template std::string slipstream::PrintMessage(const M&, int16_t)
