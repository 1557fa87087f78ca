// Control records: what a broker writes between the data, such as the end of a transaction (LOG-15..LOG-18).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>

#include "log/bytes.h"
#include "log/record_batch.h"

namespace slipstream {

enum class ControlType : int16_t {
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKraftVersion = 5,
  kKraftVoters = 6,
  kUnknown = -1,  // of a newer Kafka: to be skipped, not refused
};

// Kafka's name of it, e.g. "COMMIT".
absl::string_view ControlTypeName(ControlType type);

// From a control record's key. A newer version is read as version 0; kDataLoss when cut or of a negative version.
absl::StatusOr<ControlType> ParseControlType(ByteSpan key);

// The coordinator epoch in the value of an ABORT or COMMIT; the same rules.
absl::StatusOr<int32_t> ParseCoordinatorEpoch(ByteSpan value);

// The end of a transaction, as its coordinator had the leader write it.
struct TransactionMarker {
  ControlType type = ControlType::kAbort;  // or kCommit
  int32_t coordinator_epoch = -1;
};

// nullopt: a control batch that ends no transaction, or one that compaction has emptied. kDataLoss when its record
// cannot be read. REQUIRES: batch.is_control().
absl::StatusOr<std::optional<TransactionMarker>> ReadTransactionMarker(const RecordBatchView& batch);

}  // namespace slipstream
