#include "session/wire/messages/list_offsets.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::ListOffsetsRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::ListOffsetsResponse);
