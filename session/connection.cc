#include "session/connection.h"

#include <absl/strings/str_cat.h>
#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

#include "log/check.h"
#include "log/status.h"
#include "session/wire/kafka_error.h"
#include "session/wire/messages/api_versions.h"

namespace slipstream {
namespace {

using asio::ip::tcp;

constexpr size_t kLandedFrameBytesMin = 64 << 10;  // below this a copy costs less than a second read
constexpr size_t kFrameBeginBytes = 512;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Reads all of a buffer, as much per call as the socket has: Asio's own conditions stop at 64 KiB a call.
struct ReadAll {
  size_t size;
  size_t operator()(const boost::system::error_code& error, size_t done) const { return error ? 0 : size - done; }
};

std::string VersionsText(int16_t min, int16_t max) { return max < min ? "none" : absl::StrCat(min, "-", max); }

}  // namespace

Connection::Connection(const asio::any_io_executor& executor, Endpoint endpoint, ClientConfig config,
                       HostLookup::BlockingLookup look_up)
    : endpoint_(std::move(endpoint)),
      config_(std::move(config)),
      lookup_(executor, std::move(look_up)),
      socket_(executor),
      deadline_(executor),
      attempt_timer_(executor),
      turn_(executor),
      timeout_(config_.socket_connection_setup_timeout) {}

Connection::~Connection() { Close(); }

std::shared_ptr<Connection> Connection::Create(const asio::any_io_executor& executor, Endpoint endpoint,
                                               ClientConfig config, HostLookup::BlockingLookup look_up) {
  return std::shared_ptr<Connection>(
      new Connection(executor, std::move(endpoint), std::move(config), std::move(look_up)));
}

asio::awaitable<absl::Status> Connection::Open() {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (closed_) co_return failure_;
  ArmDeadline(timeout_);
  const absl::Status connected = co_await Connect();
  if (!connected.ok()) co_return connected;
  const absl::Status asked = co_await AskApiVersions();
  if (!asked.ok()) co_return Fail(asked);
  timeout_ = config_.request_timeout;
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> Connection::Connect() {
  const absl::StatusOr<HostAddresses> addresses = co_await lookup_.Find(endpoint_.host);
  if (closed_) co_return failure_;
  if (!addresses.ok()) co_return Fail(addresses.status());
  boost::system::error_code ignored;
  absl::Status last = absl::UnavailableError("no address");
  for (size_t left = addresses->size(); const asio::ip::address& address : *addresses) {
    const tcp::endpoint peer(address, endpoint_.port);
    socket_.close(ignored);
    socket_.open(peer.protocol(), ignored);
    // Before connecting: the window scale is fixed in the handshake.
    if (config_.socket_receive_buffer_bytes > 0)
      socket_.set_option(tcp::socket::receive_buffer_size(config_.socket_receive_buffer_bytes), ignored);
    LimitAttempt(left--);
    auto [error] = co_await socket_.async_connect(peer, kAwait);
    ++attempts_;
    attempt_timer_.cancel();
    if (closed_) co_return failure_;
    if (!error) {
      socket_.set_option(tcp::no_delay(true), ignored);
      co_return absl::OkStatus();
    }
    last = absl::UnavailableError(absl::StrCat("cannot connect: ", error.message()));
  }
  co_return Fail(last);
}

// An address that is silent must leave time for those behind it. The last one has all that is left.
void Connection::LimitAttempt(size_t addresses_left) {
  if (addresses_left <= 1) return;
  const auto now = std::chrono::steady_clock::now();
  attempt_timer_.expires_at(now + (deadline_.expiry() - now) / addresses_left);
  attempt_timer_.async_wait([weak = weak_from_this(), attempt = attempts_](const boost::system::error_code& error) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!error && self != nullptr && self->attempts_ == attempt) self->socket_.cancel();
  });
}

asio::awaitable<absl::Status> Connection::AskApiVersions() {
  ApiVersionsRequest request;
  request.client_software_name = "slipstream";
  request.client_software_version = SLIPSTREAM_VERSION;
  const auto key = static_cast<size_t>(ApiKey::kApiVersions);
  // Version 3 is known by every broker since 2.4; an older one answers error 35 in version 0 and names its own range.
  versions_[key] = {3, 3};
  ApiVersionsResponse response;
  absl::Status called = co_await Call(request, response);
  if (!called.ok()) co_return called;
  if (response.error_code == KafkaError::kUnsupportedVersion) {
    versions_[key] = {0, 0};
    called = co_await Call(request, response);
    if (!called.ok()) co_return called;
  }
  if (response.error_code != KafkaError::kNone)
    co_return Fail(absl::UnavailableError(absl::StrCat("ApiVersions: ", KafkaErrorName(response.error_code))));
  for (const auto& api : response.api_keys) {
    const auto index = static_cast<size_t>(static_cast<int16_t>(api.api_key));
    if (index < versions_.size()) versions_[index] = {api.min_version, api.max_version};
  }
  co_return absl::OkStatus();
}

absl::StatusOr<int16_t> Connection::VersionFor(ApiKey key, int16_t version_min, int16_t version_max) const {
  const VersionRange& offered = versions_[static_cast<size_t>(key)];
  const int16_t version = std::min(offered.max, version_max);
  if (version < std::max(offered.min, version_min))
    return absl::UnimplementedError(absl::StrCat(
        "broker ", endpoint_.ToString(), ": no common version of ", ApiKeyName(key), " (it offers ",
        VersionsText(offered.min, offered.max), ", we know ", VersionsText(version_min, version_max), ")"));
  return version;
}

asio::awaitable<absl::Status> Connection::Perform(Exchange exchange, BufferPool& pool, ReceivedFrame& frame) {
  if (closed_) co_return failure_;
  const absl::StatusOr<int16_t> version = VersionFor(exchange.key, exchange.version_min, exchange.version_max);
  if (!version.ok()) co_return version.status();
  const int32_t correlation_id = next_correlation_id_++;
  EncodedFrame encoded;
  if (!spare_requests_.empty()) {
    encoded = std::move(spare_requests_.back());
    spare_requests_.pop_back();
  }
  exchange.encode(exchange.request, *version, correlation_id, config_.client_id, encoded);
  const Landing landing{exchange.landing, *version};
  absl::StatusOr<ReceivedFrame> received = co_await RoundTrip(encoded, pool, landing);
  spare_requests_.push_back(std::move(encoded));
  if (!received.ok()) co_return received.status();
  frame = *std::move(received);
  const absl::Status decoded = exchange.decode(frame.bytes, *version, correlation_id, exchange.response);
  co_return decoded.ok() ? decoded : Fail(decoded);
}

asio::awaitable<absl::StatusOr<ReceivedFrame>> Connection::RoundTrip(EncodedFrame& encoded, BufferPool& pool,
                                                                     Landing landing) {
  const std::shared_ptr<Connection> self = shared_from_this();
  const uint64_t ticket = next_ticket_++;
  while (!closed_ && write_turn_ != ticket) co_await turn_.Wait();
  if (closed_) co_return failure_;
  if (read_turn_ == ticket) ArmDeadline(timeout_);
  if (!encoded.splices.empty()) encoded.bytes = Join(encoded);
  auto [write_error, written] = co_await asio::async_write(socket_, asio::buffer(encoded.bytes), kAwait);
  if (closed_) co_return failure_;
  if (write_error)
    co_return Fail(absl::UnavailableError(absl::StrCat("connection lost while sending: ", write_error.message())));
  ++write_turn_;
  turn_.NotifyAll();
  while (!closed_ && read_turn_ != ticket) co_await turn_.Wait();
  if (closed_) co_return failure_;
  ArmDeadline(timeout_);
  absl::StatusOr<ReceivedFrame> frame = co_await ReadFrame(pool, landing);
  if (!frame.ok()) co_return frame.status();
  ++read_turn_;
  if (read_turn_ < next_ticket_) {
    ArmDeadline(timeout_);  // the next one may still be on its way out
  } else {
    // Not only cancelled: one that fired just now must find that it is not due.
    deadline_.expires_at(asio::steady_timer::time_point::max());
  }
  turn_.NotifyAll();
  co_return frame;
}

asio::awaitable<absl::StatusOr<ReceivedFrame>> Connection::ReadFrame(BufferPool& pool, Landing landing) {
  std::array<std::byte, 4> prefix;
  auto [size_error, size_read] = co_await asio::async_read(socket_, asio::buffer(prefix), kAwait);
  if (closed_) co_return failure_;
  if (size_error) co_return Fail(absl::UnavailableError(absl::StrCat("connection lost: ", size_error.message())));
  const auto size = ReadBigEndian<int32_t>(prefix, 0);
  if (size < 4 || size > config_.response_bytes_max)
    co_return Fail(absl::DataLossError(absl::StrCat("answer of ", size, " bytes, 4 to ", config_.response_bytes_max,
                                                    " expected: is this a Kafka broker?")));
  const auto bytes = static_cast<size_t>(size);
  ReceivedFrame frame;
  if (landing.at == nullptr || bytes < kLandedFrameBytesMin) {
    frame.buffer = pool.Take(bytes);
    const std::span<std::byte> body = frame.buffer->span().first(bytes);
    const absl::Status received = co_await ReadInto(body, bytes, 0);
    if (!received.ok()) co_return received;
    frame.bytes = body;
    co_return frame;
  }
  std::array<std::byte, kFrameBeginBytes> begin;
  absl::Status received = co_await ReadInto(begin, bytes, 0);
  if (!received.ok()) co_return received;
  frame.buffer = pool.Take(bytes + kPageBytes);
  const size_t shift = landing.at->ShiftFor(begin, landing.version);
  SLIP_CHECK_LT(shift, kPageBytes);
  const std::span<std::byte> body = frame.buffer->span().subspan(shift, bytes);
  std::ranges::copy(begin, body.begin());
  received = co_await ReadInto(body.subspan(begin.size()), bytes, begin.size());
  if (!received.ok()) co_return received;
  frame.bytes = body;
  co_return frame;
}

asio::awaitable<absl::Status> Connection::ReadInto(std::span<std::byte> bytes, size_t frame_bytes, size_t done_before) {
  auto [error, read] =
      co_await asio::async_read(socket_, asio::buffer(bytes.data(), bytes.size()), ReadAll{bytes.size()}, kAwait);
  if (closed_) co_return failure_;
  if (error)
    co_return Fail(absl::UnavailableError(absl::StrCat("connection lost after ", done_before + read, " of ",
                                                       frame_bytes, " bytes of an answer: ", error.message())));
  co_return absl::OkStatus();
}

absl::Status Connection::Fail(const absl::Status& status) {
  if (!closed_) {
    failure_ = Annotate(status, absl::StrCat("broker ", endpoint_.ToString()));
    Close();
  }
  return failure_;
}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  if (failure_.ok())
    failure_ = absl::CancelledError(absl::StrCat("broker ", endpoint_.ToString(), ": connection closed"));
  boost::system::error_code ignored;
  lookup_.Cancel();
  socket_.close(ignored);
  deadline_.cancel();
  attempt_timer_.cancel();
  turn_.NotifyAll();
}

void Connection::ArmDeadline(std::chrono::milliseconds timeout) {
  const auto now = std::chrono::steady_clock::now();
  deadline_.expires_at(std::min(now + timeout, not_after_));
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline_.expiry() - now);
  deadline_.async_wait([weak = weak_from_this(), wait](const boost::system::error_code& error) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (error || self == nullptr) return;
    // A deadline that was moved just as it fired is no deadline.
    if (self->deadline_.expiry() > std::chrono::steady_clock::now()) return;
    (void)self->Fail(
        absl::DeadlineExceededError(absl::StrCat("no answer within ", std::max<int64_t>(0, wait.count()), " ms")));
  });
}

}  // namespace slipstream
