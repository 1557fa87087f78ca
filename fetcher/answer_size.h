// How much a lane asks for at once. Pure: times are arguments.
#pragma once

#include <chrono>
#include <cstdint>

namespace slipstream {

// Small answers stay in the processor's cache, but over a link with a delay every answer costs a round trip, whatever
// its size: there it grows until waiting is a small part of a round (bandwidth x delay, found by trying), and shrinks
// again when that is over.
class AnswerSize {
 public:
  using Duration = std::chrono::nanoseconds;

  // REQUIRES: 0 < start_bytes <= max_bytes.
  AnswerSize(int32_t start_bytes, int32_t max_bytes);

  int32_t bytes() const { return bytes_; }
  // An answer came. `waited`: with nothing to do but to wait for its first byte; `round`: since the one before it.
  void OnAnswer(int64_t answer_bytes, Duration waited, Duration round);

 private:
  const int32_t start_bytes_, max_bytes_;
  int32_t bytes_;
  int rounds_without_waiting_ = 0;  // in a row
};

}  // namespace slipstream
