#include "log/control_record.h"

#include <absl/strings/str_cat.h>

#include "log/record.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr absl::string_view kNames[] = {"ABORT",           "COMMIT",        "LEADER_CHANGE", "SNAPSHOT_HEADER",
                                        "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"};

absl::Status CheckVersion(const ByteCursor& cursor, int16_t version, absl::string_view what) {
  if (cursor.failed()) return absl::DataLossError(absl::StrCat(what, " is cut"));
  if (version < 0) return absl::DataLossError(absl::StrCat(what, " has version ", version));
  return absl::OkStatus();
}

}  // namespace

absl::string_view ControlTypeName(ControlType type) {
  return type == ControlType::kUnknown ? "UNKNOWN" : kNames[static_cast<size_t>(type)];
}

absl::StatusOr<ControlType> ParseControlType(ByteSpan key) {
  ByteCursor cursor(key);
  const int16_t version = cursor.Int16();
  const int16_t type = cursor.Int16();
  if (absl::Status status = CheckVersion(cursor, version, "control record key"); !status.ok()) return status;
  if (type < 0 || static_cast<size_t>(type) >= std::size(kNames)) return ControlType::kUnknown;
  return static_cast<ControlType>(type);
}

absl::StatusOr<int32_t> ParseCoordinatorEpoch(ByteSpan value) {
  ByteCursor cursor(value);
  const int16_t version = cursor.Int16();
  const int32_t coordinator_epoch = cursor.Int32();
  if (absl::Status status = CheckVersion(cursor, version, "transaction marker"); !status.ok()) return status;
  return coordinator_epoch;
}

absl::StatusOr<std::optional<TransactionMarker>> ReadTransactionMarker(const RecordBatchView& batch) {
  SLIP_CHECK(batch.is_control());
  RecordCursor records(batch);
  const bool any = records.Next();
  SLIP_RETURN_IF_ERROR(records.status());
  if (!any) return std::nullopt;
  const Record& record = records.record();
  SLIP_ASSIGN_OR_RETURN(const ControlType type, ParseControlType(record.key.value_or(ByteSpan())));
  if (type != ControlType::kAbort && type != ControlType::kCommit) return std::nullopt;
  SLIP_ASSIGN_OR_RETURN(const int32_t coordinator_epoch, ParseCoordinatorEpoch(record.value.value_or(ByteSpan())));
  return TransactionMarker{type, coordinator_epoch};
}

}  // namespace slipstream
