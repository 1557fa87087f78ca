// How long to wait before the next try after failures in a row.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace slipstream {

inline constexpr uint32_t kJitterPercent = 20;
inline constexpr uint32_t kNoJitter = kJitterPercent;  // the middle of the range

// Doubles from `first` up to `longest`; `jitter` (any number) takes up to kJitterPercent off or on, so that many
// clients do not come back at once. No failure: no wait.
inline std::chrono::milliseconds BackoffAfter(int failures, std::chrono::milliseconds first,
                                              std::chrono::milliseconds longest, uint32_t jitter) {
  if (failures <= 0) return std::chrono::milliseconds(0);
  const int doublings = std::min(failures - 1, 20);
  const int64_t wait = std::min<int64_t>(first.count() << doublings, longest.count());
  return std::chrono::milliseconds(wait * (100 - kJitterPercent + jitter % (2 * kJitterPercent + 1)) / 100);
}

}  // namespace slipstream
