#include "session/wire/messages/init_producer_id.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::InitProducerIdRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::InitProducerIdResponse);
