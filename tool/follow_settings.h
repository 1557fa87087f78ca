// What `slipstream follow` goes by: its flags, a file of properties, their defaults.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "fetcher/topic_follower.h"
#include "throttle/byte_rate_limit.h"
#include "throttle/throttled_replicas.h"
#include "tool/follow.h"

namespace slipstream {

struct FollowSettings {
  FollowSettings();

  FollowConfig follow;
  LogManagerConfig logs;
  std::chrono::milliseconds progress_interval{1000};
  int64_t bytes_per_second = kUnlimitedRate;       // of all that is fetched
  int64_t move_bytes_per_second = kUnlimitedRate;  // of all moves between log dirs
  // follower.replication.throttled.rate and .replicas, and how the rate is counted.
  int64_t quota_bytes_per_second = kUnlimitedRate;
  std::string throttled_topics;                      // as written
  ThrottledReplicas throttled_replicas{BrokerId{}};  // and what that means to this replica.id
  QuotaWindows quota_windows;
  std::string remote_log_storage_dir;  // "": none
};

// From the config file, then the properties, then the flags; reads the file anew each time. kInvalidArgument names what
// is wrong.
absl::Status ReadSettings(const FollowOptions& options, FollowSettings& settings);

}  // namespace slipstream
