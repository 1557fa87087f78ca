// When the cluster is asked for its metadata again while somebody doubts what it said last.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "log/clock.h"
#include "session/backoff.h"

namespace slipstream {

// A doubt of so long is no election: some partition has no leader, or a broker is away for good and nobody replaces it.
inline constexpr std::chrono::seconds kElectionPatience{30};

// A broker that is cut off from those who elect answers what it last knew, for ever: after so long another one is
// asked.
inline constexpr std::chrono::seconds kBrokerPatience{5};

// Between two tries (retry.backoff.ms, retry.backoff.max.ms).
inline constexpr std::chrono::milliseconds kRetryBackoff{100}, kRetryBackoffMax{1000};

// After a refresh that `took` so long, in a doubt that has lasted for `doubted`; both 0 or more. An election is noticed
// within a tenth of a second where metadata is cheap. Where it is not, asking takes a tenth of the time, as it speaks
// of every partition there is and brokers that elect have more to do. A second at most.
inline std::chrono::nanoseconds RefreshPause(std::chrono::nanoseconds doubted, std::chrono::nanoseconds took) {
  if (doubted >= kElectionPatience) return kRetryBackoffMax;
  return std::clamp<std::chrono::nanoseconds>(9 * took, kRetryBackoff, kRetryBackoffMax);
}

// Plain data. A doubt, or another wish for a refresh, is met by the next one that begins after it; who still has it
// then says so again.
class RefreshSchedule {
 public:
  using TimePoint = Clock::TimePoint;

  void Want() { wanted_ = true; }
  // Something happened just now: however long others have doubted, an election may have begun.
  void WantAfterNews() {
    wanted_ = true;
    since_.reset();
  }
  bool wanted() const { return wanted_; }

  void Begin(TimePoint now) {
    wanted_ = false;
    asked_ = now;
  }
  // How long to pause. A refresh that failed is a doubt, but none that grows old: all begins anew once brokers answer.
  std::chrono::nanoseconds End(bool answered, TimePoint now) {
    failures_ = answered ? 0 : failures_ + 1;
    if (!answered) {
      WantAfterNews();
      return BackoffAfter(failures_, kRetryBackoff, kRetryBackoffMax, kNoJitter);
    }
    if (!since_) since_ = asked_;
    if (!asked_in_vain_since_ || std::exchange(turned_, false)) asked_in_vain_since_ = now;
    return RefreshPause(now - *since_, now - asked_);
  }
  // True once in kBrokerPatience of doubts that no refresh has ended.
  bool TakeTurnToAnother(TimePoint now) {
    if (!asked_in_vain_since_ || now - *asked_in_vain_since_ < kBrokerPatience) return false;
    turned_ = true;
    return true;
  }
  // The pause is over: when nobody wants another one, the next doubt is a new one.
  void EndPause() {
    if (wanted_) return;
    since_.reset();
    asked_in_vain_since_.reset();
  }
  int failures() const { return failures_; }  // in a row

 private:
  bool wanted_ = false;
  TimePoint asked_;
  std::optional<TimePoint> since_;                // the first refresh of this doubt began
  std::optional<TimePoint> asked_in_vain_since_;  // likewise its end, or the last turn's; news begin no new one
  bool turned_ = false;                           // for the next refresh
  int failures_ = 0;
};

}  // namespace slipstream
