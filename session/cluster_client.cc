#include "session/cluster_client.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <random>
#include <utility>

#include "log/status.h"
#include "session/backoff.h"

namespace slipstream {
namespace {

// For a broker that nobody needs: another one answers meanwhile.
constexpr std::chrono::seconds kTurnTimeout{1};

// Trying again cannot help: who answers there does not speak our protocol.
bool IsHopeless(const absl::Status& status) { return absl::IsDataLoss(status) || absl::IsUnimplemented(status); }

}  // namespace

ClusterClient::ClusterClient(asio::io_context& io, std::vector<Endpoint> bootstrap, ClientConfig config)
    : io_(io), config_(std::move(config)), bootstrap_(std::move(bootstrap)), sleep_(io.get_executor()) {}

std::vector<Endpoint> ClusterClient::Candidates() const {
  std::vector<Endpoint> candidates;
  const auto add = [&](const Endpoint& endpoint) {
    if (std::find(candidates.begin(), candidates.end(), endpoint) == candidates.end()) candidates.push_back(endpoint);
  };
  for (const auto& [id, endpoint] : metadata_.brokers) add(endpoint);
  for (const Endpoint& endpoint : bootstrap_) add(endpoint);
  std::stable_partition(candidates.begin(), candidates.end(),
                        [this](const Endpoint& endpoint) { return endpoint != failed_last_; });
  return candidates;
}

asio::awaitable<absl::StatusOr<std::shared_ptr<Connection>>> ClusterClient::AnyBroker() {
  if (closed_) co_return absl::CancelledError("cluster client closed");
  const bool turn = std::exchange(turn_, false);
  if (connection_ != nullptr && !connection_->closed()) {
    if (turn) co_await OpenAnother();
    if (closed_) co_return absl::CancelledError("cluster client closed");
    co_return connection_;
  }
  absl::Status last;
  const std::vector<Endpoint> candidates = Candidates();
  for (size_t i = 0; i < candidates.size(); ++i) {
    // Kept before it is open, so that Close ends that too.
    connection_ = Connection::Create(io_.get_executor(), candidates[i], config_);
    connection_->NotAfter(EndOfShare(candidates.size() - i));
    const absl::Status opened = co_await connection_->Open();
    if (closed_) co_return absl::CancelledError("cluster client closed");
    connection_->NotAfter(give_up_at_);
    if (opened.ok()) co_return connection_;
    NoteFailure(candidates[i], opened);
    // One that may still come up is worth waiting for, whatever listens at the others.
    if (last.ok() || IsHopeless(last)) last = opened;
  }
  co_return last;
}

void ClusterClient::NoteFailure(const Endpoint& endpoint, const absl::Status& why) {
  if (IsHopeless(why) && std::ranges::find(hopeless_, endpoint) == hopeless_.end()) hopeless_.push_back(endpoint);
}

bool ClusterClient::AllAreHopeless() const {
  return std::ranges::all_of(Candidates(), [this](const Endpoint& endpoint) {
    return std::ranges::find(hopeless_, endpoint) != hopeless_.end();
  });
}

// While bootstrapping, silent peers share the time there is, so that whoever answers is asked whatever its place.
std::chrono::steady_clock::time_point ClusterClient::EndOfShare(size_t candidates_left) const {
  if (give_up_at_ == kNever) return kNever;
  const auto now = std::chrono::steady_clock::now();
  return now + (give_up_at_ - now) / static_cast<int64_t>(candidates_left);
}

asio::awaitable<absl::Status> ClusterClient::Refresh() {
  absl::StatusOr<std::shared_ptr<Connection>> connection = co_await AnyBroker();
  if (!connection.ok()) co_return connection.status();
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  MetadataResponse response;
  const std::shared_ptr<Connection> broker = *connection;
  const absl::Status called = co_await broker->Call(request, response);
  if (!called.ok()) {
    NoteFailure(broker->endpoint(), called);
    failed_last_ = broker->endpoint();
    broker->Close();
    co_return called;
  }
  // KIP-1102, or a broker that has not caught up with its controller yet: ask another one next time.
  if (response.error_code == KafkaError::kRebootstrapRequired || response.brokers.empty()) {
    failed_last_ = broker->endpoint();
    broker->Close();
    co_return absl::UnavailableError(
        absl::StrCat("broker ", broker->endpoint().ToString(), " knows of no brokers yet"));
  }
  metadata_ = ClusterMetadata::From(response);
  co_return absl::OkStatus();
}

// The connection there is stays until another broker answers: nobody is left for one that may be dead.
asio::awaitable<void> ClusterClient::OpenAnother() {
  turned_from_ = connection_;
  for (const Endpoint& endpoint : Candidates()) {
    if (endpoint == turned_from_->endpoint()) continue;
    connection_ = Connection::Create(io_.get_executor(), endpoint, config_);
    connection_->NotAfter(std::chrono::steady_clock::now() + kTurnTimeout);
    const absl::Status opened = co_await connection_->Open();
    if (closed_) co_return;
    connection_->NotAfter(kNever);
    if (!opened.ok()) continue;
    std::exchange(turned_from_, nullptr)->Close();
    co_return;
  }
  connection_ = std::exchange(turned_from_, nullptr);
}

asio::awaitable<absl::Status> ClusterClient::Bootstrap() {
  give_up_at_ = std::chrono::steady_clock::now() + config_.bootstrap_timeout;
  hopeless_.clear();
  const absl::Status found = co_await RefreshInTime();
  give_up_at_ = kNever;
  if (connection_ != nullptr) connection_->NotAfter(kNever);
  co_return found;
}

asio::awaitable<absl::Status> ClusterClient::RefreshInTime() {
  for (int failures = 1;; ++failures) {
    const absl::Status refreshed = co_await Refresh();
    if (refreshed.ok() || closed_ || AllAreHopeless()) co_return refreshed;
    const auto wait =
        BackoffAfter(failures, config_.reconnect_backoff, config_.reconnect_backoff_max, std::random_device()());
    if (std::chrono::steady_clock::now() + wait >= give_up_at_) co_return refreshed;
    co_await sleep_.For(wait);
  }
}

void ClusterClient::Close() {
  closed_ = true;
  sleep_.Interrupt();
  for (const std::shared_ptr<Connection>& connection : {connection_, turned_from_})
    if (connection != nullptr) connection->Close();
}

}  // namespace slipstream
