// PartitionLog: its part in compaction, before and after the files are read and written (log/compaction/).
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/compaction/cleanable_range.h"
#include "log/compaction/compaction.h"
#include "log/compaction/segment_swap.h"
#include "log/partition_log.h"
#include "log/producer_snapshot.h"
#include "log/segment.h"
#include "log/status.h"

namespace slipstream {
namespace {

ActiveProducers ActiveOf(const ProducerStateTable& producers) {
  ActiveProducers active;
  for (const auto& [producer_id, state] : producers.producers()) {
    ActiveProducer& producer = active[producer_id];
    producer.epoch = state.epoch;
    if (const std::optional<ProducerBatch> last = state.last_batch()) producer.last_data_offset = last->last_offset;
  }
  return active;
}

// The log's content, not the disk or the moment, stands in the way.
bool IsOfContent(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnimplemented(status) || absl::IsFailedPrecondition(status);
}

}  // namespace

absl::StatusOr<size_t> PartitionLog::SegmentsToCompact(Offset first_dirty, Timestamp now) {
  std::vector<SealedSegment> sealed;
  const Offset stable = std::min(last_stable_offset(), recovery_point_);
  const bool by_age = config_.min_compaction_lag.count() > 0 ||
                      config_.max_compaction_lag.count() < std::numeric_limits<int64_t>::max();
  // To learn how old a segment is opens its files: none behind the stable end, and each of the others once.
  const absl::btree_map<Offset, SegmentTimes> known = std::exchange(dirty_times_, {});
  for (size_t i = 0; i + 1 < segments_.size() && SegmentEnd(i) <= stable; ++i) {
    Segment& segment = *segments_[i];
    SealedSegment& summary =
        sealed.emplace_back(SealedSegment{segment.base_offset(), SegmentEnd(i), segment.size_bytes(), {}, {}});
    if (!by_age || summary.end_offset <= first_dirty) continue;
    const auto found = known.find(summary.base_offset);
    absl::StatusOr<SegmentTimes> times = found == known.end() ? TimesOf(segment) : found->second;
    SLIP_RETURN_IF_ERROR(times.status());
    dirty_times_[summary.base_offset] = *times;
    summary.first_timestamp = times->first;
    summary.largest_timestamp = times->largest;
  }
  const CleanableRange range =
      FindCleanableRange(sealed, first_dirty, stable, {now, config_.min_compaction_lag, config_.max_compaction_lag});
  return range.WorthCleaning(config_.min_cleanable_dirty_ratio) ? range.segments : 0;
}

absl::StatusOr<PartitionLog::SegmentTimes> PartitionLog::TimesOf(Segment& segment) {
  SegmentTimes times;
  SLIP_ASSIGN_OR_RETURN(times.largest, LargestTimestamp(segment));
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, segment.Find(segment.base_offset()));
  if (first) times.first = first->max_timestamp;
  return times;
}

// Of transactions that began below `end`: those that did are all decided.
absl::StatusOr<std::vector<AbortedTransactionEntry>> PartitionLog::AbortedBelow(Offset end) {
  std::vector<AbortedTransactionEntry> aborted;
  for (const std::unique_ptr<Segment>& segment : segments_) {
    SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> entries, segment->AbortedTransactions());
    for (const AbortedTransactionEntry& entry : entries) {
      if (entry.first_offset < end) aborted.push_back(entry);
      if (entry.last_stable_offset >= end) return aborted;
    }
  }
  return aborted;
}

absl::StatusOr<std::optional<CompactionPlan>> PartitionLog::PlanCompaction(Timestamp now) {
  if (!config_.cleanup_compact || !uncleanable_.ok() || !Usable().ok()) return std::nullopt;
  const Offset first_dirty = FirstDirtyOffset(first_dirty_offset_, local_log_start_offset(), log_end_offset_);
  SLIP_ASSIGN_OR_RETURN(const size_t count, SegmentsToCompact(first_dirty, now));
  if (count == 0) return std::nullopt;
  CompactionPlan plan;
  plan.io = &io_;
  plan.directory = directory_;
  plan.config = config_;
  plan.first_dirty_offset = first_dirty;
  plan.log_start_offset = log_start_offset_;
  plan.now = now;
  plan.truncations = truncations_;
  plan.producers = ActiveOf(producers_);
  for (size_t i = 0; i < count; ++i)
    plan.sources.push_back({segments_[i]->base_offset(), SegmentEnd(i), segments_[i]->size_bytes()});
  SLIP_ASSIGN_OR_RETURN(plan.aborted, AbortedBelow(plan.sources.back().end_offset));
  return plan;
}

// True when the files that the last step read are not what the log holds now.
bool PartitionLog::Overtaken(const Compaction& compaction) const {
  if (compaction.plan().truncations != truncations_) return true;
  std::span<const CompactionPlan::Source> sources = compaction.cleaned().sources;
  if (sources.empty()) sources = compaction.plan().sources;  // it read keys
  const size_t first = FloorSegment(sources.front().base_offset);
  if (first + sources.size() >= segments_.size()) return true;
  for (size_t i = 0; i < sources.size(); ++i) {
    const Segment& segment = *segments_[first + i];
    if (segment.base_offset() != sources[i].base_offset || segment.size_bytes() != sources[i].bytes) return true;
  }
  return false;
}

absl::StatusOr<bool> PartitionLog::TakeCompacted(Compaction& compaction, const absl::StatusOr<bool>& cleaned) {
  const absl::Status usable = Usable();
  // First of all: where the log was cut, what the round met on its way means nothing. Of its end nothing is left to be
  // overtaken but by a truncation.
  const bool at_end = cleaned.ok() && !*cleaned;
  const bool overtaken = at_end ? compaction.plan().truncations != truncations_ : Overtaken(compaction);
  if (!usable.ok() || overtaken) {
    AbandonCompaction(compaction);
    SLIP_RETURN_IF_ERROR(usable);
    return absl::AbortedError(absl::StrCat(partition_.ToString(), ": cut while it was compacted"));
  }
  if (!cleaned.ok()) {
    const absl::Status why = Annotate(cleaned.status(), absl::StrCat(partition_.ToString(), ": cannot compact"));
    if (IsOfContent(why)) uncleanable_ = why;
    if (IsDiskFailure(why)) health_->TakeOffline(why);
    return why;
  }
  if (!*cleaned) {
    first_dirty_offset_ = compaction.end_offset();
    return false;
  }
  const absl::Status swapped = SwapIn(compaction);
  // A full disk, or no descriptor for the moment: the log is as it was, and another round does the work again.
  if (absl::IsResourceExhausted(swapped)) {
    compaction.Discard();
    return Annotate(swapped, absl::StrCat(partition_.ToString(), ": cannot take over compacted segments"));
  }
  // Half a swap leaves it unknown which segments there are.
  SLIP_RETURN_IF_ERROR(FailUnlessOk(swapped, "cannot take over compacted segments"));
  compaction.Release();
  return true;
}

void PartitionLog::AbandonCompaction(Compaction& compaction) { RemoveLater(compaction.MarkDeleted()); }

absl::Status PartitionLog::SwapIn(const Compaction& compaction) {
  // A snapshot there may show a transaction as open whose marker compaction takes away: read from there, it would stay
  // open for ever. Newer snapshots, which are the ones of use, know of no such transaction. The last group may reach
  // beyond the round's end, and markers go from all of it.
  SLIP_RETURN_IF_ERROR(
      RemoveSnapshotsBelow(std::max(compaction.end_offset(), compaction.cleaned().sources.back().end_offset)));
  std::vector<Offset> replaced;
  for (const CompactionPlan::Source& source : compaction.cleaned().sources) replaced.push_back(source.base_offset);
  const std::vector<Offset>& cleaned = compaction.cleaned().segments->base_offsets();
  // Opened before anything is renamed: from there on no descriptor is asked for.
  std::vector<std::unique_ptr<Segment>> fresh;
  for (const Offset base : cleaned) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment, Segment::OpenCleaned(io_, directory_, base, config_));
    fresh.push_back(std::move(segment));
  }
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> marked,
                        SwapSegments(io_, directory_, cleaned, replaced));
  dirty_times_.clear();
  RemoveLater(marked);
  for (const std::unique_ptr<Segment>& segment : fresh) segment->SwappedIn();
  const auto first = segments_.begin() + static_cast<ptrdiff_t>(FloorSegment(replaced.front()));
  const auto last = first + static_cast<ptrdiff_t>(replaced.size());
  if (std::any_of(first, last, [&](const auto& segment) { return segment.get() == open_segment_; }))
    open_segment_ = nullptr;
  segments_.insert(segments_.erase(first, last), std::make_move_iterator(fresh.begin()),
                   std::make_move_iterator(fresh.end()));
  return absl::OkStatus();
}

absl::Status PartitionLog::RemoveSnapshotsBelow(Offset offset) {
  while (!snapshots_.empty() && snapshots_.front() < offset) {
    SLIP_RETURN_IF_ERROR(io_.Remove(ProducerSnapshotPath(directory_, snapshots_.front())));
    snapshots_.erase(snapshots_.begin());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<CompactionResult>> PartitionLog::Compact(Timestamp now, const CompactionLimits& limits) {
  SLIP_ASSIGN_OR_RETURN(std::optional<CompactionPlan> plan, PlanCompaction(now));
  if (!plan) return std::nullopt;
  Compaction compaction(*std::move(plan), limits);
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, TakeCompacted(compaction, compaction.CleanNext()));
    if (!more) return compaction.result();
  }
}

}  // namespace slipstream
