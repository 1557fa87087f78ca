// The signals that end a run cleanly.
#pragma once

#include <boost/asio/signal_set.hpp>

#include <csignal>

namespace slipstream {

// SIGHUP is what a terminal sends when it goes away. Whoever started the program may have had it ignored (nohup): then
// it stays so.
inline void AddHangup(boost::asio::signal_set& signals) {
  struct sigaction before {};
  if (::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) return;
  signals.add(SIGHUP);
}

}  // namespace slipstream
