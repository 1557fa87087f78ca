// Time of day, as records and files carry it, and time that only goes forward, for pauses and deadlines: one of the
// four seams behind which the simulator runs the product's own code.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "log/asio.h"
#include "log/offset.h"

namespace slipstream {

// Rings once, at a time of its clock. Belongs to the thread of its executor, on which it rings.
class Alarm {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~Alarm() = default;  // as Cancel
  // Instead of what was set before. A time that is past: as soon as the thread is free.
  virtual void Set(TimePoint at, std::function<void()> ring) = 0;
  // What has not rung yet never will.
  virtual void Cancel() = 0;
};

class Clock {
 public:
  using TimePoint = Alarm::TimePoint;

  virtual ~Clock() = default;
  virtual Timestamp WallTime() = 0;
  // The machine's, unless the clock has a time of its own.
  virtual TimePoint Now();
  virtual std::unique_ptr<Alarm> MakeAlarm(const asio::any_io_executor& executor);
};

// The machine's own. Thread-safe; lives for the whole process.
Clock& SystemClock();

}  // namespace slipstream
