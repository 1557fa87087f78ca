#include "session/wire/messages/offset_for_leader_epoch.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::OffsetForLeaderEpochRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::OffsetForLeaderEpochResponse);
