#include "session/server.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <csignal>

#include "session/server_connection.h"

namespace slipstream {
namespace {

using asio::ip::tcp;

// How long accepting rests when the process is out of descriptors: clients wait in the kernel's queue meanwhile.
constexpr std::chrono::milliseconds kAcceptPause{100};

absl::Status Unavailable(const Endpoint& endpoint, absl::string_view what, const boost::system::error_code& error) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", endpoint.ToString(), ": ", error.message()));
}

}  // namespace

Server::Server(asio::io_context& io, ServerConfig config, RequestHandler& handler)
    : io_(io),
      config_(std::move(config)),
      handler_(handler),
      acceptor_(io),
      accept_pause_(io.get_executor()),
      ended_(io.get_executor()) {}

Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Bind(asio::io_context& io, const Endpoint& listen, ServerConfig config,
                                                     RequestHandler& handler) {
  std::signal(SIGPIPE, SIG_IGN);
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(listen.host, error);
  if (error) return Unavailable(listen, "listen on", error);
  std::unique_ptr<Server> server(new Server(io, std::move(config), handler));
  tcp::acceptor& acceptor = server->acceptor_;
  acceptor.open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind({address, listen.port}, error);
  if (error) return Unavailable(listen, "listen on", error);
  server->endpoint_ = {listen.host, acceptor.local_endpoint(error).port()};
  if (error) return Unavailable(listen, "listen on", error);
  return server;
}

absl::Status Server::Start() {
  boost::system::error_code error;
  acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return Unavailable(endpoint_, "listen on", error);
  accepting_ = true;
  asio::co_spawn(io_, Accept(), RethrowException{});
  return absl::OkStatus();
}

asio::awaitable<void> Server::Stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  accept_pause_.Interrupt();
  for (const auto& connection : connections_) connection->Close();
  while (accepting_ || !connections_.empty()) co_await ended_.Wait();
}

asio::awaitable<void> Server::Accept() {
  while (!stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (stopping_) break;
    if (error) {
      co_await accept_pause_.For(kAcceptPause);
      continue;
    }
    if (connections_.size() >= config_.connections_max) {
      config_.on_error(absl::ResourceExhaustedError(
          absl::StrCat("connection refused: ", connections_.size(), " are open, the most allowed")));
      continue;
    }
    connections_.push_back(std::make_shared<ServerConnection>(std::move(socket), config_, handler_));
    // An exception ends the server, not its connection only: what a request shares with others, a log half way through
    // an append, a fetch that is waited for, may be left as no later request may find it. Opening the logs anew repairs
    // that.
    asio::co_spawn(io_, Serve(connections_.back()), RethrowException{});
  }
  accepting_ = false;
  ended_.NotifyAll();
}

asio::awaitable<void> Server::Serve(std::shared_ptr<ServerConnection> connection) {
  const absl::Status ended = co_await connection->Run();
  if (!ended.ok() && !stopping_) config_.on_error(ended);
  connection->Close();
  std::erase(connections_, connection);
  ended_.NotifyAll();
}

}  // namespace slipstream
