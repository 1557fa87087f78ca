// Replicas with a quota, of several topics, as one setting; Kafka has a setting of each topic for it.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "throttle/throttled_replicas.h"

namespace slipstream {

// "TOPIC=LIST;TOPIC=LIST;...", each LIST as follower.replication.throttled.replicas of that topic: * or
// PARTITION:BROKER,... Of the latter only those of `self` count; a `self` below 0 is no broker, so there they are
// refused. kInvalidArgument names the piece and what is wrong.
absl::StatusOr<ThrottledReplicas> ParseThrottledTopics(absl::string_view text, BrokerId self);

}  // namespace slipstream
