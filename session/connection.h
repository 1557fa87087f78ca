// One TCP connection to a broker: frames out, frames in, answers in the order of the requests, several in flight.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "log/asio.h"
#include "log/async_event.h"
#include "log/io/aligned_buffer.h"
#include "session/client_config.h"
#include "session/endpoint.h"
#include "session/host_lookup.h"
#include "session/wire/api_key.h"
#include "session/wire/codec.h"

namespace slipstream {

// A frame as it came, without its size. Whatever was decoded from it points into it: keep it as long.
struct ReceivedFrame {
  BufferPool::Buffer buffer;
  ByteSpan bytes;
};

// Says where in memory a large frame shall lie, once its first bytes are there: so that what is in it lies as it will
// on the disk.
class FrameLanding {
 public:
  virtual ~FrameLanding() = default;
  // How far behind the beginning of a page the frame shall begin: 0 .. kPageBytes - 1. Never called for small frames.
  virtual size_t ShiftFor(ByteSpan frame_begin, int16_t version) = 0;
};

// Used by coroutines of one thread. After any error the connection is closed for good, and every request in flight
// fails: make a new one. Errors: kUnavailable (could not connect, closed by the broker), kDeadlineExceeded,
// kDataLoss (not the Kafka protocol); all name the endpoint.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `look_up` finds the host's addresses; without one the system is asked.
  static std::shared_ptr<Connection> Create(const asio::any_io_executor& executor, Endpoint endpoint,
                                            ClientConfig config, HostLookup::BlockingLookup look_up = nullptr);
  ~Connection();

  // Whatever is under way or comes ends by then, with kDeadlineExceeded, however long each of its steps may take. From
  // the next step on; max() lifts it.
  void NotAfter(std::chrono::steady_clock::time_point end) { not_after_ = end; }
  // Connects and asks for ApiVersions; once, before all else.
  asio::awaitable<absl::Status> Open();

  // Sends the request and fills `response`, at the highest version both sides know, at most `version_max`. `frame`
  // receives the answer's bytes, taken from `pool`, where `landing` wants them. kUnimplemented: the broker knows no
  // version of this API.
  template <class Request>
  asio::awaitable<absl::Status> Call(const Request& request, typename Request::Response& response, BufferPool& pool,
                                     ReceivedFrame& frame, int16_t version_max = Request::kVersionMax,
                                     FrameLanding* landing = nullptr) {
    const Exchange exchange{
        Request::kApiKey,
        Request::kVersionMin,
        version_max,
        &request,
        &response,
        [](const void* message, int16_t version, int32_t correlation_id, absl::string_view client_id,
           EncodedFrame& encoded) {
          EncodeRequestInto(*static_cast<const Request*>(message), version, correlation_id, client_id, encoded);
        },
        [](ByteSpan bytes, int16_t version, int32_t correlation_id, void* message) {
          return DecodeResponse(bytes, version, correlation_id, *static_cast<typename Request::Response*>(message));
        },
        landing};
    return Perform(exchange, pool, frame);
  }

  // The same for the small answers of occasional requests.
  template <class Request>
  asio::awaitable<absl::Status> Call(const Request& request, typename Request::Response& response) {
    return Call(request, response, small_frames_, ignored_frame_);
  }

  // The version to use for an API: the highest in both our range and the broker's.
  absl::StatusOr<int16_t> VersionFor(ApiKey key, int16_t version_min, int16_t version_max) const;

  // Ends at once, with kCancelled, whatever is under way, Open among it.
  void Close();
  bool closed() const { return closed_; }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct VersionRange {
    int16_t min = 0, max = -1;  // empty: the broker does not offer the API
  };

  // A request and its answer without their types, so that one coroutine serves all messages.
  struct Exchange {
    ApiKey key;
    int16_t version_min, version_max;
    const void* request;
    void* response;
    void (*encode)(const void* request, int16_t version, int32_t correlation_id, absl::string_view client_id,
                   EncodedFrame& frame);
    absl::Status (*decode)(ByteSpan frame, int16_t version, int32_t correlation_id, void* response);
    FrameLanding* landing;  // nullptr: anywhere
  };
  struct Landing {
    FrameLanding* at;
    int16_t version;
  };

  Connection(const asio::any_io_executor& executor, Endpoint endpoint, ClientConfig config,
             HostLookup::BlockingLookup look_up);
  asio::awaitable<absl::Status> Connect();
  void LimitAttempt(size_t addresses_left);
  asio::awaitable<absl::Status> AskApiVersions();
  asio::awaitable<absl::Status> Perform(Exchange exchange, BufferPool& pool, ReceivedFrame& frame);
  asio::awaitable<absl::StatusOr<ReceivedFrame>> RoundTrip(EncodedFrame& encoded, BufferPool& pool, Landing landing);
  asio::awaitable<absl::StatusOr<ReceivedFrame>> ReadFrame(BufferPool& pool, Landing landing);
  asio::awaitable<absl::Status> ReadInto(std::span<std::byte> bytes, size_t frame_bytes, size_t done_before);
  absl::Status Fail(const absl::Status& status);  // closes; returns the first cause, which names the endpoint
  void ArmDeadline(std::chrono::milliseconds timeout);

  Endpoint endpoint_;
  ClientConfig config_;
  HostLookup lookup_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer deadline_;
  asio::steady_timer attempt_timer_;  // of one address among several
  int attempts_ = 0;
  AsyncEvent turn_;  // notified when a request has been written or an answer read
  BufferPool small_frames_{2};
  std::vector<EncodedFrame> spare_requests_;  // their memory is used again
  ReceivedFrame ignored_frame_;               // of answers that hold no records: nothing points into it
  std::array<VersionRange, 128> versions_{};
  int32_t next_correlation_id_ = 0;
  uint64_t next_ticket_ = 0, write_turn_ = 0, read_turn_ = 0;  // write_turn_, read_turn_ <= next_ticket_
  std::chrono::steady_clock::time_point not_after_ = std::chrono::steady_clock::time_point::max();
  std::chrono::milliseconds timeout_;  // of a request: while connecting, what setting up a connection may take
  bool closed_ = false;
  absl::Status failure_;  // why, once closed by an error
};

}  // namespace slipstream
