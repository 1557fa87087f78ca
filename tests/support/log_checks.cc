#include "tests/support/log_checks.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "log/record_batch.h"
#include "log/segment_name.h"
#include "log/status.h"
#include "log/transaction_index.h"

namespace slipstream {
namespace {

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InternalError(absl::StrCat(parts...));
}

struct SegmentContent {
  Offset base_offset;
  std::string log;
  std::vector<RecordBatchView> batches;  // into `log`
  std::vector<FilePosition> positions;
};

absl::StatusOr<std::vector<std::unique_ptr<SegmentContent>>> ReadSegments(FileIo& io, const PartitionLog& log) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(log.directory(), /*directories=*/false));
  std::vector<std::unique_ptr<SegmentContent>> segments;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kLogSuffix)) continue;
    auto segment = std::make_unique<SegmentContent>();
    segment->base_offset = *OffsetFromFileName(name);
    SLIP_ASSIGN_OR_RETURN(segment->log, ReadWholeFile(io, log.directory() / name));
    BatchWalker walker(AsBytes(segment->log));
    while (walker.Next()) {
      segment->batches.push_back(walker.batch());
      segment->positions.push_back(walker.position());
    }
    if (walker.valid_bytes() != segment->log.size())
      return Wrong(name, ": whole batches end at byte ", walker.valid_bytes(), " of ", segment->log.size());
    segments.push_back(std::move(segment));
  }
  return segments;
}

absl::Status CheckOffsets(const PartitionLog& log) {
  const bool in_order = Offset{0} <= log.log_start_offset() && log.log_start_offset() <= log.high_watermark() &&
                        log.high_watermark() <= log.log_end_offset() && Offset{0} <= log.recovery_point() &&
                        log.recovery_point() <= log.log_end_offset();
  if (in_order) return absl::OkStatus();
  return Wrong("log start ", log.log_start_offset().value, ", high watermark ", log.high_watermark().value,
               ", recovery point ", log.recovery_point().value, ", log end ", log.log_end_offset().value);
}

absl::Status CheckEpochs(const PartitionLog& log, const std::vector<std::vector<std::byte>>& batches) {
  std::map<LeaderEpoch, Offset> first_of_epoch;
  LeaderEpoch last_epoch;
  for (const std::vector<std::byte>& bytes : batches) {
    const RecordBatchView batch(bytes);
    const LeaderEpoch epoch = batch.partition_leader_epoch();
    const Offset from = std::max(batch.base_offset(), log.local_log_start_offset());
    if (epoch < last_epoch) return Wrong("epoch ", epoch.value, " at offset ", from.value, " after ", last_epoch.value);
    last_epoch = epoch;
    first_of_epoch.emplace(epoch, from);
    const std::optional<LeaderEpoch> said = log.epochs().EpochForOffset(from);
    if (said != epoch)
      return Wrong("the batch at offset ", from.value, " is of epoch ", epoch.value, ", the epoch file says ",
                   said.value_or(LeaderEpoch{}).value);
  }
  for (const EpochStart& entry : log.epochs().entries()) {
    // What lay below the log start may leave its epoch there; what is in remote storage only has its own.
    const bool remote =
        entry.start_offset < log.local_log_start_offset() && log.log_start_offset() < log.local_log_start_offset();
    if (remote || entry.start_offset == log.local_log_start_offset()) continue;
    const auto first = first_of_epoch.find(entry.epoch);
    if (first == first_of_epoch.end() || first->second != entry.start_offset)
      return Wrong("no batch begins epoch ", entry.epoch.value, " at offset ", entry.start_offset.value);
  }
  return absl::OkStatus();
}

absl::Status CheckOffsetIndex(const SegmentContent& segment, absl::string_view index) {
  ByteCursor cursor(AsBytes(index));
  if (index.size() % 8 != 0) return Wrong("an offset index of ", index.size(), " bytes");
  std::optional<int64_t> before;
  while (cursor.remaining() > 0) {
    const int64_t last = segment.base_offset.value + cursor.Int32();
    const uint64_t position = cursor.UInt32();
    const auto batch = std::ranges::find(segment.positions, FilePosition{position});
    const auto number = static_cast<size_t>(batch - segment.positions.begin());
    if (batch == segment.positions.end() || segment.batches[number].last_offset().value != last ||
        (before && *before >= last))
      return Wrong("the offset index says that a batch up to ", last, " lies at byte ", position);
    before = last;
  }
  return absl::OkStatus();
}

absl::Status CheckTimeIndex(const SegmentContent& segment, absl::string_view index) {
  if (index.size() % 12 != 0) return Wrong("a time index of ", index.size(), " bytes");
  // Last offset of a batch -> the largest timestamp up to it and the last offset of the first batch that has it.
  std::map<int64_t, std::pair<int64_t, int64_t>> largest;
  std::pair<int64_t, int64_t> so_far{-1, segment.base_offset.value};
  for (const RecordBatchView& batch : segment.batches) {
    if (batch.max_timestamp().value > so_far.first) so_far = {batch.max_timestamp().value, batch.last_offset().value};
    largest[so_far.second] = so_far;
  }
  ByteCursor cursor(AsBytes(index));
  std::pair<int64_t, int64_t> before{-1, -1};
  while (cursor.remaining() > 0) {
    const int64_t timestamp = cursor.Int64();
    const int64_t offset = segment.base_offset.value + cursor.Int32();
    const auto found = largest.find(offset);
    if (found == largest.end() || found->second.first != timestamp || timestamp <= before.first)
      return Wrong("the time index says that ", timestamp, " is the largest timestamp up to offset ", offset);
    before = {timestamp, offset};
  }
  if (!segment.batches.empty() && before.first != so_far.first)
    return Wrong("the time index ends with ", before.first, ", the largest timestamp is ", so_far.first);
  return absl::OkStatus();
}

absl::Status CheckFiles(FileIo& io, const PartitionLog& log) {
  SLIP_ASSIGN_OR_RETURN(const auto segments, ReadSegments(io, log));
  if (segments.size() != log.segment_count())
    return Wrong(segments.size(), " .log files, and the log has ", log.segment_count(), " segments");
  uint64_t bytes = 0;
  for (const auto& segment : segments) {
    const auto path = [&](absl::string_view suffix) {
      return log.directory() / SegmentFileName(segment->base_offset, suffix);
    };
    bytes += segment->log.size();
    SLIP_ASSIGN_OR_RETURN(const std::string offsets, ReadWholeFile(io, path(kOffsetIndexSuffix)));
    SLIP_RETURN_IF_ERROR(Annotate(CheckOffsetIndex(*segment, offsets), path(kOffsetIndexSuffix).native()));
    SLIP_ASSIGN_OR_RETURN(const std::string times, ReadWholeFile(io, path(kTimeIndexSuffix)));
    SLIP_RETURN_IF_ERROR(Annotate(CheckTimeIndex(*segment, times), path(kTimeIndexSuffix).native()));
  }
  if (bytes != log.size_bytes()) return Wrong(bytes, " bytes of .log files, and the log has ", log.size_bytes());
  return absl::OkStatus();
}

absl::Status CheckLookups(PartitionLog& log, const std::vector<std::vector<std::byte>>& batches) {
  Timestamp largest;
  for (size_t i = 0; i < batches.size(); ++i) {
    const std::vector<std::byte>& bytes = batches[i];
    const RecordBatchView batch(bytes);
    if (i % 3 != 0 && i + 1 != batches.size()) {  // not all of them: each look-up opens files
      largest = std::max(largest, batch.max_timestamp());
      continue;
    }
    const Offset wanted = std::max(batch.last_offset(), log.local_log_start_offset());
    SLIP_ASSIGN_OR_RETURN(const LogSlice slice, log.Read(wanted, log.log_end_offset(), 1));
    std::vector<std::byte> read(slice.bytes);
    if (slice.file == nullptr || slice.file->ReadAt(read, slice.position).value_or(0) != read.size() || read != bytes)
      return Wrong("a read at offset ", wanted.value, " gives another batch");
    // What compaction has emptied has its timestamp in the header, but no record.
    if (batch.max_timestamp() <= largest || batch.record_count() == 0) continue;
    largest = batch.max_timestamp();
    SLIP_ASSIGN_OR_RETURN(const auto found, log.OffsetForTimestamp(largest));
    if (!found || found->second < batch.base_offset() || found->second > batch.last_offset())
      return Wrong("timestamp ", largest.value, " first occurs up to offset ", batch.last_offset().value, ", found at ",
                   found ? found->second.value : -1);
  }
  return absl::OkStatus();
}

// What a snapshot keeps: the last batch only, without its own timestamp.
bool SameProducer(const ProducerState& a, const ProducerState& b) {
  const ProducerBatch last = a.last_batch().value_or(ProducerBatch{});
  ProducerBatch other = b.last_batch().value_or(ProducerBatch{});
  other.timestamp = last.timestamp;
  return a.epoch == b.epoch && a.coordinator_epoch == b.coordinator_epoch && a.last_timestamp == b.last_timestamp &&
         a.transaction_first_offset == b.transaction_first_offset && last == other;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<std::byte>>> ReadBatches(PartitionLog& log) {
  std::vector<std::vector<std::byte>> batches;
  for (Offset next = log.local_log_start_offset(); next < log.log_end_offset();) {
    SLIP_ASSIGN_OR_RETURN(const LogSlice slice, log.Read(next, log.log_end_offset(), 1 << 20));
    if (slice.file == nullptr) break;
    std::vector<std::byte> bytes(slice.bytes);
    SLIP_ASSIGN_OR_RETURN(const size_t got, slice.file->ReadAt(bytes, slice.position));
    BatchWalker walker(ByteSpan(bytes).first(got));
    while (walker.Next()) {
      const RecordBatchView batch = walker.batch();
      if (!batch.CrcValid()) return Wrong("the batch at offset ", batch.base_offset().value, " has a wrong CRC");
      batches.emplace_back(batch.bytes().begin(), batch.bytes().end());
      next = batch.next_offset();
    }
    if (walker.valid_bytes() != slice.bytes) return Wrong("a read of ", slice.bytes, " bytes is not whole batches");
  }
  return batches;
}

absl::Status CheckAgreesWithItsBatches(FileIo& io, PartitionLog& log) {
  SLIP_RETURN_IF_ERROR(CheckOffsets(log));
  SLIP_ASSIGN_OR_RETURN(const auto batches, ReadBatches(log));
  if (!batches.empty() && RecordBatchView(batches.back()).next_offset() != log.log_end_offset())
    return Wrong("the last batch ends at ", RecordBatchView(batches.back()).last_offset().value, ", the log at ",
                 log.log_end_offset().value);
  SLIP_RETURN_IF_ERROR(CheckEpochs(log, batches));
  SLIP_RETURN_IF_ERROR(CheckFiles(io, log));
  return CheckLookups(log, batches);
}

absl::Status CheckProducers(FileIo& io, PartitionLog& log, const std::vector<std::vector<std::byte>>& history,
                            Offset start) {
  ProducerStateTable all, retained;
  std::map<Offset, AbortedTransactionEntry> aborted;  // by the marker's offset
  for (const std::vector<std::byte>& bytes : history) {
    const RecordBatchView batch(bytes);
    if (const auto completed = all.Apply(batch); completed && completed->aborted)
      aborted[batch.base_offset()] = IndexEntryOf(*completed, all);
    if (batch.last_offset() >= log.log_start_offset()) (void)retained.Apply(batch);
  }
  const bool whole = log.log_start_offset() == start;
  for (const auto& [producer_id, state] : retained.producers()) {
    const ProducerState* const said = log.producers().Find(producer_id);
    if (said == nullptr) return Wrong("producer ", producer_id, " is forgotten");
    if (!SameProducer(*said, *all.Find(producer_id)) && (whole || !SameProducer(*said, state)))
      return Wrong("the state of producer ", producer_id, " is not what the batches say");
  }
  for (const auto& [producer_id, state] : log.producers().producers())
    if (all.Find(producer_id) == nullptr) return Wrong("producer ", producer_id, " never wrote");
  if (!whole) return absl::OkStatus();

  SLIP_ASSIGN_OR_RETURN(const auto segments, ReadSegments(io, log));
  for (const auto& segment : segments) {
    std::vector<AbortedTransactionEntry> expected;
    for (const RecordBatchView& batch : segment->batches)
      if (const auto entry = aborted.find(batch.base_offset()); entry != aborted.end())
        expected.push_back(entry->second);
    TransactionIndex index(io, log.directory(), segment->base_offset);
    SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> entries, index.Entries());
    if (entries != expected)
      return Wrong("the transaction index at ", segment->base_offset.value, " has ", entries.size(), " entries of ",
                   expected.size());
  }
  return absl::OkStatus();
}

}  // namespace slipstream
