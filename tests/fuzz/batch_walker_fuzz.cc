// Any bytes as a response's records: framing, then records, headers, control records and decompression of every batch.
// What must hold: no read out of bounds, no memory by a claimed length, whole batches lie back to back, and a batch
// that reads without error decodes to what its header says.
#include <cstdint>

#include "log/check.h"
#include "log/compression.h"
#include "log/control_record.h"
#include "log/record.h"
#include "log/record_batch.h"

namespace slipstream {
namespace {

constexpr size_t kPlainBytesMax = 1 << 20;

size_t Touch(ByteSpan bytes) {
  size_t sum = 0;
  for (const std::byte b : bytes) sum += static_cast<size_t>(b);
  return sum;
}

size_t ReadRecords(RecordBatchView batch) {
  std::vector<std::byte> storage;
  const absl::StatusOr<ByteSpan> plain = PlainRecords(batch, kPlainBytesMax, storage);
  if (!plain.ok()) return 0;
  SLIP_CHECK_LE(storage.size(), kPlainBytesMax);
  size_t sum = 0;
  int64_t seen = 0;
  Offset last = batch.base_offset() + -1;
  RecordCursor cursor(batch, *plain);
  while (cursor.Next()) {
    const Record& record = cursor.record();
    SLIP_CHECK(record.offset > last && record.offset <= batch.last_offset());
    last = record.offset;
    ++seen;
    sum += Touch(record.key.value_or(ByteSpan{})) + Touch(record.value.value_or(ByteSpan{}));
    RecordHeaders headers = record.headers;
    while (const auto header = headers.Next())
      sum += Touch(AsBytes(header->key)) + Touch(header->value.value_or(ByteSpan{}));
    if (batch.is_control()) {
      sum += ParseControlType(record.key.value_or(ByteSpan{})).ok();
      sum += ParseCoordinatorEpoch(record.value.value_or(ByteSpan{})).ok();
    }
  }
  if (cursor.status().ok()) SLIP_CHECK_EQ(seen, int64_t{batch.record_count()});
  return sum;
}

}  // namespace
}  // namespace slipstream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace slipstream;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data), size);
  BatchWalker walker(bytes);
  uint64_t end = 0;
  volatile size_t sink = 0;  // keeps the reads
  while (walker.Next()) {
    const RecordBatchView batch = walker.batch();
    SLIP_CHECK_EQ(walker.position().value, end);
    end += batch.bytes().size();
    SLIP_CHECK_EQ(walker.valid_bytes(), end);
    SLIP_CHECK_LE(end, uint64_t{size});
    SLIP_CHECK(batch.next_offset() > batch.base_offset());
    sink = sink + (batch.CrcValid() ? 1 : 0) + ReadRecords(batch);
  }
  // Each codec on its own too: a mutated header rarely survives long enough to reach them.
  if (size > 0) {
    const auto compression = static_cast<Compression>(data[0] % 5);
    const auto plain = Decompress(compression, bytes.subspan(1), kPlainBytesMax);
    if (plain.ok()) sink = sink + plain->size();
  }
  return 0;
}
