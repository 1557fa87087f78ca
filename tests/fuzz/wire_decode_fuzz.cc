// Any bytes as any message in any version: an error or a message, never a crash, and what was read survives another
// round. The first byte picks the message, the second the version, the rest is the body.
#include <cstdint>

#include "tests/session/wire_testing.h"

namespace slipstream {
namespace {

using testing_wire::DecodeAny;
using testing_wire::EncodeAny;

template <class M>
void FuzzMessage(ByteSpan body, uint8_t version_choice) {
  using Api = typename testing_wire::ApiOf<M>::Request;
  const auto version =
      static_cast<int16_t>(Api::kVersionMin + version_choice % (Api::kVersionMax - Api::kVersionMin + 1));
  M message;
  if constexpr (testing_wire::IsRequest<M>) {
    ByteCursor header(body);
    (void)DecodeRequestHeader(header);
    if (!DecodeRequestBody(body, version, message).ok()) return;
  } else {
    if (body.size() < sizeof(int32_t)) return;
    if (!DecodeResponse(body, version, ReadBigEndian<int32_t>(body, 0), message).ok()) return;
  }
  (void)PrintMessage(message, version);
  if constexpr (std::is_same_v<M, ApiVersionsResponse>) {
    if (message.error_code == KafkaError::kUnsupportedVersion) return;  // read as version 0, whatever was asked
  }
  const std::vector<std::byte> frame = EncodeAny(message, version);
  M again;
  SLIP_CHECK(DecodeAny(frame, version, again).ok());
  SLIP_CHECK(again == message);
}

}  // namespace
}  // namespace slipstream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const slipstream::ByteSpan body(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  uint8_t choice = data[0] % (2 * std::tuple_size_v<slipstream::testing_wire::AllRequests>);
  slipstream::testing_wire::ForEachMessage([&]<class M>() {
    if (choice-- == 0) slipstream::FuzzMessage<M>(body, data[1]);
  });
  return 0;
}
