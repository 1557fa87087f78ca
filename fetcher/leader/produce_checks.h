// What a client's records must be before they enter a log: shape, size and CRC of their one batch. LOG-76..LOG-79.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "log/bytes.h"
#include "log/record_batch.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct ProduceVerdict {
  KafkaError error = KafkaError::kNone;
  std::string message;  // for the client, when refused
};

// `version` of the produce request: zstd is allowed from 7 on. `batch_bytes_max`: max.message.bytes. `compacted`: of
// the topic, whose records need keys. When accepted, `records` is exactly one batch of magic 2.
ProduceVerdict CheckProducedRecords(ByteSpan records, int16_t version, int32_t batch_bytes_max, bool compacted);

}  // namespace slipstream
