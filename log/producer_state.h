// What a log knows of its producers: who wrote last with which sequence, and whose transactions are open. Rebuilt from
// the batches themselves; LOG-80, LOG-112..LOG-116. Plain data and its transitions: no file, no clock. Belongs to one
// PartitionLog, its thread.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "log/offset.h"
#include "log/record_batch.h"

namespace slipstream {

// One data batch of a producer, as far as telling a repeated one needs it.
struct ProducerBatch {
  int32_t last_sequence = -1;
  Offset last_offset;
  int32_t offset_delta = 0;
  Timestamp timestamp;
  bool operator==(const ProducerBatch&) const = default;
};

struct ProducerState {
  static constexpr size_t kBatchesMax = 5;  // what a client may have in flight

  int16_t epoch = -1;
  int32_t coordinator_epoch = -1;  // of the last transaction marker
  Timestamp last_timestamp;        // of records: the clock by which the producer expires
  std::optional<Offset> transaction_first_offset;
  uint8_t batch_count = 0;
  std::array<ProducerBatch, kBatchesMax> batches;  // the oldest first; only of this epoch

  std::optional<ProducerBatch> last_batch() const;
  void BecomeEpoch(int16_t new_epoch);  // another epoch's batches are forgotten
  void AddBatch(const ProducerBatch& batch);
  bool operator==(const ProducerState& other) const;
};

// A transaction that a marker closed.
struct CompletedTransaction {
  int64_t producer_id = -1;
  Offset first_offset, last_offset;  // the last is the marker's
  bool aborted = false;
  bool operator==(const CompletedTransaction&) const = default;
};

class ProducerStateTable {
 public:
  // Takes a batch in that is in the log now. Returns the transaction it closed, which counts as unstable until
  // OnHighWatermark passes its marker. Batches without a producer only move end_offset(). Nothing is refused: what is
  // in the log is history (LOG-69, LOG-186).
  std::optional<CompletedTransaction> Apply(const RecordBatchView& batch);
  // The offset that a reader of committed records could go to just before `completed` was closed: what its entry in the
  // transaction index says (LOG-121). REQUIRES: Apply just returned it.
  Offset LastStableOffsetAt(const CompletedTransaction& completed) const;

  // Forgets completed transactions whose marker is below the high watermark (LOG-113).
  void OnHighWatermark(Offset high_watermark);
  // The first offset of the oldest transaction that is open, or closed by a marker that is not replicated yet.
  std::optional<Offset> FirstUnstableOffset() const;

  // Drops producers without an open transaction whose last record is `expiration` old or older (LOG-116, LOG-189).
  void ExpireBefore(Timestamp now, std::chrono::milliseconds expiration);

  // Everything below is taken in: the number of a snapshot taken now.
  Offset end_offset() const { return end_offset_; }
  void AdvanceEndTo(Offset offset) { end_offset_ = std::max(end_offset_, offset); }
  void Restore(int64_t producer_id, const ProducerState& state);  // from a snapshot

  const ProducerState* Find(int64_t producer_id) const;
  const absl::flat_hash_map<int64_t, ProducerState>& producers() const { return producers_; }

 private:
  std::optional<CompletedTransaction> ApplyMarker(const RecordBatchView& batch);

  Offset end_offset_{0};
  absl::flat_hash_map<int64_t, ProducerState> producers_;
  // Half as large as std::map where they are empty, which in most logs they are.
  absl::btree_map<Offset, int64_t> open_;         // first offset of an open transaction -> its producer
  absl::btree_map<Offset, Offset> unreplicated_;  // first offset of a completed one -> its marker
};

// Which batches of a run a follower must refuse although their bytes are right: one outside a transaction by a producer
// whose transaction is open (LOG-70), and a marker that cannot be read. Looks at a run of batches before any of it is
// written; costs nothing for batches without a producer.
class ProducerRunCheck {
 public:
  explicit ProducerRunCheck(const ProducerStateTable& table) : table_(table) {}
  // The next batch of the run. kDataLoss names what is wrong with it.
  absl::Status Check(const RecordBatchView& batch);

 private:
  bool InTransaction(int64_t producer_id) const;

  const ProducerStateTable& table_;
  absl::flat_hash_map<int64_t, bool> in_transaction_;  // producers whose state this run changed
};

}  // namespace slipstream
