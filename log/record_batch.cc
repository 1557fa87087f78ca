#include "log/record_batch.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "log/check.h"
#include "log/crc32c.h"

namespace slipstream {
namespace {

constexpr int32_t kBatchLengthMin = static_cast<int32_t>(kBatchHeaderBytes - kBatchOverheadBytes);

bool AreOffsets(int64_t base, int32_t delta) {
  return base >= 0 && delta >= 0 && base <= std::numeric_limits<int64_t>::max() - delta - 1;
}

}  // namespace

int32_t AdvanceSequence(int32_t first, int32_t delta) {
  if (first < 0) return -1;
  const int64_t sequence = static_cast<int64_t>(first) + delta;
  return static_cast<int32_t>(sequence & std::numeric_limits<int32_t>::max());
}

bool RecordBatchView::CrcValid() const { return Crc32c(bytes_.subspan(BatchField::kAttributes)) == crc(); }

void StampBaseOffset(std::span<std::byte> batch, Offset base_offset) {
  WriteBigEndian<int64_t>(batch, BatchField::kBaseOffset, base_offset.value);
}

void StampLeaderEpoch(std::span<std::byte> batch, LeaderEpoch epoch) {
  WriteBigEndian<int32_t>(batch, BatchField::kPartitionLeaderEpoch, epoch.value);
}

bool BatchWalker::Next() {
  const ByteSpan rest = bytes_.subspan(next_at_);
  if (rest.empty()) return false;
  if (rest.size() < kBatchHeaderBytes || !status_.ok()) return Stop(rest);
  const RecordBatchView view(rest);
  const auto length = ReadBigEndian<int32_t>(rest, BatchField::kLength);
  const int64_t base = view.base_offset().value;
  const int32_t delta = view.last_offset_delta();
  const size_t size = kBatchOverheadBytes + static_cast<size_t>(length);
  if (view.magic() != 2 || length < kBatchLengthMin || rest.size() < size || !AreOffsets(base, delta))
    return Stop(rest);
  batch_ = rest.first(size);
  batch_at_ = next_at_;
  next_at_ += size;
  return true;
}

bool BatchWalker::Stop(ByteSpan rest) {
  if (!status_.ok() || rest.size() < kBatchOverheadBytes) return false;
  const auto corrupt = [&](const auto&... what) {
    status_ = absl::DataLossError(absl::StrCat("record batch at byte ", (start_ + next_at_).value, ": ", what...));
    return false;
  };
  const auto length = ReadBigEndian<int32_t>(rest, BatchField::kLength);
  if (length < kLegacyMessageBytesMin) return corrupt("length ", length, " below ", kLegacyMessageBytesMin);
  if (rest.size() < kBatchPrefixBytes) return false;
  const auto magic = static_cast<int8_t>(rest[BatchField::kMagic]);
  if (magic == 0 || magic == 1) {
    status_ = absl::UnimplementedError(absl::StrCat("record batch at byte ", (start_ + next_at_).value,
                                                    ": message format ", magic, " (before Kafka 0.11)"));
    return false;
  }
  if (magic != 2) return corrupt("magic ", magic, " is not 0, 1 or 2");
  if (length < kBatchLengthMin) return corrupt("length ", length, " below ", kBatchLengthMin);
  if (rest.size() < kBatchOverheadBytes + static_cast<size_t>(length)) return false;
  const RecordBatchView view(rest);
  SLIP_CHECK(!AreOffsets(view.base_offset().value, view.last_offset_delta()));
  return corrupt("base offset ", view.base_offset().value, " with last offset delta ", view.last_offset_delta());
}

}  // namespace slipstream
