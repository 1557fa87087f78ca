#include "fetcher/answer_size.h"

#include <algorithm>
#include <utility>

#include "log/check.h"

namespace slipstream {
namespace {

// More than a quarter of a round spent waiting is worth a larger answer.
constexpr int kWaitingShareMax = 4;
// Less than that is none; so many rounds of it in a row are no accident.
constexpr int kWaitingShareMin = 32;
constexpr int kRoundsToShrink = 64;

}  // namespace

AnswerSize::AnswerSize(int32_t start_bytes, int32_t max_bytes)
    : start_bytes_(start_bytes), max_bytes_(max_bytes), bytes_(start_bytes) {
  SLIP_CHECK(start_bytes > 0 && start_bytes <= max_bytes);
}

void AnswerSize::OnAnswer(int64_t answer_bytes, TimePoint now) {
  const auto waited = std::max(began_at_ - waiting_since_, TimePoint::duration::zero());
  const auto round = now - std::exchange(answered_at_, now);
  // One that is not full waited for records, not for the link.
  const bool full = answer_bytes >= int64_t{bytes_} / 4 * 3;
  if (full && waited * kWaitingShareMax > round) {
    bytes_ = bytes_ > max_bytes_ / 2 ? max_bytes_ : bytes_ * 2;
    rounds_without_waiting_ = 0;
    return;
  }
  rounds_without_waiting_ = waited * kWaitingShareMin < round ? rounds_without_waiting_ + 1 : 0;
  if (rounds_without_waiting_ < kRoundsToShrink) return;
  bytes_ = std::max(bytes_ / 2, start_bytes_);
  rounds_without_waiting_ = 0;
}

}  // namespace slipstream
