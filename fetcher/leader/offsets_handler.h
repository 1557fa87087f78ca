// Answers questions about offsets: ListOffsets (LOG-154, LOG-155, AD-10) and OffsetForLeaderEpoch (EC-05, LD-12).
#pragma once

#include <cstdint>

#include "fetcher/leader/topic_catalog.h"
#include "session/wire/messages/list_offsets.h"
#include "session/wire/messages/offset_for_leader_epoch.h"

namespace slipstream {

void HandleListOffsets(const ListOffsetsRequest& request, int16_t version, TopicCatalog& catalog,
                       ListOffsetsResponse& response);
void HandleOffsetForLeaderEpoch(const OffsetForLeaderEpochRequest& request, TopicCatalog& catalog,
                                OffsetForLeaderEpochResponse& response);

}  // namespace slipstream
