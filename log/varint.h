// Writing Kafka's zigzag varints, low group first (LOG-11). Reading them is ByteCursor's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace slipstream {

inline uint32_t Zigzag(int32_t value) { return static_cast<uint32_t>(value) << 1 ^ static_cast<uint32_t>(value >> 31); }
inline uint64_t Zigzag(int64_t value) { return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63); }

inline size_t VarintBytes(uint64_t raw) { return (static_cast<size_t>(std::bit_width(raw | 1)) + 6) / 7; }

inline void AppendVarint(std::vector<std::byte>& out, uint64_t raw) {
  for (; raw >= 0x80; raw >>= 7) out.push_back(static_cast<std::byte>(raw | 0x80));
  out.push_back(static_cast<std::byte>(raw));
}

}  // namespace slipstream
