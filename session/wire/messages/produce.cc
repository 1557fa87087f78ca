#include "session/wire/messages/produce.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::ProduceRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::ProduceResponse);
