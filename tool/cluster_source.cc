#include "tool/cluster_source.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <future>

#include "log/status.h"
#include "tool/exit_code.h"

namespace slipstream {
namespace {

constexpr int32_t kFetchBytesMax = 8 << 20;
constexpr int32_t kFetchWaitMaxMs = 500;
constexpr int16_t kFetchVersionByName = 12;  // from 13 on topics go by id
constexpr int kAttemptsMax = 10;
constexpr std::chrono::milliseconds kRetryPause{300};

absl::Status ErrorToStatus(KafkaError error, absl::string_view call, const Endpoint& leader) {
  const std::string message = absl::StrCat(call, " at ", leader.ToString(), ": ", KafkaErrorName(error));
  return IsRetriable(error) || NeedsMetadataRefresh(error) ? absl::UnavailableError(message)
                                                           : absl::FailedPreconditionError(message);
}

}  // namespace

// Reads one answer while the next one is on its way.
class ClusterSource::Stream final : public BatchStream {
 public:
  Stream(ClusterSource& source, TopicPartition partition, Offset log_start_offset, Offset high_watermark)
      : source_(source),
        partition_(std::move(partition)),
        log_start_offset_(log_start_offset),
        high_watermark_(high_watermark),
        next_(log_start_offset) {}
  ~Stream() override {
    if (arriving_.valid()) arriving_.wait();
  }

  Offset start_offset() const override { return log_start_offset_; }
  void SkipTo(Offset offset) override { next_ = from_ = offset; }
  absl::StatusOr<Offset> EndOffset() override { return high_watermark_; }

  absl::StatusOr<bool> Next() override {
    for (;;) {
      while (walker_.Next()) {
        const RecordBatchView batch = walker_.batch();
        if (batch.last_offset() < from_) continue;
        if (batch.base_offset() >= high_watermark_) return false;  // it has moved on since
        SetBatch(batch);
        return true;
      }
      if (!walker_.status().ok())
        return WithExitCode(Annotate(walker_.status(), "corrupt batch"), ExitCode::kDivergence);
      if (next_ >= high_watermark_) return false;
      SLIP_RETURN_IF_ERROR(TakeAnswer());
    }
  }

 private:
  absl::Status TakeAnswer() {
    if (!arriving_.valid()) StartFetch();
    SLIP_RETURN_IF_ERROR(arriving_.get());
    const Answer& answer = source_.answers_[fetching_];
    walker_ = BatchWalker(answer.records);
    next_ = answer.next;
    fetching_ = 1 - fetching_;
    if (next_ < high_watermark_) StartFetch();
    return absl::OkStatus();
  }

  void StartFetch() {
    arriving_ =
        asio::co_spawn(source_.io_, source_.Fetch(partition_, next_, source_.answers_[fetching_]), asio::use_future);
  }

  ClusterSource& source_;
  const TopicPartition partition_;
  const Offset log_start_offset_, high_watermark_;
  Offset from_;
  Offset next_;          // to fetch
  size_t fetching_ = 0;  // which answer is being filled, or will be next
  std::future<absl::Status> arriving_;
  BatchWalker walker_{ByteSpan()};
};

ClusterSource::ClusterSource(std::vector<Endpoint> bootstrap, const ClientConfig& config, std::string name)
    : name_(std::move(name)),
      config_(config),
      keep_running_(io_.get_executor()),
      cluster_(io_, std::move(bootstrap), config),
      thread_([this] { io_.run(); }) {}

ClusterSource::~ClusterSource() {
  (void)asio::co_spawn(io_, CloseAll(), asio::use_future).get();
  keep_running_.reset();
}

asio::awaitable<absl::Status> ClusterSource::CloseAll() {
  for (const auto& [broker, leader] : leaders_) leader->Close();
  cluster_.Close();
  co_return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BatchSource>> ClusterSource::Open(std::vector<Endpoint> bootstrap,
                                                                 const ClientConfig& config, std::string name) {
  std::unique_ptr<ClusterSource> source(new ClusterSource(std::move(bootstrap), config, std::move(name)));
  const absl::Status answered = asio::co_spawn(source->io_, source->cluster_.Bootstrap(), asio::use_future).get();
  if (!answered.ok()) return WithExitCode(answered, ExitCode::kCannotStart);
  for (const auto& [topic, metadata] : source->cluster_.metadata().topics) {
    for (const auto& [partition, leader] : metadata.partitions) source->partitions_.push_back({topic, partition});
  }
  return source;
}

absl::StatusOr<std::unique_ptr<BatchStream>> ClusterSource::Open(const TopicPartition& partition) {
  SLIP_ASSIGN_OR_RETURN(const Offset high_watermark,
                        asio::co_spawn(io_, ListOffset(partition, kLatestTimestamp), asio::use_future).get());
  SLIP_ASSIGN_OR_RETURN(const Offset log_start_offset,
                        asio::co_spawn(io_, ListOffset(partition, kEarliestTimestamp), asio::use_future).get());
  return std::make_unique<Stream>(*this, partition, log_start_offset, high_watermark);
}

absl::StatusOr<ClusterSource::Leader> ClusterSource::LeaderOf(const TopicPartition& partition) {
  const std::optional<PartitionLeader> known = cluster_.metadata().LeaderOf(partition);
  if (!known) return absl::UnavailableError("the cluster does not know it any more");
  const auto broker = cluster_.metadata().brokers.find(known->leader);
  if (broker == cluster_.metadata().brokers.end()) return absl::UnavailableError("has no leader at the moment");
  std::unique_ptr<RemoteLeaderEndpoint>& endpoint = leaders_[{broker->first, broker->second}];
  if (endpoint == nullptr)
    endpoint = std::make_unique<RemoteLeaderEndpoint>(io_, broker->first, broker->second, BrokerId{}, config_);
  return Leader{endpoint.get(), known->leader_epoch};
}

asio::awaitable<bool> ClusterSource::MayRetry(absl::Status status, int attempt) {
  if (attempt == kAttemptsMax || !(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))) co_return false;
  InterruptibleSleep pause(io_.get_executor());
  co_await pause.For(kRetryPause);
  (void)co_await cluster_.Refresh();  // fails while the cluster is away: the attempts are what is counted
  co_return true;
}

asio::awaitable<absl::StatusOr<Offset>> ClusterSource::ListOffset(TopicPartition partition, Timestamp timestamp) {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<Offset> offset = co_await TryListOffset(partition, timestamp);
    if (offset.ok()) co_return offset;
    const bool again = co_await MayRetry(offset.status(), attempt);
    if (!again) co_return offset;
  }
}

asio::awaitable<absl::StatusOr<Offset>> ClusterSource::TryListOffset(TopicPartition partition, Timestamp timestamp) {
  const absl::StatusOr<Leader> leader = LeaderOf(partition);
  if (!leader.ok()) co_return leader.status();
  const absl::StatusOr<std::optional<OffsetAnswer>> answer =
      co_await leader->endpoint->ListOffset(partition, leader->epoch, timestamp);
  if (!answer.ok()) co_return answer.status();
  if (!answer->has_value())
    co_return absl::DataLossError(absl::StrCat("broker ", leader->endpoint->endpoint().ToString(),
                                               ": ListOffsets answer leaves out ", partition.ToString()));
  if ((*answer)->error != KafkaError::kNone)
    co_return ErrorToStatus((*answer)->error, "ListOffsets", leader->endpoint->endpoint());
  co_return (*answer)->offset;
}

asio::awaitable<absl::Status> ClusterSource::Fetch(TopicPartition partition, Offset from, Answer& answer) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status fetched = co_await TryFetch(partition, from, answer);
    if (fetched.ok()) co_return fetched;
    const bool again = co_await MayRetry(fetched, attempt);
    if (!again) co_return fetched;
  }
}

asio::awaitable<absl::Status> ClusterSource::TryFetch(TopicPartition partition, Offset from, Answer& answer) {
  const absl::StatusOr<Leader> leader = LeaderOf(partition);
  if (!leader.ok()) co_return leader.status();
  FetchExchange& exchange = answer.exchange;
  exchange.frame.reset();  // back to the pool, for this answer to land in
  FetchRequest& request = exchange.request;
  request.max_wait_ms = kFetchWaitMaxMs;
  request.min_bytes = 1;
  request.max_bytes = kFetchBytesMax;
  request.topics.resize(1);
  request.topics[0].topic = partition.topic;
  request.topics[0].partitions.resize(1);
  FetchPartition& asked = request.topics[0].partitions[0];
  asked.partition = partition.partition;
  asked.current_leader_epoch = leader->epoch;
  asked.fetch_offset = from;
  asked.partition_max_bytes = kFetchBytesMax;
  const absl::Status called = co_await leader->endpoint->Fetch(exchange, kFetchVersionByName);
  if (!called.ok()) co_return called;
  const Endpoint& broker = leader->endpoint->endpoint();
  const FetchResponse& response = exchange.response;
  if (response.error_code != KafkaError::kNone) co_return ErrorToStatus(response.error_code, "Fetch", broker);
  if (response.responses.size() != 1 || response.responses[0].partitions.size() != 1)
    co_return absl::DataLossError(
        absl::StrCat("Fetch at ", broker.ToString(), ": the answer is not about the one partition asked for"));
  const PartitionData& data = response.responses[0].partitions[0];
  if (data.error_code != KafkaError::kNone)
    co_return ErrorToStatus(data.error_code, absl::StrCat("Fetch of offset ", from.value), broker);
  answer.records = data.records.bytes;
  answer.next = from;
  BatchWalker walker(answer.records);
  while (walker.Next()) answer.next = std::max(answer.next, walker.batch().next_offset());
  if (answer.next == from && walker.status().ok())
    co_return absl::UnavailableError(
        absl::StrCat("Fetch at ", broker.ToString(), ": no records from offset ", from.value, " on"));
  co_return absl::OkStatus();
}

}  // namespace slipstream
