// How typed keys and values become bytes. One encoding per type for both: bytes sort as the values do, and an encoding
// shows where it ends, so parts joined together sort part by part, a scan by leading parts meets nothing else, and a
// list is its elements back to back. A struct gets a codec by encoding its fields in turn:
//   template <> struct StateCodec<Position> {
//     static void Encode(std::string& out, const Position& p) { AppendState(out, p.source, p.target); }
//     static Position Decode(ByteCursor& in) { return ReadState<Position, Offset, Offset>(in); }
//   };
#pragma once

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

#include "log/bytes.h"
#include "log/offset.h"
#include "log/topic_partition.h"

namespace slipstream {

// Encode appends; Decode takes from the front and fails the cursor where the bytes are no encoding.
template <typename T>
struct StateCodec;

template <typename... Parts>
void AppendState(std::string& out, const Parts&... parts) {
  (StateCodec<Parts>::Encode(out, parts), ...);
}
// The parts in turn, as the fields of a T.
template <typename T, typename... Parts>
T ReadState(ByteCursor& in) {
  return T{StateCodec<Parts>::Decode(in)...};  // braces: from left to right
}

template <typename... Parts>
std::string EncodeState(const Parts&... parts) {
  std::string out;
  AppendState(out, parts...);
  return out;
}
// nullopt: the bytes are not exactly one encoding of these parts.
template <typename... Parts>
std::optional<std::tuple<Parts...>> DecodeState(absl::string_view bytes) {
  ByteCursor in(AsBytes(bytes));
  std::tuple<Parts...> parts = ReadState<std::tuple<Parts...>, Parts...>(in);
  if (in.failed() || in.remaining() != 0) return std::nullopt;
  return parts;
}

// Big-endian with the sign bit turned over: negative numbers come first.
template <typename Int>
  requires std::is_same_v<Int, int32_t> || std::is_same_v<Int, int64_t>
struct StateCodec<Int> {
  using Bits = std::make_unsigned_t<Int>;
  static constexpr Bits kSign = Bits{1} << (sizeof(Int) * 8 - 1);

  static void Encode(std::string& out, Int value) {
    std::array<std::byte, sizeof(Int)> bytes;
    WriteBigEndian<Bits>(bytes, 0, static_cast<Bits>(value) ^ kSign);
    absl::StrAppend(&out, AsText(bytes));
  }
  static Int Decode(ByteCursor& in) {
    if constexpr (sizeof(Int) == 4) return static_cast<Int>(in.UInt32() ^ kSign);
    if constexpr (sizeof(Int) == 8) return static_cast<Int>(in.UInt64() ^ kSign);
  }
};

// Any bytes: 00 is written 00 ff, and 00 01 ends it.
template <>
struct StateCodec<std::string> {
  static void Encode(std::string& out, absl::string_view value);
  static std::string Decode(ByteCursor& in);
};

// Kafka's numbers: structs of one integer.
template <typename T>
  requires requires(T number) { StateCodec<decltype(number.value)>::kSign; }
struct StateCodec<T> {
  using Int = decltype(T::value);
  static void Encode(std::string& out, T number) { StateCodec<Int>::Encode(out, number.value); }
  static T Decode(ByteCursor& in) { return T{StateCodec<Int>::Decode(in)}; }
};

template <>
struct StateCodec<TopicPartition> {
  static void Encode(std::string& out, const TopicPartition& tp) { AppendState(out, tp.topic, tp.partition); }
  static TopicPartition Decode(ByteCursor& in) { return ReadState<TopicPartition, std::string, int32_t>(in); }
};

}  // namespace slipstream
