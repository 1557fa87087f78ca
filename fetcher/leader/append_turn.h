// Whose turn it is to append to a partition: a log takes one append at a time, requests of several connections come at
// once. First come, first served. One thread.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include <deque>

#include "log/asio.h"

namespace slipstream {

class AppendTurn {
 public:
  // Returns when the turn is the caller's, who calls Release at its end.
  asio::awaitable<void> Take();
  void Release();

 private:
  bool taken_ = false;
  std::deque<asio::steady_timer*> waiting_;  // each lives in its waiter's Take
};

}  // namespace slipstream
