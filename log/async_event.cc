#include "log/async_event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace slipstream {

// Coroutines stay out of headers: link-time optimisation takes g++'s numbering of their frames in two files for two
// types.
asio::awaitable<void> AsyncEvent::Wait() { co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable)); }

asio::awaitable<bool> InterruptibleSleep::For(std::chrono::nanoseconds duration) {
  rang_ = false;
  const Clock::TimePoint now = clock_.Now();
  // Far away is far enough: adding to now must not go past what the clock can say.
  const auto longest = Clock::TimePoint::max() - now;
  alarm_->Set(now + std::min<Clock::TimePoint::duration>(duration, longest), [this] {
    rang_ = true;
    woken_.NotifyAll();
  });
  co_await woken_.Wait();
  alarm_->Cancel();
  co_return rang_;
}

}  // namespace slipstream
