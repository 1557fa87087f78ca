#include "log/log_recovery.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>

#include "log/check.h"
#include "log/epoch_recovery.h"
#include "log/leftovers.h"
#include "log/offset_index.h"
#include "log/producer_snapshot.h"
#include "log/producer_state_loading.h"
#include "log/segment_name.h"
#include "log/status.h"
#include "log/time_index.h"

namespace slipstream {
namespace {

// Kafka maps 10 MiB, and a few entries that a crash has turned into zeros must not be taken for that.
constexpr uint64_t kMappedIndexBytesMin = 4096;

absl::Status SyncSegment(Segment& segment) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> files, segment.FilesToSync());
  for (const std::shared_ptr<File>& file : files) SLIP_RETURN_IF_ERROR(file->Sync());
  return absl::OkStatus();
}

// The first segment that a crash may have damaged: the one that holds the recovery point.
size_t FirstUntrusted(const std::vector<SegmentFiles>& files, const LogOpenOptions& options) {
  if (options.clean) return files.size();
  size_t first = 0;
  while (first + 1 < files.size() && files[first + 1].base_offset <= options.recovery_point) ++first;
  return first;
}

bool IsZero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

absl::StatusOr<bool> OnlyZeros(File& file, uint64_t from, uint64_t to, std::vector<std::byte>& buffer) {
  while (from < to) {
    const std::span<std::byte> into(buffer.data(), std::min<uint64_t>(buffer.size(), to - from));
    SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(into, FilePosition{from}));
    if (got == 0 || !IsZero(into.first(got))) return false;
    from += got;
  }
  return true;
}

// One run over a partition directory.
class LogLoader {
 public:
  LogLoader(FileIo& io, const StoredPath& directory, const LogConfig& config, const LogOpenOptions& options,
            LeaderEpochCache& epochs)
      : io_(io), directory_(directory), config_(config), options_(options), epochs_(epochs) {}

  absl::StatusOr<LoadedLog> Load();

 private:
  absl::Status OpenSegments(const std::vector<SegmentFiles>& files);
  absl::StatusOr<bool> MustRecover(const SegmentFiles& files, size_t number, bool may_have_tail);
  absl::Status MakeMissingIndexes(size_t number);
  absl::Status RecoverFrom(size_t first);
  absl::StatusOr<bool> RecoverSegment(size_t number);  // true: its end is lost, and later segments are gone
  absl::StatusOr<bool> LacksItsEnd(size_t number, bool cut);
  absl::StatusOr<uint64_t> BytesOfMappedIndex(absl::string_view suffix, uint64_t entry_bytes) const;
  absl::StatusOr<bool> KafkaWroteLast() const;
  absl::Status TrustBefore(size_t number);
  absl::Status NoteWhatGoes(size_t number, uint64_t good, uint64_t size, bool ended);
  absl::Status SnapshotAt(Offset offset);
  absl::Status RemoveSegmentsFrom(size_t first);
  absl::Status FindLogEnd();
  absl::Status FinishProducers(bool recovered);
  absl::Status StartAnew();

  FileIo& io_;
  const StoredPath& directory_;
  const LogConfig& config_;
  const LogOpenOptions& options_;
  LeaderEpochCache& epochs_;
  LoadedLog log_;
  size_t first_untrusted_ = 0;
  bool holes_by_right_ = false;  // there are some between segments, and Kafka left them
  std::vector<bool> must_recover_;
  std::vector<std::byte> buffer_;  // from segment to segment
};

absl::StatusOr<LoadedLog> LogLoader::Load() {
  log_.recovery_point = options_.recovery_point;
  SLIP_ASSIGN_OR_RETURN(DirectoryContents contents, ClearLeftovers(io_, directory_));
  log_.producer_snapshots = std::move(contents.producer_snapshots);
  SLIP_RETURN_IF_ERROR(OpenSegments(contents.segments));
  const auto first = std::ranges::find(must_recover_, true);
  const bool recovered = first != must_recover_.end();
  if (recovered) SLIP_RETURN_IF_ERROR(RecoverFrom(static_cast<size_t>(first - must_recover_.begin())));
  SLIP_RETURN_IF_ERROR(FindLogEnd());
  SLIP_RETURN_IF_ERROR(FinishProducers(recovered));
  SLIP_RETURN_IF_ERROR(AlignEpochs(log_.segments, options_.log_start_offset, log_.log_end_offset, epochs_));
  if (recovered) SLIP_RETURN_IF_ERROR(io_.SyncDirectory(directory_));  // indexes and snapshots that were made anew
  for (const std::unique_ptr<Segment>& segment : log_.segments) segment->Release();
  return std::move(log_);
}

absl::Status LogLoader::OpenSegments(const std::vector<SegmentFiles>& files) {
  for (const SegmentFiles& found : files) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment, Segment::Open(io_, directory_, found.base_offset, config_));
    log_.segments.push_back(std::move(segment));
  }
  first_untrusted_ = FirstUntrusted(files, options_);
  for (size_t i = 0; i < files.size(); ++i) {
    bool recover = i >= first_untrusted_;
    if (!recover) {
      // The active segment of when the recovery point was taken may have been cut to its content since, at the roll:
      // without an fsync what lay behind may be back.
      const bool may_have_tail = i + 1 == files.size() || i + 1 == first_untrusted_;
      SLIP_ASSIGN_OR_RETURN(recover, MustRecover(files[i], i, may_have_tail));
    }
    if (!recover && i + 1 == first_untrusted_ && !options_.clean) SLIP_RETURN_IF_ERROR(SyncSegment(*log_.segments[i]));
    must_recover_.push_back(recover);
    // Where the recovery point is its end, it was sealed by the roll that came after: that entry of its time index need
    // not be on the disk, and without it whoever looks for its newest record by time would look past it.
    const bool sealed_since =
        !options_.clean && i + 1 == first_untrusted_ && files[first_untrusted_].base_offset == options_.recovery_point;
    if (!recover && (sealed_since || !files[i].indexes_present)) SLIP_RETURN_IF_ERROR(MakeMissingIndexes(i));
    log_.segments[i]->Release();  // a log dir has more segments than a process may have open files
  }
  return absl::OkStatus();
}

// Of a segment that no crash can have damaged.
absl::StatusOr<bool> LogLoader::MustRecover(const SegmentFiles& files, size_t number, bool may_have_tail) {
  if (files.has_transaction_index) {
    const absl::Status sound = log_.segments[number]->CheckTransactionIndex();
    if (absl::IsDataLoss(sound)) return true;  // only reading all of it tells what was aborted (LOG-123)
    SLIP_RETURN_IF_ERROR(sound);
  }
  if (!may_have_tail) return false;
  if (!files.indexes_present) return true;
  SLIP_ASSIGN_OR_RETURN(const bool whole, log_.segments[number]->EndsOnBatch());
  return !whole;
}

absl::Status LogLoader::MakeMissingIndexes(size_t number) {
  SLIP_RETURN_IF_ERROR(log_.segments[number]->RebuildIndexes());
  return SyncSegment(*log_.segments[number]);
}

absl::Status LogLoader::RecoverFrom(size_t first) {
  // What lies above the recovery point may be of a log that was cut meanwhile: only the batches themselves count there.
  const Offset trusted = options_.clean ? log_.segments[first]->base_offset() : options_.recovery_point;
  SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, trusted, log_.producer_snapshots));
  SLIP_ASSIGN_OR_RETURN(log_.producers,
                        BuildProducerState(io_, directory_, log_.segments, log_.producer_snapshots,
                                           options_.log_start_offset, trusted, log_.segments[first]->base_offset()));
  for (size_t i = first; i < log_.segments.size(); ++i) {
    if (i > first) SLIP_RETURN_IF_ERROR(SnapshotAt(log_.segments[i]->base_offset()));
    if (!must_recover_[i]) {
      SLIP_RETURN_IF_ERROR(
          ApplyBatches(*log_.segments[i], Offset{std::numeric_limits<int64_t>::max()}, log_.producers));
      log_.segments[i]->Release();
      continue;
    }
    if (i + 1 == log_.segments.size()) SLIP_RETURN_IF_ERROR(TrustBefore(i));
    SLIP_ASSIGN_OR_RETURN(const bool ended, RecoverSegment(i));
    if (ended) break;
  }
  return absl::OkStatus();
}

absl::Status LogLoader::SnapshotAt(Offset offset) {
  log_.producers.AdvanceEndTo(offset);
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, WriteProducerSnapshot(io_, directory_, log_.producers));
  SLIP_RETURN_IF_ERROR(file->Sync());
  if (log_.producer_snapshots.empty() || log_.producer_snapshots.back() < offset)
    log_.producer_snapshots.push_back(offset);
  return absl::OkStatus();
}

absl::StatusOr<bool> LogLoader::RecoverSegment(size_t number) {
  Segment& segment = *log_.segments[number];
  const uint64_t size = segment.size_bytes();
  SLIP_ASSIGN_OR_RETURN(const uint64_t good,
                        segment.Recover(buffer_, [&](const RecordBatchView& batch) -> absl::Status {
                          SLIP_RETURN_IF_ERROR(AssignIfNewer(epochs_, batch));
                          if (batch.next_offset() <= log_.producers.end_offset()) return absl::OkStatus();
                          const std::optional<CompletedTransaction> completed = log_.producers.Apply(batch);
                          if (!completed || !completed->aborted) return absl::OkStatus();
                          return segment.AppendAborted(IndexEntryOf(*completed, log_.producers));
                        }));
  const bool cut = good < size;
  SLIP_ASSIGN_OR_RETURN(const bool ended, LacksItsEnd(number, cut));
  SLIP_RETURN_IF_ERROR(NoteWhatGoes(number, good, size, ended));
  // Later segments first: were the file cut before them, a crash in between would leave a log with a hole (LOG-139).
  if (ended) {
    SLIP_RETURN_IF_ERROR(TrustBefore(number));
    SLIP_RETURN_IF_ERROR(RemoveSegmentsFrom(number + 1));
  }
  if (cut) SLIP_RETURN_IF_ERROR(segment.CutTo(good));
  SLIP_RETURN_IF_ERROR(SyncSegment(segment));
  segment.Release();
  return ended;
}

// Whether offsets are missing between the segment, as far as it was good, and the next one. One segment's data may
// reach the disk before another's, and a file that lost its last batches whole looks sound. We leave no such hole: a
// roll names the new segment by where the last batch ends, unless the next one is too far for a relative offset, and
// compaction leaves the last batch of each group. Kafka leaves them where a follower rolls at a gap, and where it
// compacts; there only a cut tells.
absl::StatusOr<bool> LogLoader::LacksItsEnd(size_t number, bool cut) {
  if (number + 1 == log_.segments.size()) return cut;
  const int64_t missing = log_.segments[number + 1]->base_offset() - log_.producers.end_offset();
  if (cut) return missing > 0;
  if (number < first_untrusted_ || missing <= 0 || missing > kRelativeOffsetMax) return false;
  SLIP_ASSIGN_OR_RETURN(const bool may_be_a_gap, KafkaWroteLast());
  holes_by_right_ = holes_by_right_ || may_be_a_gap;
  return !may_be_a_gap;
}

// That the holes below that segment are there by right only the last one's indexes tell, which recovery makes anew or
// removes: were it to die then, the next start would take them for lost ends. So first all before the segment, which is
// durable by now, is put below the recovery point.
absl::Status LogLoader::TrustBefore(size_t number) {
  if (!holes_by_right_) return absl::OkStatus();
  const Offset base = log_.segments[number]->base_offset();
  if (base <= log_.recovery_point) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(io_.SyncDirectory(directory_));
  if (options_.on_recovery_point) SLIP_RETURN_IF_ERROR(options_.on_recovery_point(base));
  log_.recovery_point = base;
  return absl::OkStatus();
}

// How long an index is that ends in an entry of zeros; 0: it does not.
absl::StatusOr<uint64_t> LogLoader::BytesOfMappedIndex(absl::string_view suffix, uint64_t entry_bytes) const {
  const std::filesystem::path path = directory_ / SegmentFileName(log_.segments.back()->base_offset(), suffix);
  const absl::StatusOr<std::unique_ptr<File>> file = io_.Open(path, OpenMode::kRead);
  if (absl::IsNotFound(file.status())) return uint64_t{0};
  SLIP_RETURN_IF_ERROR(file.status());
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, (*file)->Size());
  if (size < kMappedIndexBytesMin || size % entry_bytes != 0) return uint64_t{0};
  std::array<std::byte, TimeIndex::kEntryBytes> last = {};
  const std::span<std::byte> entry = std::span(last).first(entry_bytes);
  SLIP_ASSIGN_OR_RETURN(const size_t got, (*file)->ReadAt(entry, FilePosition{size - entry_bytes}));
  return got == entry_bytes && IsZero(entry) ? size : 0;
}

// True when a Kafka broker was killed here: it maps both indexes of an active segment at one size, each to its whole
// entries, with zeros behind the entries, and only a clean stop trims them. The size is the topic's
// (segment.index.bytes); where only the offset index is left, at ours. Ours have no zeros (LOG-93). To be asked before
// the last segment is recovered.
absl::StatusOr<bool> LogLoader::KafkaWroteLast() const {
  SLIP_ASSIGN_OR_RETURN(const uint64_t offsets, BytesOfMappedIndex(kOffsetIndexSuffix, OffsetIndex::kEntryBytes));
  if (offsets == 0) return false;
  const auto configured = static_cast<uint64_t>(config_.segment_index_bytes);
  if (offsets == configured - configured % OffsetIndex::kEntryBytes) return true;
  SLIP_ASSIGN_OR_RETURN(const uint64_t times, BytesOfMappedIndex(kTimeIndexSuffix, TimeIndex::kEntryBytes));
  return times > 0 &&
         std::max(offsets, times) < std::min(offsets + OffsetIndex::kEntryBytes, times + TimeIndex::kEntryBytes);
}

// What a person should know of: a tail that is more than the zeros of a file grown ahead, and segments that go.
absl::Status LogLoader::NoteWhatGoes(size_t number, uint64_t good, uint64_t size, bool ended) {
  Segment& segment = *log_.segments[number];
  const Offset end = log_.producers.end_offset();
  const bool was_durable = options_.clean || end < options_.recovery_point;
  const auto note = [&](const auto&... what) {
    log_.notices.push_back(absl::StrCat(segment.path().native(), ": ", what...));
    if (was_durable)
      absl::StrAppend(&log_.notices.back(), ", and all up to ",
                      options_.clean ? "its end" : absl::StrCat(options_.recovery_point.value), " had been flushed");
  };
  if (good < size) {
    SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.LogFile());
    SLIP_ASSIGN_OR_RETURN(const bool zeros, OnlyZeros(*file, good, size, buffer_));
    if (was_durable || !zeros)
      note("no sound batch at byte ", good, " of ", size, ": the log ends at offset ", end.value, " now");
  }
  const size_t later = ended ? log_.segments.size() - number - 1 : 0;
  if (later > 0)
    note("ends at offset ", end.value, ", and the next segment begins at ",
         log_.segments[number + 1]->base_offset().value, ": it lost its end, and ", later,
         later == 1 ? " later segment is" : " later segments are", " removed");
  return absl::OkStatus();
}

// From the newest down, so that a crash in between leaves a prefix of the log.
absl::Status LogLoader::RemoveSegmentsFrom(size_t first) {
  if (log_.segments.size() <= first) return absl::OkStatus();
  while (log_.segments.size() > first) {
    const Offset base = log_.segments.back()->base_offset();
    SLIP_RETURN_IF_ERROR(Segment::RemoveFiles(io_, directory_, base));
    std::erase(log_.producer_snapshots, base);
    log_.segments.pop_back();
  }
  return io_.SyncDirectory(directory_);
}

absl::Status LogLoader::FindLogEnd() {
  if (!log_.segments.empty()) {
    SLIP_ASSIGN_OR_RETURN(log_.log_end_offset, log_.segments.back()->BatchesEnd());
  }
  // The data that the log start stands for is gone: nothing before it may come back (LOG-132).
  if (log_.segments.empty() || log_.log_end_offset < options_.log_start_offset) return StartAnew();
  return absl::OkStatus();
}

absl::Status LogLoader::StartAnew() {
  SLIP_RETURN_IF_ERROR(RemoveSegmentsFrom(0));
  SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, Offset{-1}, log_.producer_snapshots));
  if (log_.log_end_offset < options_.log_start_offset) SLIP_RETURN_IF_ERROR(epochs_.Clear());
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment,
                        Segment::Create(io_, directory_, options_.log_start_offset, config_));
  log_.segments.push_back(std::move(segment));
  log_.log_end_offset = options_.log_start_offset;
  // Where a power cut takes the segment's name away, the next start begins at 0 too. Another start only that name
  // knows.
  log_.names_unsynced = options_.log_start_offset == Offset{0};
  return log_.names_unsynced ? absl::OkStatus() : io_.SyncDirectory(directory_);
}

absl::Status LogLoader::FinishProducers(bool recovered) {
  // A snapshot above the log end tells of batches that are gone (LOG-178).
  SLIP_RETURN_IF_ERROR(RemoveSnapshotsAbove(io_, directory_, log_.log_end_offset, log_.producer_snapshots));
  if (!recovered || log_.producers.end_offset() != log_.log_end_offset) {
    SLIP_ASSIGN_OR_RETURN(log_.producers,
                          BuildProducerState(io_, directory_, log_.segments, log_.producer_snapshots,
                                             options_.log_start_offset, log_.log_end_offset, log_.log_end_offset));
  }
  log_.producers.ExpireBefore(options_.now, config_.producer_id_expiration);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadedLog> LoadSegments(FileIo& io, const StoredPath& directory, const LogConfig& config,
                                       const LogOpenOptions& options, LeaderEpochCache& epochs) {
  return LogLoader(io, directory, config, options, epochs).Load();
}

}  // namespace slipstream
