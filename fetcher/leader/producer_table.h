// What a partition remembers of idempotent producers, to store each of their batches once and in order (LOG-80,
// LOG-81). In memory only: after a restart a producer is unknown, and its next batch is taken as it comes. Pure.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <optional>

#include "log/offset.h"
#include "log/record_batch.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

class ProducerTable {
 public:
  static constexpr size_t kProducersMax = 10'000;  // the one that wrote longest ago is forgotten first

  struct Verdict {
    KafkaError error = KafkaError::kNone;
    std::optional<Offset> duplicate_of;  // set: stored before, beginning at this offset; answer so and do not append
  };
  // REQUIRES: batch.producer_id() >= 0.
  Verdict Check(RecordBatchView batch) const;
  // After the batch was appended at `base_offset`.
  void Remember(RecordBatchView batch, Offset base_offset);

  size_t size() const { return producers_.size(); }

 private:
  static constexpr size_t kBatchesKept = 5;  // as many as a producer may have in flight

  struct StoredBatch {
    int32_t first_sequence = -1, last_sequence = -1;
    Offset base_offset;
  };
  struct Producer {
    int16_t epoch = -1;
    std::array<StoredBatch, kBatchesKept> batches;  // a ring; `newest` is the last written
    size_t newest = 0;
    uint64_t last_use = 0;
  };

  void ForgetOldest();

  absl::flat_hash_map<int64_t, Producer> producers_;
  uint64_t uses_ = 0;
};

}  // namespace slipstream
