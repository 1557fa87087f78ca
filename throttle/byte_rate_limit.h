// A plain limit of bytes per second for tools, smoother than a replication quota: it says when the next fetch may leave
// and how much it may ask for. Pure: time is an argument. Any thread may use it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "throttle/replication_quota.h"

namespace slipstream {

// Its state is one point in time: up to where the rate is used up. Taking bytes moves the point on by the time they
// need at that rate; a point in the future is waited for, one in the past is what may be asked now, up to kBurst.
// Promise, for one caller that asks for no more than BytesNow and then takes what came: in any time T at most
// rate * (T + kBurst) bytes, plus what one answer held beyond what was asked; and the rate is reached as long as no
// more than half of kBurst passes between asking and taking, since what was asked for and what becomes free meanwhile
// must both fit into the burst. Each further caller that asks meanwhile adds up to its request.
class ByteRateLimit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;

  static constexpr Duration kBurst = std::chrono::milliseconds(500);   // what a pause leaves to be made up for
  static constexpr Duration kQuantum = std::chrono::milliseconds(50);  // the least that is worth a fetch of its own

  // REQUIRES: bytes_per_second above 0; kUnlimitedRate: no limit.
  ByteRateLimit(int64_t bytes_per_second, TimePoint now);
  // What is used up already is waited for as it was.
  void SetRate(int64_t bytes_per_second) { bytes_per_second_.store(bytes_per_second, std::memory_order_relaxed); }

  // What a caller that goes before the others may use up ahead of time: they wait until it is made up for.
  static constexpr Duration kOverdraft = std::chrono::seconds(1);

  // How long until a fetch may leave; zero: now.
  Duration Wait(TimePoint now, Duration overdraft = Duration::zero()) const;
  // How many bytes it may ask for, at least 1; 0 while it has to wait.
  int64_t BytesNow(TimePoint now, Duration overdraft = Duration::zero()) const;
  // `bytes` came. They may be more than were asked for, since a batch comes whole: that is waited for afterwards.
  void Take(int64_t bytes, TimePoint now);

 private:
  Duration SinceUsedUp(TimePoint now) const;

  int64_t Rate() const { return bytes_per_second_.load(std::memory_order_relaxed); }

  std::atomic<int64_t> bytes_per_second_;
  std::atomic<Duration::rep> used_up_to_;  // since the clock's epoch
};

}  // namespace slipstream
