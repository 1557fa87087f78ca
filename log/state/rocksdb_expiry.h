// Expiry of entries in RocksDB: each value begins with the time it expires at, and a compaction drops what has expired.
// For the RocksDB backend only: other files must not see RocksDB's headers.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <rocksdb/compaction_filter.h>

#include <memory>
#include <string>

#include "log/state/state_backend.h"

namespace slipstream {

// A value as it is stored: expires_at in ms (i64, big-endian, 0: never), then the bytes.
struct StoredValue {
  Timestamp expires_at;
  absl::string_view bytes;  // into what was read
};
std::string EncodeStoredValue(const StateValue& value);
// kDataLoss: too short.
absl::StatusOr<StoredValue> DecodeStoredValue(absl::string_view stored);

// Drops entries that had expired when the compaction began. What cannot be read stays, for a reader to report.
std::shared_ptr<rocksdb::CompactionFilterFactory> MakeExpiryFilterFactory(StateClock clock);

}  // namespace slipstream
