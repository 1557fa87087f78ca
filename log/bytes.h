// Reading and writing big-endian numbers: raw bytes become values here, every read bounds-checked.
#pragma once

#include <absl/strings/string_view.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "log/check.h"

namespace slipstream {

using ByteSpan = std::span<const std::byte>;

inline ByteSpan AsBytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline absl::string_view AsText(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

namespace bytes_internal {
template <typename T>
[[gnu::always_inline]] inline T SwapIfLittleEndian(T value) {
  using U = std::make_unsigned_t<T>;
  U u = static_cast<U>(value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(T) == 2) u = __builtin_bswap16(u);
    if constexpr (sizeof(T) == 4) u = __builtin_bswap32(u);
    if constexpr (sizeof(T) == 8) u = __builtin_bswap64(u);
  }
  return static_cast<T>(u);
}
}  // namespace bytes_internal

// REQUIRES: at + sizeof(T) bytes are there: our caller's duty, checked.
template <typename T>
[[gnu::always_inline]] inline T ReadBigEndian(ByteSpan bytes, size_t at) {
  SLIP_CHECK(sizeof(T) <= bytes.size() && at <= bytes.size() - sizeof(T));
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return bytes_internal::SwapIfLittleEndian(value);
}

template <typename T>
[[gnu::always_inline]] inline void WriteBigEndian(std::span<std::byte> bytes, size_t at, T value) {
  SLIP_CHECK(sizeof(T) <= bytes.size() && at <= bytes.size() - sizeof(T));
  value = bytes_internal::SwapIfLittleEndian(value);
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <typename T>
void AppendBigEndian(std::vector<std::byte>& out, T value) {
  out.resize(out.size() + sizeof(T));
  WriteBigEndian<T>(out, out.size() - sizeof(T), value);
}

// Walks over bytes from outside. A read past the end, or any other breach, makes it fail for good: reads then return
// zero values, and the caller looks at failed() once at the end of a unit instead of after each field. Never reads out
// of bounds, never allocates by a claimed length.
class ByteCursor {
 public:
  explicit ByteCursor(ByteSpan bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  void Fail() { failed_ = true; }
  size_t remaining() const { return bytes_.size() - at_; }
  size_t position() const { return at_; }

  int8_t Int8() { return Fixed<int8_t>(); }
  int16_t Int16() { return Fixed<int16_t>(); }
  int32_t Int32() { return Fixed<int32_t>(); }
  uint32_t UInt32() { return Fixed<uint32_t>(); }
  int64_t Int64() { return Fixed<int64_t>(); }
  uint64_t UInt64() { return Fixed<uint64_t>(); }

  // At most 5 (10) bytes, low group first; surplus bits of the last byte are dropped, a continuation bit on it fails
  // (LOG-11).
  uint32_t UnsignedVarint() { return static_cast<uint32_t>(Varint(5)); }
  int32_t ZigzagVarint() {
    const auto raw = static_cast<uint32_t>(Varint(5));
    return static_cast<int32_t>((raw >> 1) ^ (0u - (raw & 1)));
  }
  int64_t ZigzagVarlong() {
    const uint64_t raw = Varint(10);
    return static_cast<int64_t>((raw >> 1) ^ (0ull - (raw & 1)));
  }

  // The next `length` bytes in place. A negative or too long length fails and gives an empty span.
  ByteSpan Bytes(int64_t length) {
    if (failed_ || length < 0 || static_cast<uint64_t>(length) > remaining()) {
      failed_ = true;
      return {};
    }
    const ByteSpan taken = bytes_.subspan(at_, static_cast<size_t>(length));
    at_ += static_cast<size_t>(length);
    return taken;
  }
  absl::string_view Text(int64_t length) { return AsText(Bytes(length)); }
  void Skip(int64_t length) { (void)Bytes(length); }

 private:
  template <typename T>
  T Fixed() {
    if (failed_ || remaining() < sizeof(T)) {
      failed_ = true;
      return T{};
    }
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    if constexpr (sizeof(T) > 1) value = bytes_internal::SwapIfLittleEndian(value);
    return value;
  }

  uint64_t Varint(int bytes_max) {
    uint64_t value = 0;
    for (int i = 0; i < bytes_max; ++i) {
      const auto byte = static_cast<uint8_t>(Int8());
      if (failed_) return 0;
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) return value;
    }
    failed_ = true;
    return 0;
  }

  ByteSpan bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace slipstream
