#include "tests/sim/replica_history.h"

#include <algorithm>

#include "log/record_batch.h"

namespace slipstream::sim {
namespace {

bool Same(const ModelBatch& batch, const std::vector<std::byte>& bytes) { return batch.bytes == bytes; }

void CutTo(ModelBatches& batches, Offset end) {
  while (!batches.empty() && batches.back()->next > end) batches.pop_back();
}

}  // namespace

void ReplicaHistory::Deliver(Offset fetch_offset, const ModelBatches& records) {
  // In place of what was written in vain and cut off: that may be back behind the log as it is now.
  const size_t replaced =
      std::erase_if(delivered_, [&](const ModelBatch* batch) { return batch->next > fetch_offset; });
  if (replaced > 0) KeepVersion();
  delivered_.insert(delivered_.end(), records.begin(), records.end());
  maybe_written_.insert(maybe_written_.end(), records.begin(), records.end());
}

absl::Status ReplicaHistory::Accept(const ModelBatch& batch, const Source& source) const {
  if (batch.epoch > source.epoch)
    return Broken("INV-09", "a batch of epoch ", batch.epoch.value, " at offset ", batch.base.value,
                  " was appended in epoch ", source.epoch.value);
  if (now_.batches.empty()) return absl::OkStatus();
  const ModelBatch& last = *now_.batches.back();
  if (batch.epoch < last.epoch)
    return Broken("INV-09", "a batch of epoch ", batch.epoch.value, " at offset ", batch.base.value,
                  " was appended after one of epoch ", last.epoch.value);
  if (batch.base < now_.end) return Broken("INV-08", "a batch at offset ", batch.base.value, " overlaps");
  // Below the leader's log start there is nothing to agree with, and soon nothing of ours either.
  const bool shared = batch.base > source.log_start;
  if (shared && batch.before != nullptr && batch.before != &last)
    return Broken("INV-02", "the batch at offset ", batch.base.value, ", epoch ", batch.epoch.value,
                  " was appended behind that of epoch ", last.epoch.value, " at ", last.base.value,
                  ", in its leader's log it follows that of epoch ", batch.before->epoch.value, " at ",
                  batch.before->base.value);
  return absl::OkStatus();
}

absl::Status ReplicaHistory::Grow(Offset end, const Source& source) {
  while (now_.end < end) {
    const auto next = std::ranges::find_if(delivered_, [&](const ModelBatch* batch) { return batch->next > now_.end; });
    if (next == delivered_.end() || (*next)->next > end)
      return Broken("INV-10", "the log ends at ", end.value, ", and no answer brought what lies from ", now_.end.value,
                    " to there");
    const ModelBatch& batch = **next;
    // The leader's log starts inside it, and all of this one lay below that.
    if (batch.base < now_.end && source.log_start >= now_.end) StartAnewAt(batch.base);
    if (absl::Status wrong = Accept(batch, source); !wrong.ok()) return wrong;
    // The leader's log starts inside it: the log was started anew at its base, and written, in one go.
    if (now_.batches.empty()) now_.first = std::min(now_.first, batch.base);
    now_.batches.push_back(&batch);
    now_.end = batch.next;
    delivered_.erase(delivered_.begin(), next + 1);
  }
  return absl::OkStatus();
}

void ReplicaHistory::KeepVersion() {
  if (!before_.empty() && before_.back().first == now_.first && before_.back().end == now_.end &&
      before_.back().batches == now_.batches)
    return;
  before_.push_back(now_);
  if (before_.size() > kVersionsMax) before_.erase(before_.begin());
}

void ReplicaHistory::Cut(Offset end) {
  KeepVersion();
  CutTo(now_.batches, end);
  now_.end = end;
  now_.first = std::min(now_.first, end);  // below all of it: the log begins anew there
  delivered_.clear();
  durable_ = std::min(durable_, end);
  claimed_ = std::min(claimed_, end);
}

void ReplicaHistory::StartAnewAt(Offset offset) {
  KeepVersion();
  now_ = {.first = offset, .end = offset, .batches = {}};
  before_.push_back(now_);  // half way the old one may be gone, and the new one not there yet
  durable_ = claimed_ = Offset{0};
}

void ReplicaHistory::Sync(Offset recovery_point, Offset start) {
  // Nothing is lost with what lies below the log start, nor with an empty log, of which not even the name may be
  // durable.
  if (now_.batches.empty() || recovery_point <= start) {
    durable_ = std::min(durable_, recovery_point);
    return;
  }
  if (recovery_point > durable_ && recovery_point == now_.end) {
    before_.clear();
    maybe_written_ = delivered_;
  }
  durable_ = recovery_point;
}

const ModelBatch* ReplicaHistory::BatchAt(Offset offset) const {
  const auto found =
      std::ranges::upper_bound(now_.batches, offset, {}, [](const ModelBatch* batch) { return batch->next; });
  return found == now_.batches.end() || (*found)->base > offset ? nullptr : *found;
}

std::vector<EpochStart> ReplicaHistory::Epochs(Offset start) const {
  std::vector<EpochStart> epochs;
  for (const ModelBatch* batch : now_.batches) {
    if (batch->next <= start) continue;
    if (epochs.empty() || epochs.back().epoch < batch->epoch)
      epochs.push_back({batch->epoch, std::max(batch->base, start)});
  }
  return epochs;
}

absl::Status ReplicaHistory::Compare(Offset start, const std::vector<std::vector<std::byte>>& found) const {
  auto expected = std::ranges::find_if(now_.batches, [&](const ModelBatch* batch) { return batch->next > start; });
  for (const std::vector<std::byte>& bytes : found) {
    if (expected == now_.batches.end() || !Same(**expected, bytes))
      return Broken("INV-02", "the batch at offset ", RecordBatchView(bytes).base_offset().value,
                    " is not what the leader wrote");
    ++expected;
  }
  if (expected != now_.batches.end())
    return Broken("INV-02", "the batch at offset ", (*expected)->base.value, " is gone");
  return absl::OkStatus();
}

absl::Status ReplicaHistory::MatchRecovered(Version candidate, Offset start, Offset end,
                                            const std::vector<std::vector<std::byte>>& found,
                                            Version* recovered) const {
  if (candidate.batches.empty() && found.empty() && start == end) candidate.first = candidate.end = end;
  // What was being written, or was written in vain and cut off again.
  for (const std::vector<std::byte>& bytes : found) {
    const RecordBatchView view(bytes);
    // The leader's log starts inside it: the log was started anew at its base, as in Grow.
    const bool begins_it =
        candidate.batches.empty() && view.base_offset() < candidate.end && view.next_offset() > candidate.end;
    if (view.base_offset() != candidate.end && !begins_it) continue;
    const auto written =
        std::ranges::find_if(maybe_written_, [&](const ModelBatch* batch) { return Same(*batch, bytes); });
    if (written == maybe_written_.end()) break;
    candidate.batches.push_back(*written);
    candidate.first = std::min(candidate.first, view.base_offset());
    candidate.end = (*written)->next;
  }
  if (end > candidate.end || start < candidate.first)
    return Broken("INV-18", "it is [", start.value, ", ", end.value, "), it was [", candidate.first.value, ", ",
                  candidate.end.value, ")");
  CutTo(candidate.batches, end);
  candidate.end = end;
  auto expected = std::ranges::find_if(candidate.batches, [&](const ModelBatch* batch) { return batch->next > start; });
  for (const std::vector<std::byte>& bytes : found) {
    if (expected == candidate.batches.end() || !Same(**expected, bytes))
      return Broken("INV-18", "the batch at offset ", RecordBatchView(bytes).base_offset().value, ", epoch ",
                    RecordBatchView(bytes).partition_leader_epoch().value, ", was not there");
    ++expected;
  }
  if (expected != candidate.batches.end())
    return Broken("INV-18", "the batch at offset ", (*expected)->base.value, " is missing inside the log");
  *recovered = std::move(candidate);
  return absl::OkStatus();
}

absl::Status ReplicaHistory::Recover(Offset start, Offset end, const std::vector<std::vector<std::byte>>& found,
                                     Left left, bool claims_hold) {
  const bool all_written = left == Left::kAll;
  Version recovered;
  absl::Status matched = MatchRecovered(now_, start, end, found, &recovered);
  for (auto version = before_.rbegin(); !matched.ok() && version != before_.rend(); ++version)
    if (MatchRecovered(*version, start, end, found, &recovered).ok()) matched = absl::OkStatus();
  // Nothing of it was durable, not even its name; or it was to begin anew below all that it had, and all of that went.
  const bool nothing_durable = durable_ == Offset{0} || durable_ < now_.first;
  if (!matched.ok() && found.empty() && nothing_durable && !all_written) {
    recovered = {.first = start, .end = end, .batches = {}};
    if (claimed_ <= durable_) claimed_ = Offset{0};
    durable_ = Offset{0};
    matched = absl::OkStatus();
  }
  if (!matched.ok()) return matched;
  if (end < durable_)
    return Broken("INV-18", "it ends at ", end.value, ", and all below ", durable_.value, " was durable");
  if (all_written && end < now_.end)
    return Broken("INV-18", "it ends at ", end.value, ", and all below ", now_.end.value, " was written");
  if (claims_hold && end < claimed_)
    return Broken("INV-19", "it ends at ", end.value, ", and ", claimed_.value, " was asked for as a proof of it");
  now_ = std::move(recovered);
  if (left == Left::kDisk) {
    before_.clear();
    maybe_written_.clear();
  }
  delivered_.clear();
  durable_ = std::min(durable_, now_.batches.empty() ? Offset{0} : now_.end);
  claimed_ = std::min(claimed_, end);
  return absl::OkStatus();
}

void ReplicaHistory::ForgetBelow(Offset start) {
  std::erase_if(now_.batches, [start](const ModelBatch* batch) { return batch->next <= start; });
  if (now_.batches.empty()) now_.first = start;
}

}  // namespace slipstream::sim
