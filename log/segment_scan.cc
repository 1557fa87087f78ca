#include "log/segment_scan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "log/status.h"

namespace slipstream {
namespace {

// Past the page cache nobody reads ahead: a chunk is large enough to keep the disk's queue filled while it is read, and
// the checksums are made.
constexpr uint64_t kCachedChunkBytes = 1 << 20, kDirectChunkBytes = 4 << 20;

uint64_t RoundDown(uint64_t value, uint64_t to) { return value - value % to; }
uint64_t RoundUp(uint64_t value, uint64_t to) { return RoundDown(value + to - 1, to); }

// As large as it can be within `buffer`, which is at least an alignment long.
std::span<std::byte> AlignedPart(std::vector<std::byte>& buffer) {
  void* start = buffer.data();
  size_t left = buffer.size();
  std::align(kDirectAlignmentMax, kDirectAlignmentMax, start, left);
  return {static_cast<std::byte*>(start), RoundDown(left, kDirectAlignmentMax)};
}

}  // namespace

SegmentScan::SegmentScan(File& file, uint64_t file_bytes, std::vector<std::byte>& buffer, ScanMode mode)
    : file_(file), file_bytes_(file_bytes), buffer_(buffer), walker_(ByteSpan()) {
  // A small file is one read either way, and one less to open; it may be in memory still.
  if (mode == ScanMode::kDirect && file_bytes >= kCachedChunkBytes) direct_ = file_.PrepareDirect().has_value();
  if (direct_) block_bytes_ = kDirectAlignmentMax;
  const uint64_t chunk = direct_ ? kDirectChunkBytes : kCachedChunkBytes;
  const uint64_t wanted = RoundUp(std::clamp<uint64_t>(file_bytes, 1, chunk), kDirectAlignmentMax);
  if (buffer_.size() < wanted + kDirectAlignmentMax) buffer_.resize(wanted + kDirectAlignmentMax);
  window_ = AlignedPart(buffer_);
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
  const uint64_t left_in_window = window_end().value - from.value;
  if (left_in_window == left_in_file) return false;
  const FilePosition keep_from{RoundDown(from.value, block_bytes_)};
  const uint64_t before = from.value - keep_from.value;
  uint64_t needed = 1;
  if (left_in_window >= kBatchOverheadBytes) {
    // The walker refuses a length below the minimum, so this one is sound or cut.
    const auto length = ReadBigEndian<int32_t>(window_, from.value - window_at_.value + BatchField::kLength);
    needed = kBatchOverheadBytes + static_cast<uint64_t>(length);
    if (needed > left_in_file) return false;
  }
  SLIP_RETURN_IF_ERROR(ReadOn(keep_from, before + needed));
  walk_from_ = from;
  walker_ = BatchWalker(ByteSpan(window_).subspan(before, window_filled_ - before), from);
  return true;
}

// Moves what the window holds from `keep_from` on to its start and fills the rest, which makes at least `bytes_min` of
// them. REQUIRES: the window holds `keep_from`, or ends there; the file has that many.
absl::Status SegmentScan::ReadOn(FilePosition keep_from, uint64_t bytes_min) {
  const std::span<std::byte> kept =
      window_.subspan(keep_from.value - window_at_.value, window_end().value - keep_from.value);
  if (bytes_min > window_.size()) {
    std::vector<std::byte> larger(RoundUp(bytes_min, kDirectAlignmentMax) + kDirectAlignmentMax);
    const std::span<std::byte> window = AlignedPart(larger);
    std::ranges::copy(kept, window.begin());
    buffer_ = std::move(larger);
    window_ = window;
  } else {
    std::memmove(window_.data(), kept.data(), kept.size());
  }
  const FilePosition from = window_end();
  const uint64_t left_in_file = file_bytes_ - from.value;
  const std::span<std::byte> room = window_.subspan(kept.size());
  const std::span<std::byte> into = room.first(std::min<uint64_t>(room.size(), RoundUp(left_in_file, block_bytes_)));
  SLIP_ASSIGN_OR_RETURN(const size_t got, direct_ ? file_.ReadDirectAt(into, from) : file_.ReadAt(into, from));
  const uint64_t taken = std::min<uint64_t>(got, left_in_file);
  window_at_ = keep_from;
  window_filled_ = kept.size() + taken;
  if (taken == std::min<uint64_t>(into.size(), left_in_file)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(file_.path().string(), ": ended at byte ", from.value + taken, " of ", file_bytes_));
}

}  // namespace slipstream
