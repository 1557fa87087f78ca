// Looks at logs that other threads own, and waits until they were looked at. Used by one thread.
#pragma once

#include <functional>
#include <memory>

#include "fetcher/log_owner.h"
#include "log/async_event.h"

namespace slipstream {

class LogView {
 public:
  // `owner` outlives it; `io` is the thread's.
  LogView(asio::io_context& io, LogOwner& owner);
  ~LogView();
  LogView(const LogView&) = delete;
  LogView& operator=(const LogView&) = delete;

  // Runs `look` on the thread that owns the partition's log, and returns after it. False: it did not run, as nobody has
  // the log at the moment, or may still run, as Close came first: what it writes to is its own, or shared.
  asio::awaitable<bool> See(TopicPartition partition, std::function<void(PartitionLog&)> look);
  // Ends calls that wait; one that follows ends at once.
  void Close();
  bool closed() const { return closed_; }

 private:
  struct Mailbox;

  LogOwner& owner_;
  const std::shared_ptr<Mailbox> mailbox_;
  AsyncEvent looked_;
  bool closed_ = false;
};

}  // namespace slipstream
