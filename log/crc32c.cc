#include "log/crc32c.h"

#include <isa-l/crc.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>

namespace slipstream {
namespace {

// ISA-L's AVX-512 code returns with the upper halves of the vector registers in use, and the next SSE instruction,
// which any code may have, then takes 200 ns: longer than the CRC of a small batch.
#ifdef __x86_64__
[[gnu::target("avx"), gnu::noinline]] void ClearUpperHalvesWithAvx() { _mm256_zeroupper(); }
void ClearUpperHalves() {
  if (__builtin_cpu_supports("avx")) ClearUpperHalvesWithAvx();
}
#else
void ClearUpperHalves() {}
#endif

}  // namespace

uint32_t Crc32c(ByteSpan bytes, uint32_t crc) {
  // ISA-L keeps the raw register: Kafka's CRC inverts it before and after. Its length is an int.
  uint32_t state = ~crc;
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), 1 << 30);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));  // ISA-L reads only
    state = crc32_iscsi(data, static_cast<int>(part), state);
    bytes = bytes.subspan(part);
  }
  ClearUpperHalves();
  return ~state;
}

}  // namespace slipstream
