// How the epoch of a fetch session goes on, the same on both ends (KIP-227, FS-02).
#pragma once

#include <cstdint>
#include <limits>

namespace slipstream {

// After 2^31-1 comes 1: 0 would open a session anew.
constexpr int32_t NextFetchSessionEpoch(int32_t epoch) {
  return epoch == std::numeric_limits<int32_t>::max() ? 1 : epoch + 1;
}

}  // namespace slipstream
