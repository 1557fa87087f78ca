#include "log/io/aligned_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace slipstream {
namespace {

constexpr size_t kHugePageBytes = 2 << 20;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

AlignedBuffer::AlignedBuffer(size_t capacity) : capacity_(RoundUp(std::max<size_t>(capacity, 1), kPageBytes)) {
  const bool huge = capacity_ >= kHugePageBytes;
  if (huge) capacity_ = RoundUp(capacity_, kHugePageBytes);
  data_ = static_cast<std::byte*>(std::aligned_alloc(huge ? kHugePageBytes : kPageBytes, capacity_));
  if (data_ == nullptr) throw std::bad_alloc();
  if (huge) (void)::madvise(data_, capacity_, MADV_HUGEPAGE);  // only a wish: fewer faults, fewer TLB misses
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

BufferPool::Buffer BufferPool::Take(size_t bytes) {
  std::unique_ptr<AlignedBuffer> taken;
  auto& kept = free_->buffers;
  const auto fits = [bytes](const std::unique_ptr<AlignedBuffer>& buffer) { return buffer->capacity() >= bytes; };
  if (const auto found = std::find_if(kept.begin(), kept.end(), fits); found != kept.end()) {
    taken = std::move(*found);
    kept.erase(found);
  } else {
    // A larger one will serve what the smaller ones served: do not keep both.
    if (!kept.empty()) kept.pop_back();
    taken = std::make_unique<AlignedBuffer>(bytes);
  }
  const auto give_back = [list = free_](AlignedBuffer* buffer) {
    std::unique_ptr<AlignedBuffer> owned(buffer);
    if (list->buffers.size() < list->kept_max) list->buffers.push_back(std::move(owned));
  };
  return Buffer(taken.release(), give_back);
}

}  // namespace slipstream
