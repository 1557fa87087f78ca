// Messages to frames and back. A frame is a size, a header and a body; each message's layout is in
// session/wire/messages/. The templates are compiled once per message (messages/*.cc): a caller includes this and the
// messages it uses.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/bytes.h"
#include "session/wire/api_key.h"

namespace slipstream {

// A place in a frame where record batches belong that were not copied into it.
struct Splice {
  size_t offset = 0;    // in EncodedFrame::bytes: they go before this byte
  size_t index = 0;     // of their Records among all records fields of the message, in wire order, empty ones counted
  uint64_t length = 0;  // never 0
  ByteSpan bytes;       // empty: external (Records::external_bytes), the sender brings them
};

struct EncodedFrame {
  std::vector<std::byte> bytes;  // from the size prefix on, which counts the spliced bytes too
  std::vector<Splice> splices;   // rising by offset

  uint64_t TotalSize() const;  // bytes on the wire
};

// The whole frame in one piece, splices copied in. REQUIRES: none is external.
std::vector<std::byte> Join(const EncodedFrame& frame);

// REQUIRES (all four): M::kVersionMin <= version <= M::kVersionMax. The Into forms reuse the frame's memory.
template <class M>
void EncodeRequestInto(const M& request, int16_t version, int32_t correlation_id, absl::string_view client_id,
                       EncodedFrame& frame);
template <class M>
void EncodeResponseInto(const M& response, int16_t version, int32_t correlation_id, EncodedFrame& frame);

template <class M>
EncodedFrame EncodeRequest(const M& request, int16_t version, int32_t correlation_id, absl::string_view client_id) {
  EncodedFrame frame;
  EncodeRequestInto(request, version, correlation_id, client_id, frame);
  return frame;
}
template <class M>
EncodedFrame EncodeResponse(const M& response, int16_t version, int32_t correlation_id) {
  EncodedFrame frame;
  EncodeResponseInto(response, version, correlation_id, frame);
  return frame;
}

struct RequestHeader {
  ApiKey api_key{};
  int16_t version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

// Reads the header at the front of a request frame (after its size); what remains is the body. kUnimplemented: an API
// we do not know, whose header cannot be read; Kafka then closes the connection.
absl::StatusOr<RequestHeader> DecodeRequestHeader(ByteCursor& cursor);

// Both reuse the memory that `out` already holds; records point into the bytes given. kDataLoss names message, field
// and byte, kUnimplemented a version outside M's range; `out` is then unspecified.
template <class M>
absl::Status DecodeRequestBody(ByteSpan body, int16_t version, M& out);
// `frame` starts after the size. An ApiVersions answer with UNSUPPORTED_VERSION is read as version 0, whatever was
// asked.
template <class M>
absl::Status DecodeResponse(ByteSpan frame, int16_t version, int32_t expected_correlation_id, M& out);

}  // namespace slipstream
