#include "fetcher/leader/fetch_handler.h"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

#include "fetcher/log_answers.h"
#include "log/transaction_index.h"

namespace slipstream {
namespace {

constexpr int32_t kMaxWaitMs = 5 * 60 * 1000;  // a request may not be parked for longer, whatever it says

// Where the records of an answer lie that names these of the partitions read.
std::vector<FileRegion> RegionsOf(const std::vector<size_t>& told, std::vector<LogSlice>& slices) {
  std::vector<FileRegion> regions;
  for (const size_t i : told) {
    LogSlice& slice = slices[i];
    if (slice.bytes > 0)
      regions.push_back({.file = std::move(slice.file), .position = slice.position, .bytes = slice.bytes});
  }
  return regions;
}

}  // namespace

asio::awaitable<void> FetchHandler::Handle(const FetchRequest& request, int16_t version, WaitingClient& client,
                                           FetchResponse& response, std::vector<FileRegion>& regions) {
  const auto now = std::chrono::steady_clock::now();
  const auto deadline = now + std::chrono::milliseconds(std::clamp(request.max_wait_ms, 0, kMaxWaitMs));
  const int64_t bytes_max = std::min<int64_t>(request.max_bytes, kFetchBytesMax);
  const Limits limits{.bytes_max = bytes_max,
                      .bytes_min = std::min<int64_t>(request.min_bytes, bytes_max),
                      .read_committed = request.isolation_level == 1};
  FetchContext context = sessions_.Open(request, version, now);
  Pass pass;
  bool awaited = true;  // by the client
  while (awaited && context.error() == KafkaError::kNone && !context.Superseded()) {
    Read(context, limits, pass);
    const bool enough = pass.bytes >= limits.bytes_min || pass.answer_now || pass.data.empty();
    if (enough || stopping_ || std::chrono::steady_clock::now() >= deadline) break;
    awaited = co_await Park(pass, limits.bytes_min - pass.bytes, deadline, client);
  }
  const std::vector<size_t> told = sessions_.Answer(context, pass.data, now, response);
  regions = RegionsOf(told, pass.slices);
}

void FetchHandler::Stop() {
  stopping_ = true;
  for (DelayedFetch* fetch : parked_) fetch->Wake();
}

void FetchHandler::Read(FetchContext& context, const Limits& limits, Pass& pass) {
  SessionPartitions& partitions = context.partitions();
  pass.data.assign(partitions.size(), {});
  pass.slices.assign(partitions.size(), {});
  pass.readable.clear();
  pass.bytes = 0;
  pass.answer_now = false;
  size_t i = 0;
  for (SessionPartition& wanted : partitions) {
    PartitionData& data = pass.data[i];
    LogSlice& slice = pass.slices[i++];
    data.partition_index = wanted.asked.partition;
    HostedPartition* const partition = ReadPartition(wanted, limits, pass.bytes, data, slice);
    if (partition != nullptr) pass.readable.push_back(partition);
    data.records.external_bytes = slice.bytes;
    pass.bytes += static_cast<int64_t>(slice.bytes);
    pass.answer_now |= data.error_code != KafkaError::kNone || data.diverging_epoch.end_offset >= Offset{0};
  }
}

HostedPartition* FetchHandler::ReadPartition(SessionPartition& wanted, const Limits& limits, int64_t bytes_so_far,
                                             PartitionData& data, LogSlice& slice) {
  HostedPartition* const partition = Resolve(wanted, data.error_code);
  if (partition == nullptr) return nullptr;
  const FetchPartition& asked = wanted.asked;
  PartitionLog& log = partition->log;
  data.error_code = partition->CheckEpoch(asked.current_leader_epoch);
  if (data.error_code == KafkaError::kFencedLeaderEpoch)
    data.current_leader = {kLeaderBrokerId, partition->leader_epoch};
  if (data.error_code != KafkaError::kNone) return nullptr;
  const bool diverges = Diverges(log, asked, data);
  if (data.error_code != KafkaError::kNone) return nullptr;
  // Before the read, so that no record above the high watermark told is sent (LD-07).
  data.high_watermark = log.high_watermark();
  data.log_start_offset = log.log_start_offset();
  data.last_stable_offset = log.last_stable_offset();
  const Offset bound = limits.read_committed ? data.last_stable_offset : data.high_watermark;
  if (limits.read_committed) data.aborted_transactions.emplace();
  if (diverges || (asked.fetch_offset >= bound && asked.fetch_offset <= log.high_watermark())) return partition;
  const int64_t room =
      std::max<int64_t>(0, std::min<int64_t>(asked.partition_max_bytes, limits.bytes_max - bytes_so_far));
  // Nothing more goes into the answer, so nothing is looked up, however many partitions a request names (BAD-02).
  const bool in_range =
      asked.fetch_offset >= log.local_log_start_offset() && asked.fetch_offset <= log.log_end_offset();
  if (bytes_so_far > 0 && room == 0 && in_range) return partition;
  absl::StatusOr<LogSlice> read = log.Read(asked.fetch_offset, bound, static_cast<uint64_t>(room));
  data.error_code = ErrorOfRead(read.status());
  if (!read.ok()) {
    data.high_watermark = data.last_stable_offset = data.log_start_offset = Offset{};
    return nullptr;
  }
  // Only the first records of an answer may be more than was asked for, so that one large batch cannot stop a reader.
  const bool fits = bytes_so_far == 0 || read->bytes <= static_cast<uint64_t>(room);
  if (!fits) return partition;
  if (limits.read_committed) {
    const auto aborted = log.AbortedTransactions(asked.fetch_offset, *read);
    data.error_code = ErrorOfRead(aborted.status());
    if (!aborted.ok()) return nullptr;
    for (const AbortedTransactionEntry& entry : *aborted)
      data.aborted_transactions->push_back({entry.producer_id, entry.first_offset});
  }
  slice = *std::move(read);
  return partition;
}

HostedPartition* FetchHandler::Resolve(SessionPartition& wanted, KafkaError& error) {
  const bool by_id = !wanted.topic_id.IsZero();
  HostedTopic* const topic = by_id ? catalog_.Find(wanted.topic_id) : catalog_.Find(wanted.topic);
  if (topic == nullptr) {
    error = by_id || wanted.topic.empty() ? KafkaError::kUnknownTopicId : KafkaError::kUnknownTopicOrPartition;
    return nullptr;
  }
  HostedPartition* const partition = topic->Find(wanted.asked.partition);
  if (partition == nullptr) error = KafkaError::kUnknownTopicOrPartition;
  return partition;
}

asio::awaitable<bool> FetchHandler::Park(const Pass& pass, int64_t missing_bytes, DelayedFetch::TimePoint deadline,
                                         WaitingClient& client) {
  DelayedFetch fetch(co_await asio::this_coro::executor, missing_bytes);
  bool left = false;
  for (HostedPartition* partition : pass.readable) partition->watchers.Add(&fetch);
  parked_.insert(&fetch);
  client.Watch([&fetch, &left] {
    left = true;
    fetch.Wake();
  });
  co_await fetch.WaitUntil(deadline);
  client.Unwatch();
  parked_.erase(&fetch);
  for (HostedPartition* partition : pass.readable) partition->watchers.Remove(&fetch);
  co_return !left;
}

}  // namespace slipstream
