#include "session/wire/messages/describe_configs.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::DescribeConfigsRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::DescribeConfigsResponse);
