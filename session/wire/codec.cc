#include "session/wire/codec.h"

#include <absl/strings/str_cat.h>

#include <limits>
#include <numeric>

#include "log/check.h"
#include "session/wire/codec_inl.h"

namespace slipstream {
namespace {

constexpr size_t kSizePrefixBytes = 4;

void AppendText(std::vector<std::byte>& out, absl::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), begin, begin + text.size());
}

// Headers carry no tagged fields that we know: read past them, with the same care as the decoder's.
void SkipTaggedFields(ByteCursor& cursor) {
  const uint32_t count = cursor.UnsignedVarint();
  int64_t last_tag = -1;
  for (uint32_t i = 0; i < count && !cursor.failed(); ++i) {
    const int64_t tag = cursor.UnsignedVarint();
    if (tag <= last_tag) cursor.Fail();
    last_tag = tag;
    cursor.Skip(cursor.UnsignedVarint());
  }
}

}  // namespace

uint64_t EncodedFrame::TotalSize() const {
  return std::accumulate(splices.begin(), splices.end(), uint64_t{bytes.size()},
                         [](uint64_t sum, const Splice& splice) { return sum + splice.length; });
}

std::vector<std::byte> Join(const EncodedFrame& frame) {
  std::vector<std::byte> joined;
  joined.reserve(frame.TotalSize());
  auto from = frame.bytes.begin();
  for (const Splice& splice : frame.splices) {
    SLIP_CHECK_EQ(splice.bytes.size(), splice.length);
    const auto to = frame.bytes.begin() + static_cast<ptrdiff_t>(splice.offset);
    joined.insert(joined.end(), from, to);
    joined.insert(joined.end(), splice.bytes.begin(), splice.bytes.end());
    from = to;
  }
  joined.insert(joined.end(), from, frame.bytes.end());
  return joined;
}

absl::StatusOr<RequestHeader> DecodeRequestHeader(ByteCursor& cursor) {
  RequestHeader header;
  header.api_key = static_cast<ApiKey>(cursor.Int16());
  header.version = cursor.Int16();
  header.correlation_id = cursor.Int32();
  const std::optional<int16_t> flexible_from = FlexibleFrom(header.api_key);
  if (!cursor.failed() && !flexible_from)
    return absl::UnimplementedError(
        absl::StrCat("request header: API key ", static_cast<int16_t>(header.api_key), " is not known"));
  // Two bytes of length in every version, even where the rest is compact.
  const int16_t client_id_length = cursor.Int16();
  if (client_id_length != -1) {
    const absl::string_view client_id = cursor.Text(client_id_length);
    header.client_id.emplace(client_id.data(), client_id.size());
  }
  if (flexible_from && header.version >= *flexible_from) SkipTaggedFields(cursor);
  if (cursor.failed())
    return absl::DataLossError(absl::StrCat("request header of ", ApiKeyName(header.api_key), " v", header.version,
                                            " at byte ", cursor.position(), ": malformed or cut"));
  return header;
}

namespace wire_internal {

void BeginRequest(EncodedFrame& frame, ApiKey key, int16_t version, bool flexible, int32_t correlation_id,
                  absl::string_view client_id) {
  SLIP_CHECK_LE(client_id.size(), kStringBytesMax);
  frame.bytes.assign(kSizePrefixBytes, std::byte{0});
  frame.splices.clear();
  AppendBigEndian(frame.bytes, static_cast<int16_t>(key));
  AppendBigEndian(frame.bytes, version);
  AppendBigEndian(frame.bytes, correlation_id);
  AppendBigEndian(frame.bytes, static_cast<int16_t>(client_id.size()));
  AppendText(frame.bytes, client_id);
  if (flexible) frame.bytes.push_back(std::byte{0});  // no tagged fields
}

void BeginResponse(EncodedFrame& frame, bool flexible_header, int32_t correlation_id) {
  frame.bytes.assign(kSizePrefixBytes, std::byte{0});
  frame.splices.clear();
  AppendBigEndian(frame.bytes, correlation_id);
  if (flexible_header) frame.bytes.push_back(std::byte{0});
}

void FillInSize(EncodedFrame& frame) {
  const uint64_t size = frame.TotalSize() - kSizePrefixBytes;
  SLIP_CHECK_LE(size, static_cast<uint64_t>(std::numeric_limits<int32_t>::max()));
  WriteBigEndian(std::span(frame.bytes), 0, static_cast<int32_t>(size));
}

absl::Status ReadResponseHeader(ByteCursor& cursor, bool flexible_header, int32_t expected_correlation_id,
                                absl::string_view message_name) {
  const int32_t correlation_id = cursor.Int32();
  if (!cursor.failed() && correlation_id != expected_correlation_id)
    return absl::DataLossError(
        absl::StrCat(message_name, ": correlation id ", correlation_id, " instead of ", expected_correlation_id));
  if (flexible_header) SkipTaggedFields(cursor);
  if (cursor.failed())
    return absl::DataLossError(absl::StrCat(message_name, " header at byte ", cursor.position(), ": malformed or cut"));
  return absl::OkStatus();
}

}  // namespace wire_internal
}  // namespace slipstream
