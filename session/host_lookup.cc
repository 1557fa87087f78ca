#include "session/host_lookup.h"

#include <absl/strings/str_cat.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include "log/check.h"

namespace slipstream {
namespace {

absl::StatusOr<HostAddresses> AskSystem(const std::string& host) {
  asio::io_context io;
  boost::system::error_code error;
  const auto found = asio::ip::tcp::resolver(io).resolve(host, "", error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot resolve host: ", error.message()));
  HostAddresses addresses;
  for (const auto& entry : found) addresses.push_back(entry.endpoint().address());
  return addresses;
}

absl::Status CannotAsk(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot resolve host: ", why));
}

}  // namespace

// What the two threads share.
struct HostLookup::Question {
  ~Question() {
    if (signal >= 0) ::close(signal);
  }
  std::string host;
  BlockingLookup look_up;
  absl::StatusOr<HostAddresses> answer;  // written until `answered`, read after it
  std::atomic<bool> answered{false};
  int signal = -1;  // an eventfd: wakes the one who asked
};

HostLookup::HostLookup(const asio::any_io_executor& executor, BlockingLookup look_up)
    : answered_(executor), look_up_(look_up ? std::move(look_up) : AskSystem) {}

asio::awaitable<absl::StatusOr<HostAddresses>> HostLookup::Find(std::string host) {
  boost::system::error_code error;
  const asio::ip::address literal = asio::ip::make_address(host, error);
  if (!error) co_return HostAddresses{literal};
  const auto question = std::make_shared<Question>();
  question->host = std::move(host);
  question->look_up = look_up_;
  question->signal = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  // A descriptor of its own, so that either side may let go first.
  const int watched = question->signal < 0 ? -1 : ::dup(question->signal);
  if (watched < 0) co_return CannotAsk(std::system_category().message(errno));
  answered_.assign(watched);
  std::string no_thread;
  try {
    std::thread([question] {
      question->answer = question->look_up(question->host);
      question->answered.store(true, std::memory_order_release);
      (void)::eventfd_write(question->signal, 1);
    }).detach();
  } catch (const std::system_error& thrown) {
    no_thread = thrown.what();
  }
  if (!no_thread.empty()) {
    Cancel();
    co_return CannotAsk(no_thread);
  }
  auto [wait_error] =
      co_await answered_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
  Cancel();
  if (wait_error) co_return absl::CancelledError("host look-up cancelled");
  SLIP_CHECK(question->answered.load(std::memory_order_acquire));
  co_return std::move(question->answer);
}

void HostLookup::Cancel() {
  boost::system::error_code ignored;
  answered_.close(ignored);
}

}  // namespace slipstream
