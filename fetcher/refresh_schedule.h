// How soon the cluster is asked for its metadata again while somebody doubts what it said last.
#pragma once

#include <algorithm>
#include <chrono>

namespace slipstream {

// Doubt of so long is no election: a leader is gone for good, or a topic.
inline constexpr std::chrono::seconds kElectionPatience{30};

// After a refresh that `took` so long, with doubt for `doubted`, both 0 or more. An election is noticed within a tenth
// of a second, but asking never takes more than a tenth of the time: the answer speaks of every partition there is, and
// brokers have more to do then. A second at most, and once it is no election (retry.backoff.max.ms of Kafka's clients).
inline std::chrono::nanoseconds RefreshPause(std::chrono::nanoseconds doubted, std::chrono::nanoseconds took) {
  constexpr std::chrono::nanoseconds kShortest = std::chrono::milliseconds(100), kLongest = std::chrono::seconds(1);
  return doubted >= kElectionPatience ? kLongest : std::clamp(9 * took, kShortest, kLongest);
}

}  // namespace slipstream
