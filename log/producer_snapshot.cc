#include "log/producer_snapshot.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/crc32c.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 1;
constexpr size_t kHeaderBytes = 10, kCrcAt = 2, kCrcFrom = 6, kEntryBytes = 46;

void AppendEntry(std::vector<std::byte>& out, int64_t producer_id, const ProducerState& state) {
  const ProducerBatch last = state.last_batch().value_or(ProducerBatch{});
  AppendBigEndian<int64_t>(out, producer_id);
  AppendBigEndian<int16_t>(out, state.epoch);
  AppendBigEndian<int32_t>(out, last.last_sequence);
  AppendBigEndian<int64_t>(out, last.last_offset.value);
  AppendBigEndian<int32_t>(out, last.offset_delta);
  AppendBigEndian<int64_t>(out, state.last_timestamp.value);
  AppendBigEndian<int32_t>(out, state.coordinator_epoch);
  AppendBigEndian<int64_t>(out, state.transaction_first_offset.value_or(Offset{}).value);
}

ProducerSnapshotEntry ReadEntry(ByteCursor& cursor) {
  ProducerSnapshotEntry entry;
  ProducerBatch last;
  entry.producer_id = cursor.Int64();
  entry.state.epoch = cursor.Int16();
  last.last_sequence = cursor.Int32();
  last.last_offset = {cursor.Int64()};
  last.offset_delta = cursor.Int32();
  entry.state.last_timestamp = last.timestamp = {cursor.Int64()};
  entry.state.coordinator_epoch = cursor.Int32();
  if (const Offset first{cursor.Int64()}; first >= Offset{0}) entry.state.transaction_first_offset = first;
  if (last.last_offset >= Offset{0}) entry.state.AddBatch(last);
  return entry;
}

}  // namespace

std::string EncodeProducerSnapshot(const ProducerStateTable& table) {
  std::vector<std::byte> out(kHeaderBytes);
  WriteBigEndian<int16_t>(out, 0, kVersion);
  WriteBigEndian<int32_t>(out, kCrcFrom, static_cast<int32_t>(table.producers().size()));
  // By id: the same state is the same file, whoever writes it.
  std::vector<int64_t> producer_ids;
  producer_ids.reserve(table.producers().size());
  for (const auto& [producer_id, state] : table.producers()) producer_ids.push_back(producer_id);
  std::ranges::sort(producer_ids);
  for (const int64_t producer_id : producer_ids) AppendEntry(out, producer_id, *table.Find(producer_id));
  WriteBigEndian<uint32_t>(out, kCrcAt, Crc32c(ByteSpan(out).subspan(kCrcFrom)));
  return std::string(AsText(out));
}

absl::StatusOr<std::vector<ProducerSnapshotEntry>> DecodeProducerSnapshot(ByteSpan content) {
  if (content.size() < kHeaderBytes)
    return absl::DataLossError(absl::StrCat("size ", content.size(), " is below ", kHeaderBytes));
  ByteCursor cursor(content);
  if (const int16_t version = cursor.Int16(); version != kVersion)
    return absl::DataLossError(absl::StrCat("version ", version, " is not known"));
  const uint32_t crc = cursor.UInt32();
  if (const uint32_t actual = Crc32c(content.subspan(kCrcFrom)); crc != actual)
    return absl::DataLossError(absl::StrCat("its CRC is ", actual, ", not ", crc));
  const int32_t count = cursor.Int32();
  if (count < 0 || cursor.remaining() != static_cast<uint64_t>(count) * kEntryBytes)
    return absl::DataLossError(absl::StrCat(count, " entries in ", cursor.remaining(), " bytes"));
  std::vector<ProducerSnapshotEntry> entries;
  while (cursor.remaining() > 0) entries.push_back(ReadEntry(cursor));
  return entries;
}

absl::StatusOr<ProducerStateTable> ProducersFromSnapshot(ByteSpan content, Offset end) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<ProducerSnapshotEntry> entries, DecodeProducerSnapshot(content));
  ProducerStateTable table;
  table.AdvanceEndTo(end);
  for (const ProducerSnapshotEntry& entry : entries) table.Restore(entry.producer_id, entry.state);
  return table;
}

std::filesystem::path ProducerSnapshotPath(const std::filesystem::path& directory, Offset offset) {
  return directory / SegmentFileName(offset, kSnapshotSuffix);
}

absl::StatusOr<std::shared_ptr<File>> WriteProducerSnapshot(FileIo& io, const std::filesystem::path& directory,
                                                            const ProducerStateTable& table) {
  const std::filesystem::path path = ProducerSnapshotPath(directory, table.end_offset());
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  const std::string content = EncodeProducerSnapshot(table);
  SLIP_RETURN_IF_ERROR(io.Remove(temporary));
  SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> file, io.Open(temporary, OpenMode::kCreateNew));
  SLIP_RETURN_IF_ERROR(file->WriteAt(AsBytes(content), FilePosition{0}));
  SLIP_RETURN_IF_ERROR(io.Rename(temporary, path));
  return file;
}

absl::StatusOr<std::vector<Offset>> ListProducerSnapshots(FileIo& io, const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(directory, /*directories=*/false));
  std::vector<Offset> offsets;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kSnapshotSuffix)) continue;
    if (const std::optional<Offset> offset = OffsetFromFileName(name)) offsets.push_back(*offset);
  }
  std::ranges::sort(offsets);
  return offsets;
}

absl::StatusOr<ProducerStateTable> LoadProducerSnapshot(FileIo& io, const std::filesystem::path& directory,
                                                        std::vector<Offset>& snapshots, Offset bound, Offset start) {
  for (size_t i = snapshots.size(); i-- > 0;) {
    const Offset offset = snapshots[i];
    if (offset > bound || offset < start) continue;
    const std::filesystem::path path = ProducerSnapshotPath(directory, offset);
    SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path, kLargeFileBytesMax));
    absl::StatusOr<ProducerStateTable> table = ProducersFromSnapshot(AsBytes(content), offset);
    if (table.ok()) return table;
    SLIP_RETURN_IF_ERROR(io.Remove(path));
    snapshots.erase(snapshots.begin() + static_cast<ptrdiff_t>(i));
  }
  ProducerStateTable empty;
  empty.AdvanceEndTo(start);
  return empty;
}

}  // namespace slipstream
