#include "fetcher/moves/log_view.h"

#include <boost/asio/post.hpp>

#include <mutex>
#include <utility>

namespace slipstream {

// Where an owner's thread finds this one. An owner that comes to look only after the view is gone, and its io_context
// with it, finds nobody.
struct LogView::Mailbox {
  explicit Mailbox(asio::io_context& thread_io) : io(thread_io) {}
  asio::io_context& io;
  std::mutex mutex;
  bool open = true;  // guarded by mutex
};

LogView::LogView(asio::io_context& io, LogOwner& owner)
    : owner_(owner), mailbox_(std::make_shared<Mailbox>(io)), looked_(io.get_executor()) {}

LogView::~LogView() {
  const std::lock_guard guard(mailbox_->mutex);
  mailbox_->open = false;
}

asio::awaitable<bool> LogView::See(TopicPartition partition, std::function<void(PartitionLog&)> look) {
  struct Answer {
    bool came = false, hosted = false;  // this thread's
  };
  const auto answer = std::make_shared<Answer>();
  owner_.LookAt(partition, [this, mailbox = mailbox_, answer, look = std::move(look)](PartitionLog* log) {
    if (log != nullptr) look(*log);
    const std::lock_guard guard(mailbox->mutex);
    if (!mailbox->open) return;
    asio::post(mailbox->io, [this, mailbox, answer, hosted = log != nullptr] {
      if (!mailbox->open) return;  // changed on this thread only
      *answer = {.came = true, .hosted = hosted};
      looked_.NotifyAll();
    });
  });
  while (!answer->came && !closed_) co_await looked_.Wait();
  co_return answer->hosted;
}

void LogView::Close() {
  closed_ = true;
  looked_.NotifyAll();
}

}  // namespace slipstream
