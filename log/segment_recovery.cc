// Segment: making it right again from its own bytes.
#include <absl/strings/str_cat.h>

#include "log/batch_header_reader.h"
#include "log/check.h"
#include "log/old_message.h"
#include "log/segment.h"
#include "log/segment_scan.h"
#include "log/status.h"

namespace slipstream {

absl::Status Segment::ResetIndexes(Progress& progress) {
  indexes_unsynced_ = true;
  SLIP_RETURN_IF_ERROR(indexes().offsets.TruncateToCount(0));
  SLIP_RETURN_IF_ERROR(indexes().times.TruncateToCount(0));
  progress = {};
  return absl::OkStatus();
}

absl::Status Segment::RebuildIndexes() {
  SLIP_CHECK_EQ(staged_.bytes, written_.bytes);
  const uint64_t size = written_.bytes;
  Progress progress;
  SLIP_RETURN_IF_ERROR(ResetIndexes(progress));
  SLIP_RETURN_IF_ERROR(ForEachHeader(
      [&](const BatchHeaderReader& reader) { return Account(reader.header(), reader.size_bytes(), progress); }));
  if (progress.bytes != size)
    return absl::DataLossError(
        absl::StrCat(path().native(), ": whole batches end at byte ", progress.bytes, " of ", size));
  written_ = staged_ = progress;
  loaded_ = true;
  return Seal();
}

absl::StatusOr<uint64_t> Segment::Recover(std::vector<std::byte>& buffer,
                                          const std::function<absl::Status(const RecordBatchView&)>& visit) {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  Progress progress;
  SLIP_RETURN_IF_ERROR(ResetIndexes(progress));
  SLIP_RETURN_IF_ERROR(indexes().transactions.Clear());
  SegmentScan scan(*file, size, buffer, ScanMode::kDirect);
  Offset next = name_.base_offset;
  for (;;) {
    const absl::StatusOr<bool> more = scan.Next();
    if (absl::IsUnimplemented(more.status())) {
      SLIP_ASSIGN_OR_RETURN(const bool old, IsOldMessage(*file, scan.next_position(), size));
      if (old) return more.status();
      break;
    }
    SLIP_RETURN_IF_ERROR(more.status());
    if (!*more) break;
    const RecordBatchView batch = scan.batch();
    // Offsets lie outside the CRC, so they are checked on their own.
    const bool in_order = batch.base_offset() >= next && batch.last_offset() - name_.base_offset <= kRelativeOffsetMax;
    if (!in_order || !batch.CrcValid()) break;
    SLIP_RETURN_IF_ERROR(Account(batch, batch.bytes().size(), progress));
    SLIP_RETURN_IF_ERROR(visit(batch));
    next = batch.next_offset();
  }
  written_ = staged_ = progress;
  loaded_ = true;
  torn_ = size > progress.bytes;
  const uint64_t good = progress.bytes;
  if (!torn_) SLIP_RETURN_IF_ERROR(Seal());
  return good;
}

absl::Status Segment::CutTo(uint64_t bytes) {
  SLIP_CHECK_EQ(bytes, written_.bytes);
  SLIP_RETURN_IF_ERROR(CutLogFile());
  return Seal();
}

}  // namespace slipstream
