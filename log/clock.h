// Time of day, as records and files carry it: one of the four seams behind which the simulator runs the product's own
// code.
#pragma once

#include "log/offset.h"

namespace slipstream {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp WallTime() = 0;
};

// The machine's own. Thread-safe; lives for the whole process.
Clock& SystemClock();

}  // namespace slipstream
