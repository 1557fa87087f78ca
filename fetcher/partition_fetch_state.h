// Where the copying of one partition stands (FT-01). Plain data: no clock, socket or file; `now` is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "log/offset.h"

namespace slipstream {

enum class ReplicaState {
  kTruncating,  // the local log may hold what the leader never had: find out before fetching
  kFetching,
};

struct PartitionFetchState {
  using TimePoint = std::chrono::steady_clock::time_point;

  ReplicaState state = ReplicaState::kTruncating;
  LeaderEpoch current_leader_epoch;  // fences requests; only ever grows
  Offset fetch_offset;               // the next to ask for; the log's end once all that was fetched is written
  std::optional<LeaderEpoch> last_fetched_epoch;  // of the last batch fetched; nullopt: the log is empty
  std::optional<TimePoint> delayed_until;         // back-off after an error
  int failures = 0;     // in a row; records that were written make it 0, as does their absence
  bool failed = false;  // the last error was one that only rarely goes away by itself

  bool Delayed(TimePoint now) const { return delayed_until.value_or(now) > now; }
  bool ReadyToFetch(TimePoint now) const { return state == ReplicaState::kFetching && !Delayed(now); }

  // An already delayed partition is not delayed further (FT-07).
  void Delay(TimePoint now, std::chrono::milliseconds wait) {
    ++failures;
    if (!Delayed(now)) delayed_until = now + wait;
  }
  void BecomeFetching(Offset offset, std::optional<LeaderEpoch> last_epoch) {
    state = ReplicaState::kFetching;
    fetch_offset = offset;
    last_fetched_epoch = last_epoch;
    delayed_until.reset();
  }
  // FT-39: records up to `next` were fetched; `epoch` is that of the last batch.
  void Advance(Offset next, LeaderEpoch epoch) {
    fetch_offset = next;
    last_fetched_epoch = epoch;
    delayed_until.reset();
    Recover();
  }
  // A good answer: with records, or with nothing left to fetch.
  void Recover() {
    failures = 0;
    failed = false;
  }
};

}  // namespace slipstream
