// IoQueue over io_uring: one ring per thread, made and used on that thread only; its eventfd sleeps in the thread's
// io_context, so that the loop sleeps in one place for sockets and files.
//
// Events of one write: (1) a slot is taken and the request queued; (2) the requests of this turn go out in one posted
// submit; (3) the eventfd wakes the drain loop, a hint only; (4) all completions are taken out of the ring; (5) only
// then their callers run, which may queue more.
#pragma once

#include <liburing.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <vector>

#include "log/async_event.h"
#include "log/io/file_io.h"

namespace slipstream {

class IoRing final : public IoQueue {
 public:
  // kUnavailable where the kernel refuses io_uring: use BlockingIoQueue then. `io` runs on this thread and outlives the
  // ring. `operations_max`: how many may be in flight; further callers wait.
  static absl::StatusOr<std::unique_ptr<IoRing>> Create(asio::io_context& io, unsigned operations_max = 64);
  ~IoRing() override;  // REQUIRES: no operation in flight
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint hint) override;
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override;
  asio::awaitable<absl::Status> Sync(File& file) override;
  asio::awaitable<absl::Status> Remove(FileIo& io, const std::filesystem::path& path) override;

 private:
  struct Operation;

  IoRing(asio::io_context& io, unsigned operations_max);
  asio::awaitable<int> Run(io_uring_sqe prepared);  // the request's result: bytes, or -errno
  void PostSubmit();
  asio::awaitable<void> DrainCompletions(std::shared_ptr<const bool> alive);
  void ResumeCompleted();

  asio::io_context& io_;
  io_uring ring_{};
  asio::posix::stream_descriptor eventfd_;
  AsyncEvent slot_free_;
  std::vector<std::unique_ptr<Operation>> operations_;  // all slots, fixed
  std::vector<Operation*> free_;
  std::vector<Operation*> completed_;  // reused between drains
  bool submit_posted_ = false;
  // False once the ring is gone: what was posted to the io_context before may still run after.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool uncached_writes_ = true;  // false once the file system refused RWF_DONTCACHE
};

// An IoRing where the kernel allows one, else a BlockingIoQueue.
std::unique_ptr<IoQueue> MakeIoQueue(asio::io_context& io);

}  // namespace slipstream
