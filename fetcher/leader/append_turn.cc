#include "fetcher/leader/append_turn.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipstream {

asio::awaitable<void> AppendTurn::Take() {
  if (!taken_) {
    taken_ = true;
    co_return;
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer called(executor, asio::steady_timer::time_point::max());
  waiting_.push_back(&called);
  co_await called.async_wait(asio::as_tuple(asio::use_awaitable));
}

// The turn goes straight to the one who waits longest: taken_ stays set, so that no newcomer slips in between.
void AppendTurn::Release() {
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  waiting_.front()->cancel();
  waiting_.pop_front();
}

}  // namespace slipstream
