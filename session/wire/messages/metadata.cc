#include "session/wire/messages/metadata.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::MetadataRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::MetadataResponse);
