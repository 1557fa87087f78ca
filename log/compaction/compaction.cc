#include "log/compaction/compaction.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/compaction/segment_groups.h"
#include "log/segment_name.h"
#include "log/segment_scan.h"
#include "log/status.h"

namespace slipstream {
namespace {

// 0 where there is none: it is made anew with the segment.
absl::StatusOr<uint64_t> FileBytes(FileIo& io, const std::filesystem::path& path) {
  const absl::StatusOr<std::unique_ptr<File>> file = io.Open(path, OpenMode::kRead);
  if (absl::IsNotFound(file.status())) return uint64_t{0};
  SLIP_RETURN_IF_ERROR(file.status());
  return (*file)->Size();
}

}  // namespace

Compaction::Compaction(CompactionPlan plan, const CompactionLimits& limits) : plan_(std::move(plan)), limits_(limits) {}

Compaction::~Compaction() = default;

absl::StatusOr<bool> Compaction::CleanNext() {
  SLIP_CHECK(!group_.segments);
  if (!map_) {
    SLIP_RETURN_IF_ERROR(ReadDirtyKeys());
    SLIP_RETURN_IF_ERROR(PlanGroups());
    transactions_.emplace(plan_.aborted, plan_.log_start_offset);
    filter_.emplace(*map_, plan_.producers, *transactions_,
                    FilterRules{plan_.now, plan_.config.delete_retention, map_end_});
  }
  while (next_group_ < group_sizes_.size()) {
    const absl::StatusOr<bool> changed = CleanGroup();
    if (absl::IsCancelled(changed.status())) return changed;
    if (!changed.ok() || !*changed) Discard();
    if (!changed.ok() || *changed) return changed;
  }
  return false;
}

void Compaction::Discard() {
  if (group_.segments) group_.segments->Discard();
  group_.segments.reset();
}

std::vector<std::filesystem::path> Compaction::MarkDeleted() {
  if (!group_.segments) return {};
  std::vector<std::filesystem::path> marked = group_.segments->MarkDeleted();
  group_.segments.reset();
  return marked;
}

absl::Status Compaction::ForEachBatch(const CompactionPlan::Source& source, std::vector<std::byte>& buffer,
                                      const std::function<absl::StatusOr<bool>(const RecordBatchView&)>& visit) {
  const std::filesystem::path path = plan_.directory / SegmentFileName(source.base_offset, kLogSuffix);
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, plan_.io->Open(path, OpenMode::kRead));
  SegmentScan scan(*file, source.bytes, buffer);
  Offset next = source.base_offset;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, scan.Next());
    if (!more) break;
    if (cancelled_.load(std::memory_order_relaxed)) return absl::CancelledError("compaction was stopped");
    const RecordBatchView batch = scan.batch();
    const auto at = [&] { return absl::StrCat(path.native(), ": batch at byte ", scan.position().value); };
    // A new CRC over damaged records would bless the damage.
    if (!batch.CrcValid()) return absl::DataLossError(absl::StrCat(at(), ": its CRC is wrong"));
    if (batch.base_offset() < next || batch.last_offset_delta() < 0 || batch.next_offset() > source.end_offset)
      return absl::DataLossError(absl::StrCat(at(), ": offsets ", batch.base_offset().value, " to ",
                                              batch.last_offset().value, " are not within ", next.value, " and ",
                                              source.end_offset.value));
    const absl::StatusOr<bool> go_on = visit(batch);
    if (!go_on.ok()) return Annotate(go_on.status(), at());
    if (!*go_on) return absl::OkStatus();
    next = batch.next_offset();
  }
  if (scan.next_position().value == source.bytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path.native(), ": no sound batch at byte ", scan.next_position().value, " of ", source.bytes));
}

// Pass one: what is the newest record of each key that was written since the last round?

absl::Status Compaction::ReadDirtyKeys() {
  uint64_t offsets = 0;  // no fewer than there are keys
  for (const CompactionPlan::Source& source : plan_.sources) {
    const int64_t dirty = source.end_offset - std::max(source.base_offset, plan_.first_dirty_offset);
    offsets += static_cast<uint64_t>(std::max<int64_t>(0, dirty));
  }
  map_.emplace(offsets, static_cast<uint64_t>(limits_.dedupe_buffer_bytes), limits_.load_factor);
  transactions_.emplace(plan_.aborted, plan_.log_start_offset);
  map_end_ = plan_.first_dirty_offset;
  for (const CompactionPlan::Source& source : plan_.sources) {
    if (source.end_offset <= plan_.first_dirty_offset) continue;
    const absl::Status read =
        ForEachBatch(source, buffer_, [this](const RecordBatchView& batch) -> absl::StatusOr<bool> {
          SLIP_ASSIGN_OR_RETURN(const bool added, AddKeys(batch));
          if (added) map_end_ = std::max(map_end_, batch.next_offset());
          result_.map_full = !added;
          return added;
        });
    SLIP_RETURN_IF_ERROR(read);
    if (result_.map_full) break;
    map_end_ = source.end_offset;
  }
  if (map_end_ > plan_.first_dirty_offset) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(plan_.directory.native(), ": the keys of the batch at offset ",
                                                    map_end_.value, " alone are more than the ", map_->size_max(),
                                                    " that log.cleaner.dedupe.buffer.size has room for"));
}

absl::StatusOr<bool> Compaction::AddKeys(const RecordBatchView& batch) {
  if (batch.is_control()) {
    SLIP_RETURN_IF_ERROR(transactions_->OnControl(batch).status());
    return true;
  }
  const bool aborted = transactions_->OnData(batch);
  if (aborted || batch.last_offset() < plan_.first_dirty_offset) return true;
  SLIP_ASSIGN_OR_RETURN(const ByteSpan plain, PlainForCompaction(batch, plain_));
  RecordCursor records(batch, plain);
  while (records.Next()) {
    const Record& record = records.record();
    if (!record.key || record.offset < plan_.first_dirty_offset) continue;
    if (!map_->Put(*record.key, record.offset)) return false;
  }
  SLIP_RETURN_IF_ERROR(records.status());
  return true;
}

// Pass two: what survives, group by group.

absl::Status Compaction::PlanGroups() {
  std::vector<SegmentSizes> sizes;
  for (const CompactionPlan::Source& source : plan_.sources) {
    if (source.base_offset >= map_end_) break;
    const auto path = [&](absl::string_view suffix) {
      return plan_.directory / SegmentFileName(source.base_offset, suffix);
    };
    SLIP_ASSIGN_OR_RETURN(const uint64_t offset_index_bytes, FileBytes(*plan_.io, path(kOffsetIndexSuffix)));
    SLIP_ASSIGN_OR_RETURN(const uint64_t time_index_bytes, FileBytes(*plan_.io, path(kTimeIndexSuffix)));
    sizes.push_back({source.base_offset, source.end_offset, source.bytes, offset_index_bytes, time_index_bytes});
  }
  group_sizes_ = GroupSegments(sizes, static_cast<uint64_t>(plan_.config.segment_bytes),
                               static_cast<uint64_t>(plan_.config.segment_index_bytes));
  return absl::OkStatus();
}

absl::StatusOr<bool> Compaction::CleanGroup() {
  group_.sources = std::span(plan_.sources).subspan(next_source_, group_sizes_[next_group_]);
  next_source_ += group_sizes_[next_group_++];
  CleanedSegments& into =
      group_.segments.emplace(*plan_.io, plan_.directory, group_.sources.front().base_offset, plan_.config);
  changed_ = group_.sources.size() > 1;
  unwritten_end_ = group_.sources.front().base_offset;
  unwritten_aborted_.clear();
  dropped_header_.clear();
  uint64_t bytes = 0;
  for (const CompactionPlan::Source& source : group_.sources) {
    SLIP_RETURN_IF_ERROR(CleanInto(source, into));
    bytes += source.bytes;
  }
  // The last batch leaves its header, so that the log still has no holes between its segments and ends where it did.
  if (!dropped_header_.empty()) {
    std::vector<std::byte> emptied;
    EmptyBatch(RecordBatchView(dropped_header_), emptied);
    if (emptied != dropped_header_) SLIP_RETURN_IF_ERROR(WriteFromNowOn(into));
    if (changed_) SLIP_RETURN_IF_ERROR(into.Add(RecordBatchView(emptied)));
  }
  result_.bytes_before += bytes;
  result_.bytes_after += changed_ ? into.bytes() : bytes;
  result_.records_before = filter_->records_seen();
  result_.records_after = filter_->records_kept();
  result_.segments_before += group_.sources.size();
  result_.segments_after += into.base_offsets().size();
  if (!changed_) return false;
  const std::filesystem::path newest = plan_.directory / SegmentFileName(group_.sources.back().base_offset, kLogSuffix);
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> last, plan_.io->Open(newest, OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const Timestamp modified, last->ModifiedAt());
  SLIP_RETURN_IF_ERROR(into.Finish(modified));
  return true;
}

absl::Status Compaction::CleanInto(const CompactionPlan::Source& source, CleanedSegments& into) {
  return ForEachBatch(source, buffer_, [&](const RecordBatchView& batch) -> absl::StatusOr<bool> {
    SLIP_ASSIGN_OR_RETURN(const ByteSpan left, filter_->Filter(batch));
    if (!dropped_header_.empty()) SLIP_RETURN_IF_ERROR(WriteFromNowOn(into));  // it was not the last
    dropped_header_.clear();
    if (left.empty()) {
      const ByteSpan header = batch.bytes().first(kBatchHeaderBytes);
      dropped_header_.assign(header.begin(), header.end());
      return true;
    }
    if (left.data() != batch.bytes().data()) SLIP_RETURN_IF_ERROR(WriteFromNowOn(into));
    const std::optional<AbortedTransactionEntry>& aborted = filter_->aborted();
    if (!changed_) {
      unwritten_end_ = batch.next_offset();
      if (aborted) unwritten_aborted_.push_back(*aborted);
      return true;
    }
    SLIP_RETURN_IF_ERROR(into.Add(RecordBatchView(left)));
    if (aborted) SLIP_RETURN_IF_ERROR(into.AddAborted(*aborted));
    return true;
  });
}

// What stays as it is before the first change is read a second time then, from memory as a rule: most segments change
// early or not at all, and to write one that does not would cost more.
absl::Status Compaction::WriteFromNowOn(CleanedSegments& into) {
  if (std::exchange(changed_, true) || unwritten_end_ == group_.sources.front().base_offset) return absl::OkStatus();
  auto aborted = unwritten_aborted_.begin();
  const auto add = [&](const RecordBatchView& batch) -> absl::StatusOr<bool> {
    if (batch.base_offset() >= unwritten_end_) return false;
    SLIP_RETURN_IF_ERROR(into.Add(batch));
    const bool is_abort = aborted != unwritten_aborted_.end() && aborted->last_offset == batch.last_offset();
    if (is_abort) SLIP_RETURN_IF_ERROR(into.AddAborted(*aborted++));
    return true;
  };
  return ForEachBatch(group_.sources.front(), again_buffer_, add);
}

}  // namespace slipstream
