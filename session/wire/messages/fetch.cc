#include "session/wire/messages/fetch.h"

#include "session/wire/codec_inl.h"

namespace slipstream {

std::optional<FirstRecords> FindFirstRecords(ByteSpan frame_begin, int16_t version, FetchResponse& scratch) {
  const bool flexible = wire_internal::IsFlexible<FetchResponse>(version);
  const size_t header_bytes = flexible ? 5 : 4;  // the correlation id, and no tagged fields
  if (frame_begin.size() < header_bytes) return std::nullopt;
  scratch.responses.clear();
  wire_internal::Decoder decoder(frame_begin.subspan(header_bytes), version, flexible);
  decoder.StopAtRecords();
  decoder.Struct(scratch);
  if (!decoder.records_at()) return std::nullopt;
  FirstRecords first;
  for (const FetchableTopicResponse& topic : scratch.responses) {
    for (const PartitionData& partition : topic.partitions) {
      if (partition.log_start_offset == Offset{} && partition.high_watermark == Offset{}) continue;  // not read yet
      first = {header_bytes + *decoder.records_at(), &topic, partition.partition_index};
    }
  }
  if (first.topic == nullptr) return std::nullopt;
  return first;
}

}  // namespace slipstream

SLIP_INSTANTIATE_REQUEST(slipstream::FetchRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::FetchResponse);
