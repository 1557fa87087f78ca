#include <absl/strings/str_cat.h>

#include <algorithm>
#include <vector>

#include "log/compression.h"
#include "log/control_record.h"
#include "log/crc32c.h"
#include "log/record.h"
#include "log/record_batch.h"
#include "log/segment_scan.h"
#include "log/status.h"
#include "tool/dump_files.h"

namespace slipstream {
namespace {

absl::string_view TrueOrFalse(bool value) { return value ? "true" : "false"; }
absl::string_view TimestampType(RecordBatchView batch) {
  return batch.has_log_append_time() ? "LogAppendTime" : "CreateTime";
}

std::string DescribeBatch(RecordBatchView batch, FilePosition position, bool valid) {
  const std::string horizon = batch.has_delete_horizon()
                                  ? absl::StrCat("OptionalLong[", batch.base_timestamp().value, "]")
                                  : "OptionalLong.empty";
  return absl::StrCat(
      "baseOffset: ", batch.base_offset().value, " lastOffset: ", batch.last_offset().value,
      " count: ", batch.record_count(), " baseSequence: ", batch.base_sequence(),
      " lastSequence: ", batch.last_sequence(), " producerId: ", batch.producer_id(),
      " producerEpoch: ", batch.producer_epoch(), " partitionLeaderEpoch: ", batch.partition_leader_epoch().value,
      " isTransactional: ", TrueOrFalse(batch.is_transactional()), " isControl: ", TrueOrFalse(batch.is_control()),
      " deleteHorizonMs: ", horizon, " position: ", position.value, " ", TimestampType(batch), ": ",
      batch.max_timestamp().value, " size: ", batch.bytes().size(), " magic: ", batch.magic(),
      " compresscodec: ", CompressionName(static_cast<Compression>(batch.compression_code())), " crc: ", batch.crc(),
      " isvalid: ", TrueOrFalse(valid));
}

int64_t LengthOf(std::optional<ByteSpan> bytes) { return bytes ? static_cast<int64_t>(bytes->size()) : -1; }

absl::Status AppendControl(const Record& record, std::string& line) {
  SLIP_ASSIGN_OR_RETURN(const ControlType type, ParseControlType(record.key.value_or(ByteSpan{})));
  if (type != ControlType::kAbort && type != ControlType::kCommit) {
    absl::StrAppend(&line, " controlType: ", ControlTypeName(type));
    return absl::OkStatus();
  }
  SLIP_ASSIGN_OR_RETURN(const int32_t coordinator_epoch, ParseCoordinatorEpoch(record.value.value_or(ByteSpan{})));
  absl::StrAppend(&line, " endTxnMarker: ", ControlTypeName(type), " coordinatorEpoch: ", coordinator_epoch);
  return absl::OkStatus();
}

void AppendContent(const Record& record, std::string& line) {
  if (record.key) absl::StrAppend(&line, " key: ", AsText(*record.key));
  if (record.value) absl::StrAppend(&line, " payload: ", AsText(*record.value));
}

absl::Status DescribeRecord(RecordBatchView batch, const Record& record, std::string& line) {
  line.clear();
  absl::StrAppend(&line, "| offset: ", record.offset.value, " ", TimestampType(batch), ": ", record.timestamp.value,
                  " keySize: ", LengthOf(record.key), " valueSize: ", LengthOf(record.value),
                  " sequence: ", record.sequence, " headerKeys: [");
  RecordHeaders headers = record.headers;
  for (bool first = true; const std::optional<RecordHeader> header = headers.Next(); first = false) {
    if (!first) line.push_back(',');
    absl::StrAppend(&line, header->key);
  }
  line.push_back(']');
  if (batch.is_control()) return AppendControl(record, line);
  AppendContent(record, line);
  return absl::OkStatus();
}

absl::Status DumpRecords(RecordBatchView batch, const DumpOptions& options, DumpReport& report) {
  std::vector<std::byte> storage;
  SLIP_ASSIGN_OR_RETURN(const ByteSpan plain, PlainRecords(batch, options.plain_bytes_max, storage));
  RecordCursor records(batch, plain);
  std::string line;
  while (records.Next()) {
    const absl::Status status = DescribeRecord(batch, records.record(), line);
    report.Line(line);
    SLIP_RETURN_IF_ERROR(status);
  }
  return records.status();
}

absl::StatusOr<bool> AllZero(File& file, FilePosition from, uint64_t file_bytes) {
  constexpr uint64_t kWindowBytes = 1 << 20;
  std::vector<std::byte> window;
  for (FilePosition at = from; at.value < file_bytes; at = at + window.size()) {
    window.resize(std::min(kWindowBytes, file_bytes - at.value));
    SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(window, at));
    window.resize(got);
    if (got == 0) break;  // the file was cut meanwhile
    if (!std::ranges::all_of(window, [](std::byte b) { return b == std::byte{0}; })) return false;
  }
  return true;
}

// Why the bytes at `from`, where the last whole batch ends, are none.
absl::StatusOr<std::string> TailFault(File& file, FilePosition from) {
  std::vector<std::byte> header(kBatchHeaderBytes);
  SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(header, from));
  BatchWalker walker(ByteSpan(header).first(got), from);
  walker.Next();
  if (!walker.status().ok()) return std::string(walker.status().message());
  return absl::StrCat("the last batch, at byte ", from.value, ", is cut");
}

// What follows the last whole batch: room that was allocated ahead (LOG-72), a torn write, or rubbish. Zeros too few
// for the start of a batch may be any of them and count as torn.
absl::Status DumpTail(File& file, FilePosition from, uint64_t file_bytes, DumpReport& report) {
  const uint64_t tail_bytes = file_bytes - from.value;
  const std::string where = absl::StrCat("at the end of ", file.path().filename().native());
  SLIP_ASSIGN_OR_RETURN(const bool all_zero, AllZero(file, from, file_bytes));
  if (all_zero && tail_bytes >= kBatchOverheadBytes) {
    report.Line(absl::StrCat("Found ", tail_bytes, " bytes allocated ahead ", where));
    return absl::OkStatus();
  }
  SLIP_ASSIGN_OR_RETURN(const std::string fault, TailFault(file, from));
  report.Problem(file.path(), fault);
  report.Line(absl::StrCat("Found ", tail_bytes, " invalid bytes ", where));
  return absl::OkStatus();
}

}  // namespace

absl::Status DumpLog(FileIo& io, const std::filesystem::path& path, const DumpOptions& options, DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const Offset base, SegmentBaseOffset(path));
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io.Open(path, OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->Size());
  report.Line(absl::StrCat("Log starting offset: ", base.value));
  std::vector<std::byte> buffer(1 << 20);
  SegmentScan scan(*file, file_bytes, buffer);
  Offset expected_min = base;
  for (;;) {
    const absl::StatusOr<bool> found = scan.Next();
    if (absl::IsUnimplemented(found.status())) {
      report.Problem(path, found.status().message());
      return absl::OkStatus();
    }
    SLIP_RETURN_IF_ERROR(found.status());
    if (!*found) break;
    const RecordBatchView batch = scan.batch();
    const bool valid = batch.CrcValid();
    report.Line(DescribeBatch(batch, scan.position(), valid));
    const auto problem = [&](absl::string_view what) {
      report.Problem(path, absl::StrCat("batch at byte ", scan.position().value, ": ", what));
    };
    if (!valid)
      problem(
          absl::StrCat("its CRC is ", Crc32c(batch.bytes().subspan(BatchField::kAttributes)), ", not ", batch.crc()));
    if (batch.base_offset() < expected_min) problem(absl::StrCat("base offset below ", expected_min.value));
    expected_min = batch.next_offset();
    if (!options.deep) continue;
    if (const absl::Status status = DumpRecords(batch, options, report); !status.ok()) problem(status.message());
  }
  if (scan.next_position().value < file_bytes) return DumpTail(*file, scan.next_position(), file_bytes, report);
  return absl::OkStatus();
}

}  // namespace slipstream
