#include "fetcher/leader/produce_handler.h"

#include <algorithm>

#include "fetcher/leader/produce_checks.h"
#include "log/check.h"
#include "session/wire/error_message.h"

namespace slipstream {
namespace {

void Refuse(PartitionProduceResponse& answer, KafkaError error, absl::string_view why) {
  answer.error_code = error;
  if (!why.empty()) answer.error_message = ErrorMessage(why);
}

// The same bytes as they lie in the request, to be changed.
std::span<std::byte> Mutable(std::span<std::byte> body, ByteSpan part) {
  SLIP_CHECK(part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size());
  return body.subspan(static_cast<size_t>(part.data() - body.data()), part.size());
}

// Of the whole request, for every partition alike.
ProduceVerdict CheckRequest(const ProduceRequest& request) {
  if (request.acks < -1 || request.acks > 1) return {KafkaError::kInvalidRequiredAcks, "acks must be -1, 0 or 1"};
  if (request.transactional_id) return {KafkaError::kInvalidRequest, "transactions are not supported"};
  return {};
}

}  // namespace

HostedPartition* ProduceHandler::Accept(const TopicProduceData& topic_data, const PartitionProduceData& produced,
                                        int16_t version, PartitionProduceResponse& answer) {
  const bool by_id = !topic_data.topic_id.IsZero();
  HostedTopic* const topic = by_id ? catalog_.Find(topic_data.topic_id) : catalog_.Find(topic_data.name);
  HostedPartition* const partition = topic == nullptr ? nullptr : topic->Find(produced.index);
  if (partition == nullptr) {
    const bool no_such_id = by_id && topic == nullptr;
    Refuse(answer, no_such_id ? KafkaError::kUnknownTopicId : KafkaError::kUnknownTopicOrPartition, "");
    return nullptr;
  }
  const ProduceVerdict verdict =
      CheckProducedRecords(produced.records.bytes, version, kBatchBytesMax, partition->log.compacted());
  if (verdict.error == KafkaError::kNone) return partition;
  Refuse(answer, verdict.error, verdict.message);
  return nullptr;
}

asio::awaitable<void> ProduceHandler::Handle(const ProduceRequest& request, int16_t version, std::span<std::byte> body,
                                             ProduceResponse& response) {
  const ProduceVerdict whole = CheckRequest(request);
  for (const TopicProduceData& data : request.topic_data) {
    TopicProduceResponse& answers = response.responses.emplace_back();
    answers.name = data.name;
    answers.topic_id = data.topic_id;
    answers.partition_responses.reserve(data.partition_data.size());
    for (const PartitionProduceData& produced : data.partition_data) {
      PartitionProduceResponse& answer = answers.partition_responses.emplace_back();
      answer.index = produced.index;
      if (whole.error != KafkaError::kNone) {
        Refuse(answer, whole.error, whole.message);
        continue;
      }
      HostedPartition* const partition = Accept(data, produced, version, answer);
      if (partition != nullptr) co_await Append(*partition, Mutable(body, produced.records.bytes), answer);
    }
  }
}

asio::awaitable<void> ProduceHandler::Append(HostedPartition& partition, std::span<std::byte> batch,
                                             PartitionProduceResponse& answer) {
  co_await partition.append_turn.Take();
  const RecordBatchView view(batch);
  const bool idempotent = view.producer_id() >= 0;
  const ProducerTable::Verdict verdict = idempotent ? partition.producers.Check(view) : ProducerTable::Verdict{};
  if (verdict.error != KafkaError::kNone) {
    Refuse(answer, verdict.error, "");
  } else if (verdict.duplicate_of) {
    answer.base_offset = *verdict.duplicate_of;
  } else {
    const absl::StatusOr<Offset> appended =
        co_await partition.log.AppendAsLeader(queue_, batch, partition.leader_epoch);
    if (appended.ok()) {
      if (idempotent) partition.producers.Remember(view, *appended);
      partition.OnAppended(batch.size());
      answer.base_offset = *appended;
    } else {
      const bool above_segment_bytes = absl::IsInvalidArgument(appended.status());
      Refuse(answer, above_segment_bytes ? KafkaError::kRecordListTooLarge : KafkaError::kKafkaStorageError,
             appended.status().message());
    }
  }
  partition.append_turn.Release();
  answer.log_start_offset = partition.log.log_start_offset();
}

bool HasError(const ProduceResponse& response) {
  return std::ranges::any_of(response.responses, [](const TopicProduceResponse& topic) {
    return std::ranges::any_of(topic.partition_responses,
                               [](const auto& answer) { return answer.error_code != KafkaError::kNone; });
  });
}

}  // namespace slipstream
