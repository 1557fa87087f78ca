#include "session/wire/messages/delete_records.h"

#include "session/wire/codec_inl.h"

SLIP_INSTANTIATE_REQUEST(slipstream::DeleteRecordsRequest);
SLIP_INSTANTIATE_RESPONSE(slipstream::DeleteRecordsResponse);
