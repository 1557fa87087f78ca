// Kafka's numbers as types of their own, so that an offset can never meet a file position or an epoch by accident.
#pragma once

#include <compare>
#include <cstdint>
#include <utility>

namespace slipstream {

// A record's place in a partition. -1: unknown.
struct Offset {
  int64_t value = -1;
  auto operator<=>(const Offset&) const = default;
  friend Offset operator+(Offset offset, int64_t count) { return {offset.value + count}; }
  friend int64_t operator-(Offset left, Offset right) { return left.value - right.value; }
};

// Counts the elections of a partition; grows with each. -1: unknown.
struct LeaderEpoch {
  int32_t value = -1;
  auto operator<=>(const LeaderEpoch&) const = default;
};

// Bytes from the start of a file.
struct FilePosition {
  uint64_t value = 0;
  auto operator<=>(const FilePosition&) const = default;
  friend FilePosition operator+(FilePosition position, uint64_t bytes) { return {position.value + bytes}; }
};

// Milliseconds since 1970 as records carry them. -1: none.
struct Timestamp {
  int64_t value = -1;
  auto operator<=>(const Timestamp&) const = default;
};

// Kafka's id of a broker. -1: none.
struct BrokerId {
  int32_t value = -1;
  auto operator<=>(const BrokerId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const BrokerId& id) {
    return H::combine(std::move(h), id.value);
  }
};

// A leader epoch and where it ends (or, in the leader epoch cache, starts).
struct EpochEndOffset {
  LeaderEpoch leader_epoch;
  Offset end_offset;
  auto operator<=>(const EpochEndOffset&) const = default;
};

}  // namespace slipstream
