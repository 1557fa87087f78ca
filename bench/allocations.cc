#include "bench/allocations.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {
thread_local uint64_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// Asio takes memory for coroutines by it.
extern "C" void* aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return ::memalign(alignment, size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace slipstream {

uint64_t Allocations() { return allocations; }

}  // namespace slipstream
