// How much a lane asks for at once. Pure: times are arguments.
#pragma once

#include <chrono>
#include <cstdint>

namespace slipstream {

// Small answers stay in the processor's cache, but over a link with a delay, or from a leader that thinks for long,
// every answer costs that time, whatever its size: there it grows until waiting is a small part of a round, and shrinks
// again when that is over.
class AnswerSize {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // REQUIRES: 0 < start_bytes <= max_bytes.
  AnswerSize(int32_t start_bytes, int32_t max_bytes);

  int32_t bytes() const { return bytes_; }
  // From now on there is nothing else to do but to wait for the answer.
  void OnWaiting(TimePoint now) { waiting_since_ = now; }
  // Its first bytes are there. Not told of small answers.
  void OnFirstBytes(TimePoint now) { began_at_ = now; }
  void OnAnswer(int64_t answer_bytes, TimePoint now);
  // None came. A large one may have been too much for the link.
  void OnFailure() { bytes_ = start_bytes_; }

 private:
  const int32_t start_bytes_, max_bytes_;
  int32_t bytes_;
  TimePoint waiting_since_, began_at_, answered_at_;
  int rounds_without_waiting_ = 0;  // in a row
};

}  // namespace slipstream
