#include "tests/sim/model_log.h"

#include <algorithm>

#include "log/check.h"

namespace slipstream::sim {

size_t ModelLog::FirstEndingAbove(Offset offset) const {
  const auto found =
      std::ranges::upper_bound(batches_, offset, {}, [](const ModelBatch* batch) { return batch->next; });
  return static_cast<size_t>(found - batches_.begin());
}

bool ModelLog::Has(const ModelBatch& batch) const {
  const size_t at = FirstEndingAbove(batch.base);
  return at < batches_.size() && batches_[at] == &batch;
}

void ModelLog::Append(const ModelBatch& batch) {
  SLIP_CHECK_EQ(batch.base.value, end_.value);
  batches_.push_back(&batch);
  end_ = batch.next;
  last_ = &batch;
}

void ModelLog::TruncateTo(Offset offset) {
  while (!batches_.empty() && batches_.back()->next > offset) {
    end_ = std::max(batches_.back()->base, start_);
    last_ = batches_.back()->before;
    batches_.pop_back();
  }
}

void ModelLog::RaiseStartTo(Offset offset) {
  SLIP_CHECK(offset <= end_);
  if (offset <= start_) return;
  start_ = offset;
  batches_.erase(batches_.begin(), batches_.begin() + static_cast<ptrdiff_t>(FirstEndingAbove(offset)));
}

void ModelLog::StartAnewAt(Offset offset) {
  batches_.clear();
  start_ = end_ = offset;
  last_ = nullptr;
}

std::vector<EpochStart> ModelLog::Epochs(std::optional<LeaderEpoch> leads_in) const {
  std::vector<EpochStart> epochs;
  for (const ModelBatch* batch : batches_)
    if (epochs.empty() || epochs.back().epoch < batch->epoch)
      epochs.push_back({batch->epoch, std::max(batch->base, start_)});
  if (leads_in && (epochs.empty() || epochs.back().epoch < *leads_in)) epochs.push_back({*leads_in, end_});
  return epochs;
}

EpochEndOffset ModelLog::EndOffsetFor(LeaderEpoch epoch, std::optional<LeaderEpoch> leads_in) const {
  const std::vector<EpochStart> epochs = Epochs(leads_in);
  if (epochs.empty() || epoch > epochs.back().epoch) return {};
  if (epoch == epochs.back().epoch) return {epoch, end_};
  const auto higher = std::ranges::upper_bound(epochs, epoch, {}, &EpochStart::epoch);
  const LeaderEpoch floor = higher == epochs.begin() ? epoch : std::prev(higher)->epoch;
  return {floor, higher->start_offset};
}

ModelBatches ModelLog::Read(Offset offset, Offset bound, int64_t bytes_max, bool at_least_one) const {
  ModelBatches read;
  int64_t bytes = 0;
  for (size_t i = FirstEndingAbove(offset); i < batches_.size() && batches_[i]->next <= bound; ++i) {
    bytes += static_cast<int64_t>(batches_[i]->bytes.size());
    const bool fits = bytes <= bytes_max || (read.empty() && at_least_one);
    if (!fits) break;
    read.push_back(batches_[i]);
  }
  return read;
}

}  // namespace slipstream::sim
