#include "session/wire/messages/find_coordinator.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::FindCoordinatorRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::FindCoordinatorResponse);
