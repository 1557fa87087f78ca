#include "fetcher/leader/generated_run.h"

#include <algorithm>
#include <random>

#include "log/check.h"
#include "log/crc32c.h"
#include "log/record.h"
#include "log/record_batch.h"
#include "log/record_batch_writer.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kRecordBytes = 1024;   // about, all told
constexpr size_t kRecordOverhead = 16;  // lengths, deltas, no key, no headers

// Scrambles a counter into 64 bits that look random (SplitMix64).
uint64_t Scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

absl::StatusOr<GeneratedRun> GeneratedRun::Build(size_t batch_bytes, size_t run_bytes) {
  const size_t value_bytes = std::min(kRecordBytes, batch_bytes - kBatchHeaderBytes) - kRecordOverhead;
  const size_t records = std::max<size_t>(1, (batch_bytes - kBatchHeaderBytes) / (value_bytes + kRecordOverhead));
  const size_t batches = std::max<size_t>(1, run_bytes / batch_bytes);
  std::mt19937_64 random(batch_bytes);
  std::vector<std::byte> value(value_bytes);
  GeneratedRun run;
  for (size_t b = 0; b < batches; ++b) {
    RecordBatchWriter writer({});
    for (size_t r = 0; r < records; ++r) {
      std::ranges::generate(value, [&] { return static_cast<std::byte>(random()); });
      writer.Append({.timestamp = Timestamp{0}, .key = std::nullopt, .value = value, .headers = {}});
    }
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::byte> batch, std::move(writer).Finish());
    run.batch_size_ = batch.size();
    run.bytes_.insert(run.bytes_.end(), batch.begin(), batch.end());
  }
  run.records_per_batch_ = static_cast<int32_t>(records);
  const RecordBatchView first(ByteSpan(run.bytes_).first(run.batch_size_));
  RecordCursor cursor(first, first.records());
  while (cursor.Next())
    run.value_positions_.push_back(static_cast<size_t>(cursor.record().value->data() - run.bytes_.data()));
  SLIP_RETURN_IF_ERROR(cursor.status());
  return run;
}

ByteSpan GeneratedRun::Renew(size_t batches, Offset base_offset, LeaderEpoch epoch, Timestamp timestamp,
                             uint64_t seed) {
  SLIP_CHECK(batches > 0 && batches <= batch_count());
  for (size_t i = 0; i < batches; ++i) {
    const std::span<std::byte> batch = std::span(bytes_).subspan(i * batch_size_, batch_size_);
    RenewBatch(batch, base_offset, epoch, timestamp, seed);
    base_offset = base_offset + records_per_batch_;
    ++timestamp.value;
  }
  return ByteSpan(bytes_).first(batches * batch_size_);
}

void GeneratedRun::RenewBatch(std::span<std::byte> batch, Offset base_offset, LeaderEpoch epoch, Timestamp timestamp,
                              uint64_t seed) const {
  StampBaseOffset(batch, base_offset);
  StampLeaderEpoch(batch, epoch);
  WriteBigEndian<int64_t>(batch, BatchField::kBaseTimestamp, timestamp.value);
  WriteBigEndian<int64_t>(batch, BatchField::kMaxTimestamp, timestamp.value);  // the records' deltas are 0
  uint64_t content =
      Scramble(seed ^ Scramble(static_cast<uint64_t>(epoch.value))) ^ static_cast<uint64_t>(base_offset.value);
  for (const size_t position : value_positions_) WriteBigEndian<uint64_t>(batch, position, Scramble(content++));
  WriteBigEndian<uint32_t>(batch, BatchField::kCrc, Crc32c(ByteSpan(batch).subspan(BatchField::kAttributes)));
}

}  // namespace slipstream
