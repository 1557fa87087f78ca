#include "session/server_connection.h"

#include <absl/strings/str_cat.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {
namespace {

using asio::ip::tcp;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// The smallest request header there is: key, version, correlation id.
constexpr int32_t kRequestBytesMin = 8;
// Memory follows the bytes that came, not the size that was claimed: at least this much, then twice what is there.
constexpr size_t kReadAhead = 1 << 20;
// A buffer that one large request blew up is not kept.
constexpr size_t kBufferBytesKept = 8 << 20;
// One call's share: between two of them others get their turn.
constexpr size_t kSendFileBytes = 1 << 20;
constexpr size_t kCopyBytes = 64 << 10;

std::string PeerName(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  return error ? "a client" : absl::StrCat("client ", peer.address().to_string(), ":", peer.port());
}

absl::Status Lost(absl::string_view doing, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("connection lost while ", doing, ": ", why));
}

}  // namespace

ServerConnection::ServerConnection(tcp::socket socket, const ServerConfig& config, RequestHandler& handler)
    : socket_(std::move(socket)),
      config_(config),
      handler_(handler),
      peer_(PeerName(socket_)),
      idle_timer_(socket_.get_executor()),
      last_progress_(std::chrono::steady_clock::now()) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
}

asio::awaitable<absl::Status> ServerConnection::Run() {
  WatchIdle();
  while (!closed_) {
    const absl::StatusOr<bool> read = co_await ReadRequest();
    if (closed_ || (read.ok() && !*read)) break;
    if (!read.ok()) co_return Annotate(read.status(), peer_);
    const absl::Status handled = co_await HandleRequest();
    if (closed_) break;
    if (!handled.ok()) co_return Annotate(handled, peer_);
    const absl::Status sent = co_await Send(answer_);
    if (closed_) break;
    if (!sent.ok()) co_return Annotate(sent, peer_);
  }
  co_return absl::OkStatus();
}

void ServerConnection::Close() {
  if (std::exchange(closed_, true)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
  idle_timer_.cancel();
  if (const std::function<void()> left = std::exchange(left_, nullptr)) left();
}

void ServerConnection::Watch(std::function<void()> left) {
  left_ = std::move(left);
  LookForTheEnd();
}

void ServerConnection::Unwatch() { left_ = nullptr; }

void ServerConnection::LookForTheEnd() {
  if (std::exchange(looking_, true)) return;
  socket_.async_wait(tcp::socket::wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
    const std::shared_ptr<ServerConnection> self = weak.lock();
    if (self == nullptr) return;
    self->looking_ = false;
    if (error || self->closed_ || !self->left_) return;
    std::byte next;
    const ssize_t peeked = ::recv(self->socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked > 0) return;  // its next request: what comes behind that cannot be seen
    if (peeked < 0 && (errno == EAGAIN || errno == EINTR)) {
      self->LookForTheEnd();
    } else {
      self->Close();
    }
  });
}

asio::awaitable<absl::StatusOr<bool>> ServerConnection::ReadRequest() {
  std::array<std::byte, 4> prefix;
  auto [prefix_error, prefix_read] = co_await asio::async_read(socket_, asio::buffer(prefix), kAwait);
  if (prefix_error == asio::error::eof && prefix_read == 0) co_return false;
  if (prefix_error == asio::error::connection_reset) co_return false;
  if (prefix_error) co_return Lost("reading a request", prefix_error.message());
  const auto claimed = ReadBigEndian<int32_t>(prefix, 0);
  if (claimed < kRequestBytesMin || claimed > config_.request_bytes_max)
    co_return absl::DataLossError(absl::StrCat("request of ", claimed, " bytes, ", kRequestBytesMin, " to ",
                                               config_.request_bytes_max, " allowed"));
  request_bytes_ = static_cast<size_t>(claimed);
  for (size_t have = 0; have < request_bytes_;) {
    const size_t target = std::min(request_bytes_, std::max(kReadAhead, 2 * have));
    if (buffer_.size() < target) buffer_.resize(target);
    auto [error, read] = co_await socket_.async_read_some(asio::buffer(buffer_.data() + have, target - have), kAwait);
    if (error) co_return Lost(absl::StrCat("reading byte ", have, " of a request of ", claimed), error.message());
    have += read;
    last_progress_ = std::chrono::steady_clock::now();
  }
  co_return true;
}

asio::awaitable<absl::Status> ServerConnection::HandleRequest() {
  const std::span<std::byte> request = std::span(buffer_).first(request_bytes_);
  ByteCursor cursor(request);
  absl::StatusOr<RequestHeader> header = DecodeRequestHeader(cursor);
  if (!header.ok()) co_return header.status();
  answer_.frame.bytes.clear();
  answer_.frame.splices.clear();
  answer_.regions.clear();
  handling_ = true;
  const absl::Status handled =
      co_await handler_.Handle(*std::move(header), request.subspan(cursor.position()), *this, answer_);
  handling_ = false;
  last_progress_ = std::chrono::steady_clock::now();
  if (buffer_.size() > kBufferBytesKept) buffer_ = {};
  co_return handled;
}

asio::awaitable<absl::Status> ServerConnection::Send(const ServerAnswer& answer) {
  const ByteSpan bytes = answer.frame.bytes;
  size_t at = 0;
  size_t next_region = 0;
  for (const Splice& splice : answer.frame.splices) {
    const absl::Status head = co_await SendBytes(bytes.subspan(at, splice.offset - at), true);
    if (!head.ok()) co_return head;
    at = splice.offset;
    const bool more_follows = at < bytes.size() || &splice != &answer.frame.splices.back();
    if (!splice.bytes.empty()) {
      const absl::Status copied = co_await SendBytes(splice.bytes, more_follows);
      if (!copied.ok()) co_return copied;
      continue;
    }
    SLIP_CHECK_LT(next_region, answer.regions.size());
    const FileRegion& region = answer.regions[next_region++];
    SLIP_CHECK_EQ(region.bytes, splice.length);
    const absl::Status spliced = co_await SendRegion(region, more_follows);
    if (!spliced.ok()) co_return spliced;
  }
  SLIP_CHECK_EQ(next_region, answer.regions.size());
  co_return co_await SendBytes(bytes.subspan(at), false);
}

asio::awaitable<absl::Status> ServerConnection::SendBytes(ByteSpan bytes, bool more_follows) {
  while (!bytes.empty()) {
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more_follows ? MSG_MORE : 0);
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), flags);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return Lost("sending", std::generic_category().message(errno));
    const absl::Status writable = co_await WaitWritable();
    if (!writable.ok()) co_return writable;
  }
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> ServerConnection::SendRegion(const FileRegion& region, bool more_follows) {
  const int file = region.file->descriptor();
  if (file < 0) co_return co_await SendCopied(region, more_follows);
  auto at = static_cast<off_t>(region.position.value);
  uint64_t left = region.bytes;
  while (left > 0) {
    const ssize_t sent = ::sendfile(socket_.native_handle(), file, &at, std::min<uint64_t>(left, kSendFileBytes));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) co_return Lost("sending", std::generic_category().message(errno));
    // The size is promised already, so the connection cannot be saved (LOG-152).
    if (sent == 0)
      co_return absl::DataLossError(absl::StrCat(region.file->path().string(), ": ends at byte ", at, ", ", left,
                                                 " bytes before what was to be sent"));
    if (sent > 0) left -= static_cast<uint64_t>(sent);
    if (left == 0) break;
    const absl::Status writable = co_await WaitWritable();
    if (!writable.ok()) co_return writable;
  }
  co_return absl::OkStatus();
}

// For files without a descriptor, as a simulated disk has them.
asio::awaitable<absl::Status> ServerConnection::SendCopied(const FileRegion& region, bool more_follows) {
  std::vector<std::byte> copy(std::min<uint64_t>(region.bytes, kCopyBytes));
  for (uint64_t done = 0; done < region.bytes;) {
    const std::span<std::byte> part = std::span(copy).first(std::min<uint64_t>(region.bytes - done, copy.size()));
    const absl::StatusOr<size_t> read = region.file->ReadAt(part, region.position + done);
    if (!read.ok()) co_return read.status();
    if (*read < part.size())
      co_return absl::DataLossError(absl::StrCat(region.file->path().string(), ": shorter than what was to be sent"));
    done += part.size();
    const absl::Status sent = co_await SendBytes(part, more_follows || done < region.bytes);
    if (!sent.ok()) co_return sent;
  }
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> ServerConnection::WaitWritable() {
  auto [error] = co_await socket_.async_wait(tcp::socket::wait_write, kAwait);
  if (error || closed_) co_return Lost("sending", error ? error.message() : "closed");
  last_progress_ = std::chrono::steady_clock::now();
  co_return absl::OkStatus();
}

// Looks once per period instead of moving a timer with every request.
void ServerConnection::WatchIdle() {
  idle_timer_.expires_at(last_progress_ + config_.idle_max);
  idle_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const std::shared_ptr<ServerConnection> self = weak.lock();
    if (error || self == nullptr || self->closed_) return;
    const auto now = std::chrono::steady_clock::now();
    if (self->handling_) self->last_progress_ = now;
    if (now - self->last_progress_ >= self->config_.idle_max) {
      self->Close();
    } else {
      self->WatchIdle();
    }
  });
}

}  // namespace slipstream
