#include "fetcher/leader/delayed_fetch.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipstream {

asio::awaitable<void> DelayedFetch::WaitUntil(TimePoint deadline) {
  if (woken_) co_return;
  timer_.expires_at(deadline);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void DelayedFetch::OnAppend(uint64_t bytes) {
  missing_bytes_ -= static_cast<int64_t>(bytes);
  if (missing_bytes_ <= 0) Wake();
}

void DelayedFetch::Wake() {
  woken_ = true;
  timer_.cancel();
}

}  // namespace slipstream
