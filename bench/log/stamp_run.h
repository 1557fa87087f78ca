// The same run of batches at other offsets: base offsets lie outside the CRC, so stamping them is cheap.
#pragma once

#include <span>

#include "log/record_batch.h"

namespace slipstream {

// The first batch begins at `next`, each other one where the one before it ends. Returns where the last one ends.
// REQUIRES: only whole batches.
inline Offset StampRun(std::span<std::byte> run, Offset next) {
  BatchWalker walker(run);
  while (walker.Next()) {
    StampBaseOffset(run.subspan(walker.position().value, walker.batch().bytes().size()), next);
    next = walker.batch().next_offset();
  }
  return next;
}

}  // namespace slipstream
