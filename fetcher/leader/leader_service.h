// The embedded leader: a single broker, id 1, that serves the topics of a log dir to any Kafka client. Dispatches
// requests to the handlers of its parts. Runs on the thread that owns the logs.
#pragma once

#include <cstdint>

#include "fetcher/leader/fetch_handler.h"
#include "fetcher/leader/metadata_handler.h"
#include "fetcher/leader/produce_handler.h"
#include "fetcher/leader/producer_ids.h"
#include "fetcher/leader/topic_catalog.h"
#include "log/io/file_io.h"
#include "session/fetch_session_cache.h"
#include "session/server.h"

namespace slipstream {

class LeaderService final : public RequestHandler {
 public:
  // Both outlive the service.
  LeaderService(TopicCatalog& catalog, IoQueue& queue, MetadataConfig config);

  asio::awaitable<absl::Status> Handle(RequestHeader header, std::span<std::byte> body, WaitingClient& client,
                                       ServerAnswer& answer) override;
  // Ends the waits of parked fetches: call before Server::Stop.
  void Stop() { fetch_.Stop(); }

  // Where clients are told to connect to; known once the server is bound.
  void SetAdvertised(const Endpoint& advertised) { config_.advertised = advertised; }

 private:
  absl::Status HandleAtOnce(const RequestHeader& header, ByteSpan body, EncodedFrame& frame);
  asio::awaitable<absl::Status> HandleFetch(RequestHeader header, ByteSpan body, WaitingClient& client,
                                            ServerAnswer& answer);
  asio::awaitable<absl::Status> HandleProduce(RequestHeader header, std::span<std::byte> body, ServerAnswer& answer);

  TopicCatalog& catalog_;
  MetadataConfig config_;
  FetchSessionCache sessions_;
  FetchHandler fetch_;
  ProduceHandler produce_;
  ProducerIds producer_ids_;
};

}  // namespace slipstream
