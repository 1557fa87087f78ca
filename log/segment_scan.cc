#include "log/segment_scan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

SegmentScan::SegmentScan(File& file, uint64_t file_bytes, std::vector<std::byte>& buffer)
    : file_(file), file_bytes_(file_bytes), buffer_(buffer), walker_(ByteSpan()) {
  const uint64_t wanted = std::min<uint64_t>(kBufferBytes, file_bytes);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
}

absl::StatusOr<bool> SegmentScan::Next() {
  while (!walker_.Next()) {
    if (absl::IsUnimplemented(walker_.status())) return Annotate(walker_.status(), file_.path().string());
    if (!walker_.status().ok()) return false;
    SLIP_ASSIGN_OR_RETURN(const bool more, Refill());
    if (!more) return false;
  }
  return true;
}

absl::StatusOr<bool> SegmentScan::Refill() {
  const FilePosition from = next_position();
  const uint64_t left_in_file = file_bytes_ - from.value;
  const uint64_t left_in_buffer = buffer_at_.value + buffer_filled_ - from.value;
  if (left_in_buffer == left_in_file) return false;
  if (left_in_buffer >= kBatchOverheadBytes) {
    // The walker refuses a length below the minimum, so this one is sound or cut.
    const auto length = ReadBigEndian<int32_t>(buffer_, from.value - buffer_at_.value + 8);
    const uint64_t needed = kBatchOverheadBytes + static_cast<uint64_t>(length);
    if (needed > left_in_file) return false;
    if (needed > buffer_.size()) buffer_.resize(needed);
  }
  const std::span<std::byte> into(buffer_.data(), std::min<uint64_t>(buffer_.size(), left_in_file));
  SLIP_ASSIGN_OR_RETURN(buffer_filled_, file_.ReadAt(into, from));
  buffer_at_ = from;
  walker_ = BatchWalker(ByteSpan(buffer_).first(buffer_filled_), from);
  if (buffer_filled_ < into.size())
    return absl::UnavailableError(
        absl::StrCat(file_.path().string(), ": ended at byte ", from.value + buffer_filled_, " of ", file_bytes_));
  return true;
}

}  // namespace slipstream
