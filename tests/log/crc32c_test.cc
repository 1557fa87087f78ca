#include "log/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace slipstream {
namespace {

TEST(Crc32c, Log02_CheckValue) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283u);
  EXPECT_EQ(Crc32c({}), 0u);
}

TEST(Crc32c, Log02_ContinuesAcrossAnySplit) {
  const ByteSpan bytes = AsBytes("123456789");
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(Crc32c(bytes.subspan(cut), Crc32c(bytes.first(cut))), 0xe3069283u);
}

TEST(Crc32c, Log02_AgreesWithTheDefinitionBitByBit) {
  std::mt19937 random(7);
  for (const size_t size : {1, 7, 8, 9, 255, 1024, 4099}) {
    std::vector<std::byte> bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    uint32_t crc = ~0u;
    for (const std::byte b : bytes) {
      crc ^= static_cast<uint32_t>(b);
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    }
    EXPECT_EQ(Crc32c(bytes), ~crc) << size;
  }
}

}  // namespace
}  // namespace slipstream
