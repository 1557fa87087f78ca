#include "log/producer_state_loading.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/batch_header_reader.h"
#include "log/producer_snapshot.h"
#include "log/status.h"

namespace slipstream {
namespace {

// A marker says in its record what it ends: the header alone is not enough.
absl::Status ApplyControlBatch(Segment& segment, const BatchHeaderReader& reader, ProducerStateTable& producers) {
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.LogFile());
  std::vector<std::byte> batch(reader.size_bytes());
  SLIP_ASSIGN_OR_RETURN(const size_t got, file->ReadAt(batch, reader.position()));
  if (got < batch.size())
    return absl::DataLossError(absl::StrCat(file->path().native(), ": cut at byte ", reader.position().value + got));
  (void)producers.Apply(RecordBatchView(batch));
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyBatches(Segment& segment, Offset end, ProducerStateTable& producers) {
  const Offset from = producers.end_offset();
  const absl::Status applied = segment.ForEachHeaderFrom(from, [&](const BatchHeaderReader& reader) -> absl::Status {
    const RecordBatchView header = reader.header();
    if (header.last_offset() < from || header.base_offset() >= end) return absl::OkStatus();
    if (header.is_control()) return ApplyControlBatch(segment, reader, producers);
    (void)producers.Apply(header);
    return absl::OkStatus();
  });
  return applied;
}

absl::StatusOr<ProducerStateTable> BuildProducerState(FileIo& io, const std::filesystem::path& directory,
                                                      const std::vector<std::unique_ptr<Segment>>& segments,
                                                      std::vector<Offset>& snapshots, Offset log_start, Offset trusted,
                                                      Offset end) {
  SLIP_ASSIGN_OR_RETURN(ProducerStateTable producers,
                        LoadProducerSnapshot(io, directory, snapshots, std::min(trusted, end), log_start));
  for (size_t i = 0; i < segments.size() && segments[i]->base_offset() < end; ++i) {
    const bool before = i + 1 < segments.size() && segments[i + 1]->base_offset() <= producers.end_offset();
    if (!before && producers.end_offset() < end) SLIP_RETURN_IF_ERROR(ApplyBatches(*segments[i], end, producers));
    if (i + 1 < segments.size()) segments[i]->Release();  // of many closed segments none stays open
  }
  producers.AdvanceEndTo(end);
  return producers;
}

absl::Status RemoveSnapshotsAbove(FileIo& io, const std::filesystem::path& directory, Offset offset,
                                  std::vector<Offset>& snapshots) {
  while (!snapshots.empty() && snapshots.back() > offset) {
    SLIP_RETURN_IF_ERROR(io.Remove(ProducerSnapshotPath(directory, snapshots.back())));
    snapshots.pop_back();
  }
  return absl::OkStatus();
}

}  // namespace slipstream
