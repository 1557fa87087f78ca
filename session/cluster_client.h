// Knows a cluster from a few bootstrap addresses: keeps its metadata, finds a broker that answers.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <memory>
#include <vector>

#include "session/cluster_metadata.h"
#include "session/connection.h"

namespace slipstream {

// Used by one thread, one call at a time.
class ClusterClient {
 public:
  ClusterClient(asio::io_context& io, std::vector<Endpoint> bootstrap, ClientConfig config);

  // Asks a broker for all topics, first the one that answered last, then the known ones, then the bootstrap list. On
  // error the metadata stays as it was; the error is that of the last broker tried.
  asio::awaitable<absl::Status> Refresh();
  // The next Refresh asks another broker than the last one did, if one answers.
  void TurnToAnother() { turn_ = true; }
  // Refresh until it works, with backoff, for bootstrap_timeout at most, however many addresses stay silent. kDataLoss
  // (not a Kafka broker) and kUnimplemented end it once every bootstrap address has failed that way.
  asio::awaitable<absl::Status> Bootstrap();
  const ClusterMetadata& metadata() const { return metadata_; }

  // Some broker's connection, for requests that any broker answers.
  asio::awaitable<absl::StatusOr<std::shared_ptr<Connection>>> AnyBroker();
  // Ends at once, with kCancelled, whatever is under way; no call may follow.
  void Close();

 private:
  static constexpr auto kNever = std::chrono::steady_clock::time_point::max();

  std::vector<Endpoint> Candidates() const;
  void NoteFailure(const Endpoint& endpoint, const absl::Status& why);
  bool AllAreHopeless() const;
  std::chrono::steady_clock::time_point EndOfShare(size_t candidates_left) const;
  asio::awaitable<absl::Status> RefreshInTime();
  asio::awaitable<void> OpenAnother();  // into connection_, or leaves that as it is

  asio::io_context& io_;
  ClientConfig config_;
  std::vector<Endpoint> bootstrap_;
  InterruptibleSleep sleep_;
  std::shared_ptr<Connection> connection_, turned_from_;  // the latter while another is opened
  ClusterMetadata metadata_;
  Endpoint failed_last_;                                       // asked after all others
  std::vector<Endpoint> hopeless_;                             // no trying again helps
  std::chrono::steady_clock::time_point give_up_at_ = kNever;  // set while bootstrapping
  bool turn_ = false;                                          // with the next Refresh
  bool closed_ = false;
};

}  // namespace slipstream
