// A run of record batches that is built once and then made over and over into the next one: new offsets, epochs,
// timestamps and contents, without building a record again.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "log/bytes.h"
#include "log/offset.h"

namespace slipstream {

class GeneratedRun {
 public:
  // Batches of about `batch_bytes`, whole ones up to about `run_bytes` but at least one.
  static absl::StatusOr<GeneratedRun> Build(size_t batch_bytes, size_t run_bytes);

  // Makes the first `batches` of the run over for this place in a log; the bytes are valid until the next call. What is
  // in them follows from `seed`, `epoch` and the offsets alone. REQUIRES: 0 < batches <= batch_count().
  ByteSpan Renew(size_t batches, Offset base_offset, LeaderEpoch epoch, Timestamp timestamp, uint64_t seed);

  size_t batch_count() const { return bytes_.size() / batch_size_; }
  size_t batch_size() const { return batch_size_; }  // each batch has the same size
  int32_t records_per_batch() const { return records_per_batch_; }

 private:
  GeneratedRun() = default;
  void RenewBatch(std::span<std::byte> batch, Offset base_offset, LeaderEpoch epoch, Timestamp timestamp,
                  uint64_t seed) const;

  std::vector<std::byte> bytes_;  // batches, one after the other
  size_t batch_size_ = 0;
  int32_t records_per_batch_ = 0;
  std::vector<size_t> value_positions_;  // in a batch, the same in each
};

}  // namespace slipstream
