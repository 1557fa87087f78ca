#include "fetcher/moves/local_leader_endpoint.h"

#include <algorithm>

#include "fetcher/log_answers.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{20};

bool IsNews(const PartitionData& data, const LogSlice& slice) {
  return slice.bytes > 0 || data.error_code != KafkaError::kNone || data.diverging_epoch.end_offset >= Offset{0};
}

// The partitions of an answer, in its order.
std::vector<PartitionData*> PartitionsOf(FetchResponse& response) {
  std::vector<PartitionData*> partitions;
  for (FetchableTopicResponse& topic : response.responses)
    for (PartitionData& data : topic.partitions) partitions.push_back(&data);
  return partitions;
}

}  // namespace

asio::awaitable<absl::StatusOr<bool>> LocalLeaderEndpoint::SupportsTopicIds() { co_return false; }

asio::awaitable<absl::StatusOr<bool>> LocalLeaderEndpoint::SupportsTruncationOnFetch() { co_return true; }

asio::awaitable<absl::Status> LocalLeaderEndpoint::Fetch(FetchExchange& exchange, int16_t) {
  const Clock::TimePoint deadline = clock_.Now() + std::chrono::milliseconds(exchange.request.max_wait_ms);
  for (;;) {
    const Readings readings = co_await LookAtAll(exchange.request);
    if (view_.closed()) co_return absl::CancelledError("closed");
    const Clock::TimePoint now = clock_.Now();
    const bool all_seen = std::ranges::all_of(readings, [](const auto& reading) { return reading->seen; });
    const bool news =
        std::ranges::any_of(readings, [](const auto& reading) { return IsNews(reading->data, reading->slice); });
    if (!all_seen || (!news && now < deadline)) {
      co_await pause_.For(kBetweenLooks);
      continue;
    }
    exchange.response = {};
    for (const auto& reading : readings) {
      std::vector<FetchableTopicResponse>& topics = exchange.response.responses;
      if (topics.empty() || topics.back().topic != reading->partition.topic)
        topics.emplace_back().topic = reading->partition.topic;
      topics.back().partitions.push_back(reading->data);
    }
    ReadRecords(exchange, readings);
    for (const auto& reading : readings)
      if (!reading->unreadable.ok()) unreadable_(reading->partition, reading->unreadable);
    co_await DropWhatWasCut(exchange, readings);
    co_return view_.closed() ? absl::CancelledError("closed") : absl::OkStatus();
  }
}

asio::awaitable<LocalLeaderEndpoint::Readings> LocalLeaderEndpoint::LookAtAll(const FetchRequest& request) {
  Readings readings;
  uint64_t room = static_cast<uint64_t>(std::max(0, request.max_bytes));
  for (const FetchTopic& topic : request.topics) {
    for (const FetchPartition& asked : topic.partitions) {
      const auto reading = std::make_shared<Reading>();
      reading->partition = {topic.topic, asked.partition};
      reading->data.partition_index = asked.partition;
      readings.push_back(reading);
      const uint64_t bytes_max = std::min(room, static_cast<uint64_t>(std::max(0, asked.partition_max_bytes)));
      std::function<void(PartitionLog&)> look = [asked, bytes_max, reading](PartitionLog& log) {
        Look(log, asked, bytes_max, *reading);
      };
      reading->seen = co_await view_.See(reading->partition, std::move(look));
      if (view_.closed()) co_return readings;
      room -= std::min(room, reading->slice.bytes);
    }
  }
  co_return readings;
}

// On the owner's thread.
void LocalLeaderEndpoint::Look(PartitionLog& log, const FetchPartition& asked, uint64_t bytes_max, Reading& reading) {
  PartitionData& data = reading.data;
  reading.truncations = log.truncations();
  if (Diverges(log, asked, data)) return;
  data.high_watermark = log.high_watermark();
  data.last_stable_offset = log.last_stable_offset();
  data.log_start_offset = log.log_start_offset();
  // What is in remote storage only would be missing in the other log, which would not know.
  if (log.log_start_offset() < log.local_log_start_offset())
    reading.unreadable = absl::FailedPreconditionError("a log that begins behind remote storage is not moved");
  absl::StatusOr<LogSlice> slice = log.Read(asked.fetch_offset, log.log_end_offset(), bytes_max);
  if (!slice.ok() && !absl::IsOutOfRange(slice.status())) reading.unreadable = slice.status();
  data.error_code = reading.unreadable.ok() ? ErrorOfRead(slice.status()) : KafkaError::kKafkaStorageError;
  if (slice.ok() && reading.unreadable.ok()) reading.slice = *std::move(slice);
}

void LocalLeaderEndpoint::ReadRecords(FetchExchange& exchange, const Readings& readings) {
  size_t room = 0;
  for (const auto& reading : readings) room += reading->slice.bytes > 0 ? reading->slice.bytes + kPageBytes : 0;
  if (room == 0) return;
  const BufferPool::Buffer buffer = buffers_.Take(room);
  exchange.frame = buffer;
  size_t used = 0, i = 0;
  for (FetchableTopicResponse& topic : exchange.response.responses) {
    for (PartitionData& data : topic.partitions) {
      Reading& reading = *readings[i++];
      const LogSlice& slice = reading.slice;
      if (slice.bytes == 0) continue;
      // Congruent to its place in the future log's file, as from a socket (FetchExchange::landing).
      const auto landing = exchange.landing ? exchange.landing(topic, data.partition_index) : std::nullopt;
      if (landing) used += (landing->value - used) % kPageBytes;
      const std::span<std::byte> into = buffer->span().subspan(used, slice.bytes);
      const absl::StatusOr<size_t> read = slice.file->ReadAt(into, slice.position);
      if (!read.ok()) data.error_code = KafkaError::kKafkaStorageError;
      reading.unreadable.Update(read.status());
      data.records.bytes = into.first(read.value_or(0));
      used += read.value_or(0);
    }
  }
}

// A cut log is written anew at the same places of its files: what was read meanwhile may be of both.
asio::awaitable<void> LocalLeaderEndpoint::DropWhatWasCut(FetchExchange& exchange, const Readings& readings) {
  const std::vector<PartitionData*> answers = PartitionsOf(exchange.response);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]->records.bytes.empty()) continue;
    const auto truncations = std::make_shared<uint64_t>();
    std::function<void(PartitionLog&)> look = [truncations](PartitionLog& log) { *truncations = log.truncations(); };
    const bool seen = co_await view_.See(readings[i]->partition, std::move(look));
    if (!seen || *truncations != readings[i]->truncations) answers[i]->records = {};
  }
}

asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> LocalLeaderEndpoint::OffsetsForLeaderEpoch(
    std::vector<EpochQuery> queries) {
  std::vector<EpochAnswer> answers;
  for (const EpochQuery& query : queries) {
    const auto answer = std::make_shared<EpochAnswer>();
    answer->partition = query.partition;
    std::function<void(PartitionLog&)> look = [answer, epoch = query.leader_epoch](PartitionLog& log) {
      answer->end = log.EndOffsetForEpoch(epoch);
    };
    if (co_await view_.See(query.partition, std::move(look))) answers.push_back(*answer);
    if (view_.closed()) co_return absl::CancelledError("closed");
  }
  co_return answers;
}

asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> LocalLeaderEndpoint::ListOffset(TopicPartition partition,
                                                                                             LeaderEpoch,
                                                                                             Timestamp timestamp) {
  const auto answer = std::make_shared<OffsetAnswer>();
  std::function<void(PartitionLog&)> look = [answer, timestamp](PartitionLog& log) {
    if (timestamp == kLatestTimestamp) {
      answer->offset = log.log_end_offset();
      answer->leader_epoch = log.latest_epoch().value_or(LeaderEpoch{});
    } else if (timestamp == kEarliestTimestamp) {
      answer->offset = log.log_start_offset();
      answer->leader_epoch = EpochAt(log, answer->offset);
    } else {
      answer->error = KafkaError::kUnsupportedVersion;
    }
  };
  const bool seen = co_await view_.See(partition, std::move(look));
  if (view_.closed()) co_return absl::CancelledError("closed");
  if (!seen) co_return std::nullopt;
  co_return *answer;
}

void LocalLeaderEndpoint::Close() {
  view_.Close();
  pause_.Interrupt();
}

}  // namespace slipstream
