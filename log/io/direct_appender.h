// Appends to the end of one file past the page cache: bulk catch-up writes what nobody will read soon, and fresh pages
// of the cache are what such writing would spend its CPU on. Belongs to one Segment, its thread.
//
// The disk takes whole blocks. So the file's last block, as far as it is filled, is kept in memory and written again in
// front of what comes; what comes is written from where it lies when its blocks lie on multiples of the alignment there
// (see CongruentShift), else it is copied once. The file is grown ahead in steps: behind its content come zeros, where
// recovery stops, until the owner cuts it.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "log/asio.h"
#include "log/io/aligned_buffer.h"
#include "log/io/file_io.h"

namespace slipstream {

class DirectAppender {
 public:
  // `end` is where the content ends; the file is never grown beyond `size_max` for its own sake. nullptr: the file
  // system has no direct writes.
  static absl::StatusOr<std::unique_ptr<DirectAppender>> Create(std::shared_ptr<File> file, uint64_t end,
                                                                uint64_t size_max);

  // Writes `bytes` at the end. On error the end has not moved, and what was torn is behind it. `bytes` stay untouched
  // until this returns. No other Append runs.
  asio::awaitable<absl::Status> Append(IoQueue& queue, ByteSpan bytes);
  uint64_t end() const { return end_; }

 private:
  DirectAppender(std::shared_ptr<File> file, DirectAlignment alignment, uint64_t end, uint64_t size_max);
  absl::Status GrowFor(uint64_t bytes);

  static constexpr uint64_t kGrowBytesMax = 64 << 20;
  static constexpr size_t kBounceBytes = 1 << 20;

  std::shared_ptr<File> file_;
  DirectAlignment alignment_;
  uint64_t end_, size_max_;
  uint64_t allocated_ = 0;                                               // the file's own end, as far as we know
  AlignedBuffer head_{kDirectAlignmentMax}, tail_{kDirectAlignmentMax};  // the last block: as it is, as it will be
  std::unique_ptr<AlignedBuffer> bounce_;                                // made when something has to be copied
};

// How far into a buffer that begins on a block the bytes for `at` must be received, so that they lie as they will on
// the disk and are written without a copy.
inline uint64_t CongruentShift(FilePosition at) { return at.value % kDirectAlignmentMax; }

}  // namespace slipstream
