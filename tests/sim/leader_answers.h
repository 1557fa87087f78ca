// What a broker of the model answers about one partition, by the rules that Kafka's leaders keep.
#pragma once

#include "session/leader_endpoint.h"
#include "session/leader_fetch_session.h"
#include "tests/sim/model.h"

namespace slipstream::sim {

// Who asks.
struct Asker {
  bool replica = false;  // reads up to the leader's end, else to the high watermark
  int16_t fetch_version = 0;
};

struct FetchPart {
  PartitionData data;    // records.external_bytes: how many there are
  ModelBatches records;  // what they are
};

// LD-01..LD-08.
FetchPart AnswerFetch(const Replica& replica, const FetchPartition& asked, const Asker& asker, int64_t bytes_left,
                      bool first_records);
EpochAnswer AnswerEpochQuery(const Replica& replica, const EpochQuery& query);
OffsetAnswer AnswerOffsetQuery(const Replica& replica, LeaderEpoch current_leader_epoch, bool latest,
                               bool asker_is_replica);

}  // namespace slipstream::sim
