// One client's connection to a Server: requests in, answers out, in the same order.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "session/server.h"

namespace slipstream {

class ServerConnection final : private WaitingClient, public std::enable_shared_from_this<ServerConnection> {
 public:
  // `config` and `handler` outlive this.
  ServerConnection(asio::ip::tcp::socket socket, const ServerConfig& config, RequestHandler& handler);

  // Serves until the client leaves (OK), breaks the protocol or stops taking answers, or Close. An error names the
  // peer.
  asio::awaitable<absl::Status> Run();
  // Ends Run once the request being handled is done.
  void Close();

 private:
  // False: the client left between two requests.
  asio::awaitable<absl::StatusOr<bool>> ReadRequest();
  asio::awaitable<absl::Status> HandleRequest();
  asio::awaitable<absl::Status> Send(const ServerAnswer& answer);
  asio::awaitable<absl::Status> SendBytes(ByteSpan bytes, bool more_follows);
  asio::awaitable<absl::Status> SendRegion(const FileRegion& region, bool more_follows);
  asio::awaitable<absl::Status> SendCopied(const FileRegion& region, bool more_follows);
  asio::awaitable<absl::Status> WaitWritable();
  void WatchIdle();
  void Watch(std::function<void()> left) override;
  void Unwatch() override;
  void LookForTheEnd();

  asio::ip::tcp::socket socket_;
  const ServerConfig& config_;
  RequestHandler& handler_;
  std::string peer_;
  std::vector<std::byte> buffer_;  // the request; keeps its memory from one to the next
  size_t request_bytes_ = 0;       // of buffer_, that are the request
  ServerAnswer answer_;
  asio::steady_timer idle_timer_;
  std::chrono::steady_clock::time_point last_progress_;
  std::function<void()> left_;  // set: the handler wants to know when the client leaves
  bool looking_ = false;        // for that, or still from an earlier time
  bool handling_ = false;       // a request may be parked for long: that is not idleness
  bool closed_ = false;
};

}  // namespace slipstream
