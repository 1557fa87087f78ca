#include "session/wire/messages/fetch.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::FetchRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::FetchResponse);
