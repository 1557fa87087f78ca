#include "session/wire/messages/api_versions.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::ApiVersionsRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::ApiVersionsResponse);
