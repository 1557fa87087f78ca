#include "log/io/direct_appender.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {
namespace {

uint64_t RoundDown(uint64_t value, uint64_t to) { return value & ~(to - 1); }
uint64_t RoundUp(uint64_t value, uint64_t to) { return RoundDown(value + to - 1, to); }

}  // namespace

DirectAppender::DirectAppender(std::shared_ptr<File> file, DirectAlignment alignment, uint64_t end, uint64_t size_max)
    : file_(std::move(file)), alignment_(alignment), end_(end), size_max_(size_max) {}

absl::StatusOr<std::unique_ptr<DirectAppender>> DirectAppender::Create(std::shared_ptr<File> file, uint64_t end,
                                                                       uint64_t size_max) {
  const std::optional<DirectAlignment> alignment = file->PrepareDirect();
  if (!alignment) return std::unique_ptr<DirectAppender>();
  std::unique_ptr<DirectAppender> appender(new DirectAppender(std::move(file), *alignment, end, size_max));
  SLIP_ASSIGN_OR_RETURN(appender->allocated_, appender->file_->Size());
  const uint64_t filled = end % alignment->file;
  SLIP_ASSIGN_OR_RETURN(const size_t got,
                        appender->file_->ReadAt(appender->head_.span().first(filled), FilePosition{end - filled}));
  if (got < filled)
    return absl::DataLossError(absl::StrCat(appender->file_->path().native(), ": ended before byte ", end));
  return appender;
}

absl::Status DirectAppender::GrowFor(uint64_t bytes) {
  const uint64_t needed = RoundUp(end_ + bytes, alignment_.file);
  if (needed <= allocated_) return absl::OkStatus();
  // As much ahead as there is, up to a step of a large file: thousands of small ones must not take the disk for it.
  const uint64_t ahead = std::min(RoundUp(end_, alignment_.file), kGrowBytesMax);
  const uint64_t wanted = std::max(needed, std::min(RoundDown(size_max_, alignment_.file), needed + ahead));
  absl::Status grown = file_->Allocate(wanted);
  if (absl::IsResourceExhausted(grown) && wanted > needed) {
    // No room for a whole step may still be room for this.
    SLIP_RETURN_IF_ERROR(file_->Truncate(allocated_));
    grown = file_->Allocate(needed);
    if (grown.ok()) allocated_ = needed;
    return grown;
  }
  if (grown.ok()) allocated_ = wanted;
  return grown;
}

asio::awaitable<absl::Status> DirectAppender::Append(IoQueue& queue, ByteSpan bytes) {
  const absl::Status grown = GrowFor(bytes.size());
  if (!grown.ok()) co_return grown;
  const uint64_t block = alignment_.file;
  const uint64_t filled = end_ % block;
  const uint64_t into_head = filled == 0 ? 0 : std::min<uint64_t>(bytes.size(), block - filled);
  ByteSpan middle = bytes.subspan(into_head);
  const ByteSpan rest = middle.last(middle.size() % block);
  middle = middle.first(middle.size() - rest.size());

  // The block that is there in part goes first, then whole blocks, then the block that is left in part.
  const ByteSpan head = filled == 0 ? ByteSpan() : ByteSpan(head_.span().first(block));
  if (into_head > 0) {
    std::memcpy(head_.data() + filled, bytes.data(), into_head);
    std::memset(head_.data() + filled + into_head, 0, block - filled - into_head);
  }
  if (!rest.empty()) {
    std::memcpy(tail_.data(), rest.data(), rest.size());
    std::memset(tail_.data() + rest.size(), 0, block - rest.size());
  }
  const ByteSpan tail = rest.empty() ? ByteSpan() : ByteSpan(tail_.span().first(block));
  const FilePosition at{end_ - filled};
  const bool in_place = reinterpret_cast<uintptr_t>(middle.data()) % alignment_.memory == 0;
  absl::Status written;
  if (in_place || middle.empty()) {
    written = co_await queue.WriteDirect(*file_, DirectParts{head, middle, tail}, at);
  } else {
    if (bounce_ == nullptr) bounce_ = std::make_unique<AlignedBuffer>(kBounceBytes);
    if (!head.empty()) written = co_await queue.WriteDirect(*file_, DirectParts{head}, at);
    FilePosition next = at + head.size();
    while (written.ok() && !middle.empty()) {
      const size_t piece = std::min(middle.size(), kBounceBytes);
      std::memcpy(bounce_->data(), middle.data(), piece);
      middle = middle.subspan(piece);
      const ByteSpan copied(bounce_->data(), piece);
      const DirectParts parts{copied, middle.empty() ? tail : ByteSpan()};
      written = co_await queue.WriteDirect(*file_, parts, next);
      next = next + piece;
    }
  }
  if (!written.ok()) co_return written;
  end_ += bytes.size();
  if (!rest.empty()) std::memcpy(head_.data(), tail_.data(), rest.size());
  co_return absl::OkStatus();
}

}  // namespace slipstream
