#include "log/io/io_ring.h"

#include <absl/strings/str_cat.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <new>
#include <system_error>

#include "log/check.h"
#include "log/io/blocking_queue.h"

namespace slipstream {
namespace {

// Not yet in Debian 12's headers: write through the page cache and drop the pages once written (Linux 6.14).
constexpr int kRwfDontCache = 0x80;
// Below this a write into the page cache is done before a worker thread would have woken for it.
constexpr size_t kWriteNowBytesMax = 64 << 10;
constexpr size_t kWriteBytesMax = 1 << 30;  // one request; the kernel itself stops at 2 GiB

}  // namespace

// A slot: holds the suspended caller in place, so that starting an operation allocates nothing.
struct IoRing::Operation {
  alignas(std::max_align_t) std::byte handler[128];
  void (*resume)(Operation&) = nullptr;
  int result = 0;

  template <typename Handler>
  void Hold(Handler&& value) {
    using Held = std::decay_t<Handler>;
    static_assert(sizeof(Held) <= sizeof(handler));
    new (handler) Held(std::forward<Handler>(value));
    resume = [](Operation& operation) {
      Held* held = std::launder(reinterpret_cast<Held*>(operation.handler));
      Held taken(std::move(*held));
      held->~Held();
      std::move(taken)(operation.result);
    };
  }
};

IoRing::IoRing(asio::io_context& io, unsigned operations_max)
    : IoQueue(kWriteNowBytesMax), io_(io), eventfd_(io), slot_free_(io.get_executor()) {
  for (unsigned i = 0; i < operations_max; ++i) {
    operations_.push_back(std::make_unique<Operation>());
    free_.push_back(operations_.back().get());
  }
  completed_.reserve(operations_max);
}

IoRing::~IoRing() {
  SLIP_CHECK_EQ(free_.size(), operations_.size());
  *alive_ = false;
  if (ring_.ring_fd > 0) io_uring_queue_exit(&ring_);
}

absl::StatusOr<std::unique_ptr<IoRing>> IoRing::Create(asio::io_context& io, unsigned operations_max) {
  std::unique_ptr<IoRing> ring(new IoRing(io, operations_max));
  const int made =
      io_uring_queue_init(operations_max, &ring->ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (made < 0) {
    ring->ring_.ring_fd = -1;
    return absl::UnavailableError(absl::StrCat("io_uring: ", std::generic_category().message(-made)));
  }
  const int wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wakeup < 0)
    return absl::ResourceExhaustedError(absl::StrCat("eventfd: ", std::generic_category().message(errno)));
  boost::system::error_code assigned;
  ring->eventfd_.assign(wakeup, assigned);
  if (assigned) {
    ::close(wakeup);
    return absl::ResourceExhaustedError(absl::StrCat("eventfd: ", assigned.message()));
  }
  if (const int registered = io_uring_register_eventfd(&ring->ring_, wakeup); registered < 0)
    return absl::UnavailableError(absl::StrCat("io_uring eventfd: ", std::generic_category().message(-registered)));
  asio::co_spawn(io, ring->DrainCompletions(ring->alive_), RethrowException{});
  return ring;
}

asio::awaitable<absl::Status> IoRing::Write(File& file, ByteSpan bytes, FilePosition at, WriteHint hint) {
  if (hint == WriteHint::kCached && bytes.size() <= kWriteNowBytesMax) co_return WriteNow(file, bytes, at);
  while (!bytes.empty()) {
    const bool uncached = hint == WriteHint::kBulk && uncached_writes_;
    io_uring_sqe request;
    io_uring_prep_write(&request, file.descriptor(), bytes.data(),
                        static_cast<unsigned>(std::min(bytes.size(), kWriteBytesMax)), at.value);
    if (uncached) request.rw_flags = kRwfDontCache;
    const int result = co_await Run(request);
    if (result == -EOPNOTSUPP && uncached) {
      uncached_writes_ = false;
      continue;
    }
    if (result == -EINTR || result == -EAGAIN) continue;
    if (result <= 0) co_return ErrnoToStatus(result < 0 ? -result : EIO, "write", file.path());
    bytes = bytes.subspan(static_cast<size_t>(result));
    at = at + static_cast<uint64_t>(result);
  }
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> IoRing::WriteDirect(File& file, DirectParts parts, FilePosition at) {
  std::array<iovec, std::tuple_size_v<DirectParts>> pieces;
  unsigned count = 0;
  uint64_t size = 0;
  for (const ByteSpan part : parts) {
    if (part.empty()) continue;
    pieces[count++] = {const_cast<std::byte*>(part.data()), part.size()};
    size += part.size();
  }
  int result = -EINTR;
  while (result == -EINTR || result == -EAGAIN) {
    io_uring_sqe request;
    io_uring_prep_writev(&request, file.direct_descriptor(), pieces.data(), count, at.value);
    result = co_await Run(request);
  }
  if (result < 0) co_return ErrnoToStatus(-result, "write", file.path());
  // A direct write is cut short only by a disk that has no room or fails: the caller cuts the file and starts over.
  if (static_cast<uint64_t>(result) < size) co_return ErrnoToStatus(ENOSPC, "write", file.path());
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> IoRing::Sync(File& file) {
  io_uring_sqe request;
  io_uring_prep_fsync(&request, file.descriptor(), 0);
  const int result = co_await Run(request);
  if (result < 0) co_return SyncErrnoToStatus(-result, file.path());
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> IoRing::Remove(FileIo&, const std::filesystem::path& path) {
  io_uring_sqe request;
  io_uring_prep_unlink(&request, path.c_str(), 0);
  const int result = co_await Run(request);
  if (result < 0 && result != -ENOENT) co_return ErrnoToStatus(-result, "unlink", path);
  co_return absl::OkStatus();
}

asio::awaitable<int> IoRing::Run(io_uring_sqe prepared) {
  while (free_.empty()) co_await slot_free_.Wait();
  Operation* operation = free_.back();
  free_.pop_back();
  io_uring_sqe* request = io_uring_get_sqe(&ring_);
  SLIP_CHECK(request != nullptr);  // as many entries as slots
  *request = prepared;
  io_uring_sqe_set_data(request, operation);
  PostSubmit();
  const auto hold = [](auto&& handler, Operation* slot) { slot->Hold(std::forward<decltype(handler)>(handler)); };
  const int result =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(int)>(hold, asio::use_awaitable, operation);
  co_return result;
}

void IoRing::PostSubmit() {
  if (std::exchange(submit_posted_, true)) return;
  asio::post(io_, [this, alive = alive_] {
    if (!*alive) return;
    submit_posted_ = false;
    const int submitted = io_uring_submit(&ring_);
    const bool refused = submitted == -EAGAIN || submitted == -EBUSY || submitted == -EINTR;
    SLIP_CHECK(submitted >= 0 || refused);
    if (refused || io_uring_sq_ready(&ring_) > 0) PostSubmit();  // the rest goes with the next turn
  });
}

asio::awaitable<void> IoRing::DrainCompletions(std::shared_ptr<const bool> alive) {
  while (*alive) {
    auto [error] =
        co_await eventfd_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (!*alive || error == asio::error::operation_aborted) co_return;  // the ring is going away
    SLIP_CHECK(!error);
    eventfd_t ignored = 0;
    (void)::eventfd_read(eventfd_.native_handle(), &ignored);
    ResumeCompleted();
  }
}

void IoRing::ResumeCompleted() {
  io_uring_get_events(&ring_);  // DEFER_TASKRUN: completions are posted only when this thread asks
  completed_.clear();
  io_uring_cqe* completion = nullptr;
  while (io_uring_peek_cqe(&ring_, &completion) == 0) {
    auto* operation = static_cast<Operation*>(io_uring_cqe_get_data(completion));
    operation->result = completion->res;
    completed_.push_back(operation);
    io_uring_cqe_seen(&ring_, completion);
  }
  for (size_t i = 0; i < completed_.size(); ++i) {
    Operation* operation = completed_[i];
    // The caller's handler is moved out before it runs, so its slot is free for what it queues next.
    free_.push_back(operation);
    operation->resume(*operation);
  }
  if (!completed_.empty()) slot_free_.NotifyAll();
}

std::unique_ptr<IoQueue> MakeIoQueue(asio::io_context& io) {
  auto ring = IoRing::Create(io);
  if (ring.ok()) return *std::move(ring);
  return std::make_unique<BlockingIoQueue>();
}

}  // namespace slipstream
