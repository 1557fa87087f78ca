#include "session/wire/encoder.h"

#include <limits>

#include "log/check.h"

namespace slipstream::wire_internal {
namespace {

size_t WriteUnsignedVarint(uint32_t value, std::byte (&out)[5]) {
  size_t size = 0;
  while (value >= 0x80) {
    out[size++] = static_cast<std::byte>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  out[size++] = static_cast<std::byte>(value);
  return size;
}

}  // namespace

void Encoder::PutUuid(const Uuid& uuid) {
  AppendBigEndian(frame_.bytes, uuid.high);
  AppendBigEndian(frame_.bytes, uuid.low);
}

void Encoder::PutString(const std::optional<absl::string_view>& text) {
  if (text) SLIP_CHECK_LE(text->size(), kStringBytesMax);
  PutLength(text ? static_cast<int64_t>(text->size()) : -1, 2);
  if (!text) return;
  const auto* begin = reinterpret_cast<const std::byte*>(text->data());
  frame_.bytes.insert(frame_.bytes.end(), begin, begin + text->size());
}

void Encoder::PutRecords(const Records& records) {
  const size_t index = records_seen_++;
  PutLength(records.null ? -1 : static_cast<int64_t>(records.size()), 4);
  if (records.null || records.size() == 0) return;
  frame_.splices.push_back(
      {.offset = frame_.bytes.size(), .index = index, .length = records.size(), .bytes = records.bytes});
}

void Encoder::PutUnsignedVarint(uint32_t value) {
  std::byte varint[5];
  const size_t size = WriteUnsignedVarint(value, varint);
  frame_.bytes.insert(frame_.bytes.end(), varint, varint + size);
}

void Encoder::PutLength(int64_t length, int fixed_bytes) {
  SLIP_CHECK_LE(length, flexible_ || fixed_bytes == 4 ? std::numeric_limits<int32_t>::max() - 1
                                                      : std::numeric_limits<int16_t>::max());
  if (flexible_) {
    PutUnsignedVarint(static_cast<uint32_t>(length + 1));
  } else if (fixed_bytes == 4) {
    AppendBigEndian(frame_.bytes, static_cast<int32_t>(length));
  } else {
    AppendBigEndian(frame_.bytes, static_cast<int16_t>(length));
  }
}

void Encoder::InsertSize(size_t at) {
  std::byte varint[5];
  const size_t size = WriteUnsignedVarint(static_cast<uint32_t>(frame_.bytes.size() - at), varint);
  frame_.bytes.insert(frame_.bytes.begin() + static_cast<ptrdiff_t>(at), varint, varint + size);
}

}  // namespace slipstream::wire_internal
