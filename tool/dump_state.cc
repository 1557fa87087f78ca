#include <absl/strings/str_cat.h>

#include <limits>

#include "log/bytes.h"
#include "log/checkpoint_file.h"
#include "log/leader_epoch_cache.h"
#include "log/meta_properties.h"
#include "log/partition_metadata.h"
#include "log/producer_snapshot.h"
#include "log/status.h"
#include "log/transaction_index.h"
#include "tool/dump_files.h"

namespace slipstream {
namespace {

// A reader's verdict on a whole file: corruption is a finding, anything else ends the dump.
absl::Status ProblemOrError(const absl::Status& status, const std::filesystem::path& path, DumpReport& report) {
  if (!absl::IsDataLoss(status)) return status;
  report.Problem(path, status.message());
  return absl::OkStatus();
}

std::string OptionalLong(std::optional<Offset> offset) {
  return offset ? absl::StrCat("OptionalLong[", offset->value, "]") : "OptionalLong.empty";
}

// The first sequence of a batch that ended with `last` (LOG-188: it may have wrapped).
int32_t FirstSequence(int32_t last, int32_t delta) {
  return static_cast<int32_t>((static_cast<int64_t>(last) - delta) & std::numeric_limits<int32_t>::max());
}

std::string DescribeProducer(const ProducerSnapshotEntry& entry) {
  const ProducerState& state = entry.state;
  std::string line = absl::StrCat("producerId: ", entry.producer_id, " producerEpoch: ", state.epoch,
                                  " coordinatorEpoch: ", state.coordinator_epoch,
                                  " currentTxnFirstOffset: ", OptionalLong(state.transaction_first_offset),
                                  " lastTimestamp: ", state.last_timestamp.value, " ");
  if (const std::optional<ProducerBatch> last = state.last_batch())  // else it has written no data in its epoch
    absl::StrAppend(&line, "firstSequence: ", FirstSequence(last->last_sequence, last->offset_delta),
                    " lastSequence: ", last->last_sequence, " lastOffset: ", last->last_offset.value,
                    " offsetDelta: ", last->offset_delta, " timestamp: ", last->timestamp.value);
  return line;
}

}  // namespace

absl::Status DumpTransactionIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                  DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  const auto entries = DecodeTransactionIndex(AsBytes(content));
  if (!entries.ok()) return ProblemOrError(entries.status(), path, report);
  for (const AbortedTransactionEntry& entry : *entries)
    report.Line(absl::StrCat("version: 0 producerId: ", entry.producer_id, " firstOffset: ", entry.first_offset.value,
                             " lastOffset: ", entry.last_offset.value,
                             " lastStableOffset: ", entry.last_stable_offset.value));
  if (content.size() % kTransactionIndexEntryBytes != 0)
    report.Problem(path, absl::StrCat("size ", content.size(), " is no multiple of ", kTransactionIndexEntryBytes));
  return absl::OkStatus();
}

absl::Status DumpProducerSnapshot(FileIo& io, const std::filesystem::path& path, const DumpOptions&,
                                  DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  const auto entries = DecodeProducerSnapshot(AsBytes(content));
  if (!entries.ok()) return ProblemOrError(entries.status(), path, report);
  for (const ProducerSnapshotEntry& entry : *entries) report.Line(DescribeProducer(entry));
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
