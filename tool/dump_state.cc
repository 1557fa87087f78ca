#include <absl/strings/str_cat.h>

#include <limits>

#include "log/bytes.h"
#include "log/checkpoint_file.h"
#include "log/leader_epoch_cache.h"
#include "log/meta_properties.h"
#include "log/partition_metadata.h"
#include "log/record_batch.h"
#include "log/status.h"
#include "tool/dump_files.h"

namespace slipstream {
namespace {

constexpr size_t kAbortEntryBytes = 34;
constexpr size_t kSnapshotHeaderBytes = 10, kSnapshotCrcFrom = 6, kSnapshotEntryBytes = 46;
constexpr int16_t kAbortEntryVersion = 0, kSnapshotVersion = 1;

// A reader's verdict on a whole file: corruption is a finding, anything else ends the dump.
absl::Status ProblemOrError(const absl::Status& status, const std::filesystem::path& path, DumpReport& report) {
  if (!absl::IsDataLoss(status)) return status;
  report.Problem(path, status.message());
  return absl::OkStatus();
}

std::string OptionalLong(int64_t value) {
  return value < 0 ? "OptionalLong.empty" : absl::StrCat("OptionalLong[", value, "]");
}

// The first sequence of a batch that ended with `last` (LOG-188: it may have wrapped).
int32_t FirstSequence(int32_t last, int32_t delta) {
  return static_cast<int32_t>((static_cast<int64_t>(last) - delta) & std::numeric_limits<int32_t>::max());
}

std::string DescribeProducer(ByteCursor& cursor) {
  const int64_t producer_id = cursor.Int64();
  const int16_t epoch = cursor.Int16();
  const int32_t last_sequence = cursor.Int32();
  const int64_t last_offset = cursor.Int64();
  const int32_t offset_delta = cursor.Int32();
  const int64_t timestamp = cursor.Int64();
  const int32_t coordinator_epoch = cursor.Int32();
  const int64_t transaction_first_offset = cursor.Int64();
  std::string line = absl::StrCat(
      "producerId: ", producer_id, " producerEpoch: ", epoch, " coordinatorEpoch: ", coordinator_epoch,
      " currentTxnFirstOffset: ", OptionalLong(transaction_first_offset), " lastTimestamp: ", timestamp, " ");
  if (last_offset >= 0)  // else it has written no data since its epoch began
    absl::StrAppend(&line, "firstSequence: ", FirstSequence(last_sequence, offset_delta),
                    " lastSequence: ", last_sequence, " lastOffset: ", last_offset, " offsetDelta: ", offset_delta,
                    " timestamp: ", timestamp);
  return line;
}

// Empty: the header can be trusted, and the count fits the size exactly.
std::string SnapshotFault(ByteSpan content) {
  if (content.size() < kSnapshotHeaderBytes)
    return absl::StrCat("size ", content.size(), " is below ", kSnapshotHeaderBytes);
  ByteCursor cursor(content);
  if (const int16_t version = cursor.Int16(); version != kSnapshotVersion)
    return absl::StrCat("version ", version, " is not known");
  const uint32_t crc = cursor.UInt32();
  if (const uint32_t actual = Crc32c(content.subspan(kSnapshotCrcFrom)); crc != actual)
    return absl::StrCat("its CRC is ", actual, ", not ", crc);
  const int32_t count = cursor.Int32();
  if (count < 0 || cursor.remaining() != static_cast<uint64_t>(count) * kSnapshotEntryBytes)
    return absl::StrCat(count, " entries in ", cursor.remaining(), " bytes");
  return "";
}

}  // namespace

absl::Status DumpTransactionIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                  DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  ByteCursor cursor(AsBytes(content));
  while (cursor.remaining() >= kAbortEntryBytes) {
    const int16_t version = cursor.Int16();
    const int64_t producer_id = cursor.Int64();
    const int64_t first_offset = cursor.Int64();
    const int64_t last_offset = cursor.Int64();
    const int64_t last_stable_offset = cursor.Int64();
    report.Line(absl::StrCat("version: ", version, " producerId: ", producer_id, " firstOffset: ", first_offset,
                             " lastOffset: ", last_offset, " lastStableOffset: ", last_stable_offset));
    if (version != kAbortEntryVersion) report.Problem(path, absl::StrCat("version ", version, " is not known"));
  }
  if (cursor.remaining() != 0)
    report.Problem(path, absl::StrCat("size ", content.size(), " is no multiple of ", kAbortEntryBytes));
  return absl::OkStatus();
}

absl::Status DumpProducerSnapshot(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                  DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  if (const std::string fault = SnapshotFault(AsBytes(content)); !fault.empty()) {
    report.Problem(path, fault);
    return absl::OkStatus();
  }
  ByteCursor cursor(AsBytes(content).subspan(kSnapshotHeaderBytes));
  while (cursor.remaining() > 0) report.Line(DescribeProducer(cursor));
  return absl::OkStatus();
}

absl::Status DumpOffsetCheckpoint(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                  DumpReport& report) {
  const absl::StatusOr<OffsetCheckpoint> offsets = ReadOffsetCheckpoint(io, path);
  if (!offsets.ok()) return ProblemOrError(offsets.status(), path, report);
  for (const auto& [tp, offset] : *offsets)
    report.Line(absl::StrCat("topic: ", tp.topic, " partition: ", tp.partition, " offset: ", offset.value));
  return absl::OkStatus();
}

absl::Status DumpLeaderEpochs(FileIo& io, const std::filesystem::path& path, const DumpOptions&, DumpReport& report) {
  const absl::StatusOr<LeaderEpochCache> epochs = LeaderEpochCache::Load(io, path);
  if (!epochs.ok()) return ProblemOrError(epochs.status(), path, report);
  for (const EpochStart& entry : epochs->entries())
    report.Line(absl::StrCat("leaderEpoch: ", entry.epoch.value, " startOffset: ", entry.start_offset.value));
  return absl::OkStatus();
}

absl::Status DumpPartitionMetadata(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                   DumpReport& report) {
  const absl::StatusOr<std::optional<Uuid>> topic_id = ReadPartitionMetadata(io, path.parent_path());
  if (!topic_id.ok()) return ProblemOrError(topic_id.status(), path, report);
  if (!*topic_id) return absl::NotFoundError(absl::StrCat(path.native(), " does not exist"));
  report.Line(absl::StrCat("topicId: ", (*topic_id)->ToString()));
  return absl::OkStatus();
}

absl::Status DumpMetaProperties(FileIo& io, const std::filesystem::path& path, const DumpOptions&, DumpReport& report) {
  const absl::StatusOr<std::optional<MetaProperties>> meta = ReadMetaProperties(io, path.parent_path());
  if (!meta.ok()) return ProblemOrError(meta.status(), path, report);
  if (!*meta) return absl::NotFoundError(absl::StrCat(path.native(), " does not exist"));
  report.Line(absl::StrCat("clusterId: ", (*meta)->cluster_id, " nodeId: ", (*meta)->node_id, " directoryId: ",
                           (*meta)->directory_id.IsZero() ? "none" : (*meta)->directory_id.ToString()));
  return absl::OkStatus();
}

}  // namespace slipstream
