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
  auto too_small = kept_.end();
  for (auto buffer = kept_.begin(); buffer != kept_.end(); ++buffer) {
    if (buffer->use_count() > 1) continue;
    if ((*buffer)->capacity() >= bytes) return *buffer;
    too_small = buffer;
  }
  // A larger one will serve what the smaller one served: do not keep both.
  if (too_small != kept_.end()) kept_.erase(too_small);
  Buffer fresh = std::make_shared<AlignedBuffer>(bytes);
  if (kept_.size() < kept_max_) kept_.push_back(fresh);
  return fresh;
}

}  // namespace slipstream
