// What a leader is asked before a log is rebuilt behind its remote storage (TS-02, TS-04).
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "fetcher/tier/tier_rebuild.h"
#include "session/leader_endpoint.h"

namespace slipstream {

struct TierAnswer {
  KafkaError error = KafkaError::kNone;  // of the question that was refused, which ends the asking
  std::string refused;                   // that one, and how; "": none was
  TieredLeader leader;
  RemoteTarget target;
};

// One question after the other, each with the current leader epoch. Errors are the transport's. `endpoint` outlives it.
asio::awaitable<absl::StatusOr<TierAnswer>> AskTieredLeader(LeaderEndpoint& endpoint, TopicPartition partition,
                                                            LeaderEpoch current_leader_epoch);

}  // namespace slipstream
