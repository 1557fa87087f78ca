#include "log/io/aligned_buffer.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(BufferPool, AFreeBufferIsHandedOutAgain) {
  BufferPool pool(2);
  BufferPool::Buffer first = pool.Take(100);
  const std::byte* const memory = first->data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % kPageBytes, 0u);
  first.reset();
  EXPECT_EQ(pool.Take(kPageBytes)->data(), memory) << "a page is the least there is";
}

TEST(BufferPool, ABufferInUseIsNot) {
  BufferPool pool(1);
  const BufferPool::Buffer first = pool.Take(100);
  const BufferPool::Buffer second = pool.Take(100);
  EXPECT_NE(second->data(), first->data());
}

TEST(BufferPool, ALargerBufferTakesThePlaceOfAFreeOneThatIsTooSmall) {
  BufferPool pool(1);
  (void)pool.Take(kPageBytes);
  const std::byte* const large = pool.Take(3 * kPageBytes)->data();
  const BufferPool::Buffer small = pool.Take(kPageBytes);
  EXPECT_EQ(small->data(), large);
  EXPECT_GE(small->capacity(), 3 * kPageBytes);
}

TEST(BufferPool, ABufferOutlivesItsPool) {
  BufferPool::Buffer buffer;
  {
    BufferPool pool(1);
    buffer = pool.Take(100);
  }
  buffer->data()[99] = std::byte{7};
  EXPECT_EQ(buffer->span()[99], std::byte{7});
}

}  // namespace
}  // namespace slipstream
