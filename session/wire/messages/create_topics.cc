#include "session/wire/messages/create_topics.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::CreateTopicsRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::CreateTopicsResponse);
