// How fast a `slipstream follow` may copy: all that its fetchers share of it, which SIGHUP may change.
#pragma once

#include "throttle/byte_rate_limit.h"
#include "throttle/shared_follower_throttle.h"
#include "tool/follow_settings.h"

namespace slipstream {

// Outlives the follower that it was given to.
class FollowBounds {
 public:
  FollowBounds(const FollowSettings& settings, std::chrono::steady_clock::time_point now)
      : all_(settings.bytes_per_second, now),
        moves_(settings.move_bytes_per_second, now),
        throttled_(settings.follow.fetcher.replica_id, settings.quota_windows, now) {
    Apply(settings);
  }
  void GiveTo(FollowConfig& config) {
    config.fetcher.rate_limit = &all_;
    config.fetcher.follower_throttle = &throttled_;
    config.move_rate_limit = &moves_;
  }
  // Any thread. The windows stay as they were.
  void Apply(const FollowSettings& settings) {
    all_.SetRate(settings.bytes_per_second);
    moves_.SetRate(settings.move_bytes_per_second);
    throttled_.SetBound(settings.quota_bytes_per_second);
    throttled_.SetReplicas(settings.throttled_replicas);
  }

 private:
  ByteRateLimit all_, moves_;
  SharedFollowerThrottle throttled_;
};

}  // namespace slipstream
