// A partition's log as one broker of the model has it: batches that never change, of which each knows the one before it
// in the log of the leader that wrote it. Two logs that share a batch are therefore equal up to it exactly when the
// batches before it are the same, all the way down (INV-02).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "log/leader_epoch_cache.h"
#include "log/offset.h"

namespace slipstream::sim {

struct ModelBatch {
  Offset base, next;
  LeaderEpoch epoch;
  std::vector<std::byte> bytes;
  const ModelBatch* before = nullptr;  // nullptr: its leader knew of none
  mutable bool committed = false;      // a leader had it below its high watermark
};

using ModelBatches = std::vector<const ModelBatch*>;

class ModelLog {
 public:
  Offset start() const { return start_; }
  Offset end() const { return end_; }
  const ModelBatches& batches() const { return batches_; }  // from the one that holds start() on
  const ModelBatch* last() const { return last_; }          // also when it is below start()
  bool Has(const ModelBatch& batch) const;

  void Append(const ModelBatch& batch);  // REQUIRES: it begins at end()
  void TruncateTo(Offset offset);        // to a batch boundary at or below it
  void RaiseStartTo(Offset offset);      // REQUIRES: offset <= end()
  void StartAnewAt(Offset offset);

  // Of the batches, and of the epoch in which it leads, if it wrote nothing in it yet.
  std::vector<EpochStart> Epochs(std::optional<LeaderEpoch> leads_in) const;
  // EC-05, from its own words: the largest epoch at or below `epoch` and where it ends; both -1 when unknown.
  EpochEndOffset EndOffsetFor(LeaderEpoch epoch, std::optional<LeaderEpoch> leads_in) const;
  // Whole batches from the one that holds `offset` on, none that ends above `bound`: at most so many bytes, but at
  // least one batch when `at_least_one`.
  ModelBatches Read(Offset offset, Offset bound, int64_t bytes_max, bool at_least_one) const;

 private:
  size_t FirstEndingAbove(Offset offset) const;

  Offset start_{0}, end_{0};
  ModelBatches batches_;
  const ModelBatch* last_ = nullptr;
};

}  // namespace slipstream::sim
