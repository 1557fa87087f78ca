// How a message tells its layout: one static Describe per struct, walked by encoder, decoder, printer and tests.
//
//   struct OffsetForLeaderPartition {
//     int32_t partition = 0;
//     LeaderEpoch current_leader_epoch;
//     static void Describe(auto& visitor, auto& m) {
//       visitor.Field("Partition", m.partition);
//       visitor.Field("CurrentLeaderEpoch", m.current_leader_epoch, {.from = 2});
//     }
//   };
//
// Fields stand in wire order; tagged ones come last, by rising tag. The type of the member decides the encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "session/wire/types.h"

namespace slipstream {

inline constexpr size_t kHostBytesMax = 255;  // no DNS name is longer
// Of any string, in compact form too, as with Kafka: so whatever was read can be written again in every version.
inline constexpr size_t kStringBytesMax = std::numeric_limits<int16_t>::max();

inline constexpr int64_t kDefaultOfType = std::numeric_limits<int64_t>::min();

struct FieldOptions {
  int16_t from = 0;  // outside from..to a field takes no bytes and reads as its default
  int16_t to = std::numeric_limits<int16_t>::max();
  int32_t tag = -1;                        // -1: not tagged
  int16_t null_from = 0;                   // for std::optional members: older versions have no null
  int64_t default_value = kDefaultOfType;  // of numbers: repeats the member's initialiser where it has one
  size_t bytes_max = kStringBytesMax;      // of strings: longer ones are an error when read

  constexpr bool In(int16_t version) const { return from <= version && version <= to; }
};

namespace wire_internal {

struct AnyVisitor {
  void Field(auto&&...) {}
};

template <class T>
concept Described = requires(AnyVisitor visitor, T& m) { T::Describe(visitor, m); };

// What a field that is not on the wire reads as. Keeps the memory of strings and arrays.
template <class T>
void ResetToDefault(T& field, const FieldOptions& options) {
  if constexpr (Number<T>) {
    field =
        options.default_value == kDefaultOfType ? T{} : FromWire<T>(static_cast<WireInteger<T>>(options.default_value));
  } else if constexpr (kIsOptional<T>) {
    field.reset();
  } else if constexpr (requires { field.clear(); }) {
    field.clear();
  } else {
    field = T{};
  }
}

template <class T>
bool IsDefault(const T& field, const FieldOptions& options) {
  if constexpr (Number<T>) {
    return options.default_value == kDefaultOfType
               ? field == T{}
               : ToWire(field) == static_cast<WireInteger<T>>(options.default_value);
  } else if constexpr (kIsOptional<T>) {
    return !field.has_value();
  } else if constexpr (requires { field.empty(); }) {
    return field.empty();
  } else {
    return field == T{};
  }
}

}  // namespace wire_internal
}  // namespace slipstream
