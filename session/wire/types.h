// The field types of the wire that C++ has no word for, and the sorts of types the visitors tell apart.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "log/bytes.h"
#include "log/uuid.h"

namespace slipstream {

// The records field: raw record batches that never pass through the codec. Decoding gives a span into the frame;
// encoding leaves a splice where the bytes belong (see EncodedFrame).
struct Records {
  ByteSpan bytes;  // of the caller or of the frame decoded: must outlive this
  bool null = false;
  uint64_t external_bytes = 0;  // with no `bytes`: so many come from elsewhere, a file that the sender will splice in

  uint64_t size() const { return bytes.empty() ? external_bytes : bytes.size(); }
  friend bool operator==(const Records& a, const Records& b) {
    return a.null == b.null && a.external_bytes == b.external_bytes && std::ranges::equal(a.bytes, b.bytes);
  }
};

namespace wire_internal {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

// Offset, LeaderEpoch, BrokerId, Timestamp: a number with a meaning.
template <class T>
concept NamedNumber = requires { T::value; } && std::integral<decltype(T::value)> && sizeof(T) == sizeof(T::value);

// Everything that is one big-endian integer on the wire.
template <class T>
concept Number = std::integral<T> || std::is_enum_v<T> || NamedNumber<T>;

template <Number T>
constexpr auto ToWire(const T& number) {
  if constexpr (std::same_as<T, bool>) {
    return static_cast<int8_t>(number);
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<std::underlying_type_t<T>>(number);
  } else if constexpr (NamedNumber<T>) {
    return number.value;
  } else {
    return number;
  }
}

template <Number T>
using WireInteger = decltype(ToWire(std::declval<T>()));

template <Number T>
constexpr T FromWire(WireInteger<T> value) {
  if constexpr (std::same_as<T, bool>) {
    return value != 0;
  } else if constexpr (NamedNumber<T>) {
    return T{value};
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace wire_internal
}  // namespace slipstream
