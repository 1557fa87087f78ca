// Finds a host's addresses. The system's look-up blocks and cannot be stopped, so it runs on a thread of its own, which
// is left behind when nobody wants its answer any more.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <string>
#include <vector>

#include "log/asio.h"

namespace slipstream {

using HostAddresses = std::vector<asio::ip::address>;

// Used by coroutines of one thread, one look-up at a time.
class HostLookup {
 public:
  // Blocks; called on a thread of its own, which may outlive everything here.
  using BlockingLookup = std::function<absl::StatusOr<HostAddresses>(const std::string& host)>;

  // Asks the system unless told whom to ask.
  explicit HostLookup(const asio::any_io_executor& executor, BlockingLookup look_up = nullptr);

  // An address as text is its own answer, without a thread. Errors: kUnavailable, kCancelled after Cancel.
  asio::awaitable<absl::StatusOr<HostAddresses>> Find(std::string host);
  // Ends Find at once, whatever the system is doing.
  void Cancel();

 private:
  struct Question;

  asio::posix::stream_descriptor answered_;  // becomes readable with the answer
  BlockingLookup look_up_;
};

}  // namespace slipstream
