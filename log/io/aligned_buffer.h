// Page-aligned memory that is received into and written from, over and over: fresh pages are what costs, so buffers are
// kept and reused instead of freed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace slipstream {

inline constexpr size_t kPageBytes = 4096;

class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t capacity);  // rounded up to whole pages; contents undefined
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  std::byte* data() { return data_; }
  size_t capacity() const { return capacity_; }
  std::span<std::byte> span() { return {data_, capacity_}; }

 private:
  size_t capacity_;
  std::byte* data_;
};

// Hands out buffers and uses them again once nobody else has them. One thread; a buffer may outlive its pool.
class BufferPool {
 public:
  using Buffer = std::shared_ptr<AlignedBuffer>;

  // `kept_max`: how many buffers are kept for reuse, those that are handed out among them.
  explicit BufferPool(size_t kept_max) : kept_max_(kept_max) { kept_.reserve(kept_max); }
  // A buffer of at least `bytes`, a kept one when one that is free is large enough.
  Buffer Take(size_t bytes);

 private:
  const size_t kept_max_;
  std::vector<Buffer> kept_;  // free when no other owner is left
};

}  // namespace slipstream
