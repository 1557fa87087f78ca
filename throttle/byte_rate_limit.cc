#include "throttle/byte_rate_limit.h"

#include <algorithm>
#include <cmath>

#include "log/check.h"

namespace slipstream {
namespace {

using Duration = ByteRateLimit::Duration;
using Seconds = std::chrono::duration<double>;

// What one answer can cost at most; keeps sums of times far from overflow at absurdly low rates.
constexpr Duration kCostMax = std::chrono::hours(24 * 365);

Duration TimeOf(int64_t bytes, int64_t bytes_per_second) {
  const Seconds time(static_cast<double>(bytes) / static_cast<double>(bytes_per_second));
  return time >= kCostMax ? kCostMax : Duration(std::llround(time.count() * Duration::period::den));
}

}  // namespace

ByteRateLimit::ByteRateLimit(int64_t bytes_per_second, TimePoint now)
    : bytes_per_second_(bytes_per_second), used_up_to_(Duration(now.time_since_epoch() - kQuantum).count()) {
  SLIP_CHECK_GT(bytes_per_second, 0);
}

Duration ByteRateLimit::SinceUsedUp(TimePoint now) const {
  return now.time_since_epoch() - Duration(used_up_to_.load(std::memory_order_relaxed));
}

Duration ByteRateLimit::Wait(TimePoint now, Duration overdraft) const {
  if (Rate() == kUnlimitedRate) return Duration::zero();
  return std::max(kQuantum - SinceUsedUp(now) - overdraft, Duration::zero());
}

int64_t ByteRateLimit::BytesNow(TimePoint now, Duration overdraft) const {
  if (Rate() == kUnlimitedRate) return kUnlimitedRate;
  const Duration free = SinceUsedUp(now) + overdraft;
  if (free < kQuantum) return 0;
  const double bytes = Seconds(std::min(free, kBurst)).count() * static_cast<double>(Rate());
  return std::max<int64_t>(static_cast<int64_t>(bytes), 1);
}

void ByteRateLimit::Take(int64_t bytes, TimePoint now) {
  if (Rate() == kUnlimitedRate) return;
  const Duration::rep made_up_from = Duration(now.time_since_epoch() - kBurst).count();
  const Duration::rep cost = TimeOf(bytes, Rate()).count();
  Duration::rep before = used_up_to_.load(std::memory_order_relaxed);
  while (!used_up_to_.compare_exchange_weak(before, std::max(before, made_up_from) + cost, std::memory_order_relaxed)) {
  }
}

}  // namespace slipstream
