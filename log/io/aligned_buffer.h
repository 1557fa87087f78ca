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

// Hands out buffers and takes them back when the last owner lets go. One thread; a buffer may outlive its pool.
class BufferPool {
 public:
  using Buffer = std::shared_ptr<AlignedBuffer>;

  // `kept_max`: how many free buffers are kept for reuse.
  explicit BufferPool(size_t kept_max) : free_(std::make_shared<FreeList>(kept_max)) {}
  // A buffer of at least `bytes`, a kept one when one is large enough.
  Buffer Take(size_t bytes);

 private:
  struct FreeList {
    explicit FreeList(size_t max) : kept_max(max) {}
    size_t kept_max;
    std::vector<std::unique_ptr<AlignedBuffer>> buffers;
  };
  std::shared_ptr<FreeList> free_;  // shared with the deleters, so that a late buffer may outlive the pool
};

}  // namespace slipstream
