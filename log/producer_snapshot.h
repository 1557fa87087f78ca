// The .snapshot files of a partition directory: what is known of its producers at an offset, so that opening the log
// need not read all of it. Format: LOG-44; the file's number is the offset, exclusive.
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/offset.h"
#include "log/producer_state.h"

namespace slipstream {

// One entry of the file: of a producer's batches only the last is kept (LOG-114).
struct ProducerSnapshotEntry {
  int64_t producer_id = -1;
  ProducerState state;
  bool operator==(const ProducerSnapshotEntry&) const = default;
};

std::string EncodeProducerSnapshot(const ProducerStateTable& table);
// kDataLoss says what is wrong: cut, another version, a CRC that does not match, a count that does not fit.
absl::StatusOr<std::vector<ProducerSnapshotEntry>> DecodeProducerSnapshot(ByteSpan content);

std::filesystem::path ProducerSnapshotPath(const std::filesystem::path& directory, Offset offset);

// What a sound snapshot says of producers up to `end`, its number. kDataLoss as for DecodeProducerSnapshot.
absl::StatusOr<ProducerStateTable> ProducersFromSnapshot(ByteSpan content, Offset end);

// Writes the snapshot of `table`, named by its end offset, under a temporary name first, so that no reader meets half
// of it (LOG-45). Returns the file for its fsync, which the recovery point must wait for (LOG-86).
absl::StatusOr<std::shared_ptr<File>> WriteProducerSnapshot(FileIo& io, const std::filesystem::path& directory,
                                                            const ProducerStateTable& table);

// The offsets of the snapshots in the directory, rising.
absl::StatusOr<std::vector<Offset>> ListProducerSnapshots(FileIo& io, const std::filesystem::path& directory);

// Loads the newest of `snapshots` (rising) that is at or below `bound` and sound; unsound ones are removed,
// from the list too (LOG-46).
// None at or above `start`: an empty table that ends there.
absl::StatusOr<ProducerStateTable> LoadProducerSnapshot(FileIo& io, const std::filesystem::path& directory,
                                                        std::vector<Offset>& snapshots, Offset bound, Offset start);

}  // namespace slipstream
