#include "log/batch_header_reader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "log/status.h"

namespace slipstream {

absl::StatusOr<ByteSpan> BatchHeaderReader::PeekHeader() {
  const bool in_window = next_ >= window_at_ && next_.value + kBatchHeaderBytes <= window_at_.value + window_bytes_;
  if (!in_window) {
    const uint64_t left = end_ > next_ ? end_.value - next_.value : 0;
    window_at_ = next_;
    const std::span<std::byte> into(window_.data(), std::min<uint64_t>(window_.size(), left));
    SLIP_ASSIGN_OR_RETURN(window_bytes_, file_.ReadAt(into, next_));
  }
  const size_t at = next_.value - window_at_.value;
  return ByteSpan(window_.data() + at, std::min(kBatchHeaderBytes, window_bytes_ - at));
}

absl::StatusOr<bool> BatchHeaderReader::Next() {
  SLIP_ASSIGN_OR_RETURN(const ByteSpan bytes, PeekHeader());
  if (bytes.size() < kBatchPrefixBytes) return false;
  const auto corrupt = [&](const auto&... what) {
    return absl::DataLossError(
        absl::StrCat(file_.path().string(), ": record batch at byte ", next_.value, ": ", what...));
  };
  const auto length = ReadBigEndian<int32_t>(bytes, BatchField::kLength);
  const auto magic = static_cast<int8_t>(bytes[BatchField::kMagic]);
  if (length < kLegacyMessageBytesMin) return corrupt("length ", length, " below ", kLegacyMessageBytesMin);
  if (magic == 0 || magic == 1)
    return absl::UnimplementedError(absl::StrCat(file_.path().string(), ": record batch at byte ", next_.value,
                                                 ": message format ", magic, " (before Kafka 0.11)"));
  if (magic != 2) return corrupt("magic ", magic, " is not 2");
  const uint64_t size = kBatchOverheadBytes + static_cast<uint64_t>(length);
  if (size < kBatchHeaderBytes) return corrupt("length ", length, " below ", kBatchHeaderBytes - kBatchOverheadBytes);
  if (bytes.size() < kBatchHeaderBytes || next_.value + size > end_.value) return false;
  const RecordBatchView view(bytes);
  const int64_t base = view.base_offset().value;
  const int32_t delta = view.last_offset_delta();
  if (base < 0 || delta < 0 || base > std::numeric_limits<int64_t>::max() - delta - 1)
    return corrupt("base offset ", base, " with last offset delta ", delta);
  header_ = bytes;
  position_ = next_;
  next_ = next_ + size;
  return true;
}

}  // namespace slipstream
