// The serving end of the wire: accepts connections, hands each request to the handler, sends its answer. Knows frames;
// what they say, and where the records lie that an answer carries, is the handler's.
#pragma once

#include <absl/status/statusor.h>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "log/async_event.h"
#include "log/io/file_io.h"
#include "session/endpoint.h"
#include "session/wire/codec.h"

namespace slipstream {

// Bytes of a file that go out as they are, without passing through this process's memory where the file allows it.
struct FileRegion {
  std::shared_ptr<File> file;
  FilePosition position;
  uint64_t bytes = 0;
};

struct ServerAnswer {
  EncodedFrame frame;               // no bytes: nothing is sent (Produce with acks 0)
  std::vector<FileRegion> regions;  // one for each external splice of the frame, in their order and of their length
};

// Whoever sent a request, to a handler that lets the answer wait.
class WaitingClient {
 public:
  virtual ~WaitingClient() = default;

  // Calls `left` once should the client close the connection, or the server stop, before Unwatch. A client that has
  // sent its next request already is not seen to leave. REQUIRES: the request is being handled.
  virtual void Watch(std::function<void()> left) = 0;
  virtual void Unwatch() = 0;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Answers one request; the connection's next one is not read before this returns. `body` (what follows the header),
  // `client` and `answer` outlive the call, and the handler may change the body. An error closes the connection without
  // an answer: kUnimplemented for what is not served, kDataLoss for garbage. An exception leaves io_context::run: what
  // the request shares with others may be broken, so nothing more is served.
  virtual asio::awaitable<absl::Status> Handle(RequestHeader header, std::span<std::byte> body, WaitingClient& client,
                                               ServerAnswer& answer) = 0;
};

struct ServerConfig {
  int32_t request_bytes_max = 100 << 20;        // socket.request.max.bytes
  size_t connections_max = 4096;                // more are closed as they come
  std::chrono::milliseconds idle_max{600'000};  // connections.max.idle.ms: nothing asked or taken for so long
  // Told why a connection was closed, unless its client simply left.
  std::function<void(const absl::Status&)> on_error = [](const absl::Status&) {};
};

class ServerConnection;

// Belongs to one thread, that of its io_context. Destroy it after Stop, or after the io_context has stopped running.
class Server {
 public:
  // Takes the address: clients wait until Start. kUnavailable names the address and the system's words. `io` and
  // `handler` outlive the server. Ignores SIGPIPE for the whole process: sendfile cannot be told to spare it.
  static absl::StatusOr<std::unique_ptr<Server>> Bind(asio::io_context& io, const Endpoint& listen, ServerConfig config,
                                                      RequestHandler& handler);
  ~Server();

  absl::Status Start();
  // Closes every connection and returns when no request is being handled any more. REQUIRES: the handler's own waits
  // have been ended, or watch their clients.
  asio::awaitable<void> Stop();

  const Endpoint& endpoint() const { return endpoint_; }  // with the real port
  size_t connection_count() const { return connections_.size(); }

 private:
  Server(asio::io_context& io, ServerConfig config, RequestHandler& handler);
  asio::awaitable<void> Accept();
  asio::awaitable<void> Serve(std::shared_ptr<ServerConnection> connection);

  asio::io_context& io_;
  ServerConfig config_;
  RequestHandler& handler_;
  Endpoint endpoint_;
  asio::ip::tcp::acceptor acceptor_;
  InterruptibleSleep accept_pause_;
  AsyncEvent ended_;                                            // a connection, or accepting, came to its end
  std::vector<std::shared_ptr<ServerConnection>> connections_;  // each until its Serve ends
  bool accepting_ = false;
  bool stopping_ = false;
};

}  // namespace slipstream
