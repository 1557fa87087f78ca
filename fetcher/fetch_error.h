// What to do about each error code of a partition in a fetch answer (FT-31, FT-33). Pure.
#pragma once

#include "log/offset.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

enum class FetchAction {
  kAppend,       // no error: records, or a diverging epoch
  kDelay,        // ask again after the back-off
  kResetOffset,  // our offset is outside the leader's log: FT-40
  kMarkFailed,   // our view of the leader is old and only news about it can help
  kTiered,       // the records are in remote storage only
};

struct FetchErrorRule {
  FetchAction action = FetchAction::kDelay;
  bool leader_in_doubt = false;  // ask the cluster who leads now
};

// `sent` is the leader epoch of the request, `current` what we know by now: a request fenced for an epoch that has been
// replaced meanwhile only needs to be sent again.
FetchErrorRule RuleForFetchError(KafkaError error, LeaderEpoch sent, LeaderEpoch current);

}  // namespace slipstream
