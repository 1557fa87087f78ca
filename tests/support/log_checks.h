// What must hold of every log that was just opened, whatever happened before: its files, its indexes, its epochs and
// what it says of producers all follow from its batches.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/partition_log.h"

namespace slipstream {

// All batches from the log start on, the first whole. kInternal for one that is cut or has a wrong CRC.
absl::StatusOr<std::vector<std::vector<std::byte>>> ReadBatches(PartitionLog& log);

// Offsets in order and none negative (INV-05), epochs as the batches say (INV-07), every .log whole batches and nothing
// else, entries of all indexes right and lookups through them too (INV-18). kInternal says what is wrong. REQUIRES:
// nothing was appended since the log was opened.
absl::Status CheckAgreesWithItsBatches(FileIo& io, PartitionLog& log);

// `history`: all batches that the log ever had up to its end, those that retention removed included, from `start` on.
// Producers and aborted transactions are what these say; of a log that lost its older part, as far as it can tell.
absl::Status CheckProducers(FileIo& io, PartitionLog& log, const std::vector<std::vector<std::byte>>& history,
                            Offset start);

}  // namespace slipstream
