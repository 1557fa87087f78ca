// CRC-32C (Castagnoli), which guards record batches (LOG-02) and snapshots.
#pragma once

#include <cstdint>

#include "log/bytes.h"

namespace slipstream {

// Of `bytes`, continuing from `crc` of what came before; start with 0.
uint32_t Crc32c(ByteSpan bytes, uint32_t crc = 0);

}  // namespace slipstream
