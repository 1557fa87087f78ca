// SimLeader: a fetch at the broker, and its answer on the way back.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/io/direct_appender.h"
#include "tests/sim/sim_leader.h"

namespace slipstream::sim {
namespace {

constexpr uintptr_t kBlock = kDirectAlignmentMax;

struct Frame {
  std::vector<std::byte> memory;
};

}  // namespace

void SimLeader::Track(const FetchRequest& request) {
  if (request.session_epoch <= 0) session_.clear();
  for (const FetchTopic& topic : request.topics)
    for (const FetchPartition& partition : topic.partitions) session_[NameOf(partition.partition)] = partition;
  for (const ForgottenTopic& topic : request.forgotten_topics_data)
    for (const int32_t partition : topic.partitions) session_.erase(NameOf(partition));
}

std::vector<FetchPart> SimLeader::ReadAll(FetchContext& context, const FetchRequest& request, int16_t version) {
  std::vector<FetchPart> parts;
  int64_t bytes_left = request.max_bytes;
  bool first_records = true;
  for (const SessionPartition& wanted : context.partitions()) {
    const Partition& partition = model_.partition(wanted.asked.partition);
    const Replica& replica = partition.replicas[static_cast<size_t>(broker_)];
    FetchPart part = AnswerFetch(replica, wanted.asked, {options_.replica, version}, bytes_left, first_records);
    const int64_t bytes = static_cast<int64_t>(part.data.records.external_bytes);
    first_records = first_records && bytes == 0;
    bytes_left -= bytes;
    parts.push_back(std::move(part));
  }
  return parts;
}

asio::awaitable<void> SimLeader::Serve(FetchRequest request, int16_t version, Answer* answer) {
  const Clock::TimePoint deadline = scheduler_.now() + std::chrono::milliseconds(request.max_wait_ms);
  FetchSessionCache& sessions = *model_.broker(broker_).sessions;
  FetchContext context = sessions.Open(request, version, scheduler_.now());
  std::vector<FetchPart> parts;
  while (context.error() == KafkaError::kNone && !context.Superseded()) {
    parts = ReadAll(context, request, version);
    const bool news = std::ranges::any_of(parts, [](const FetchPart& part) {
      return !part.records.empty() || part.data.error_code != KafkaError::kNone ||
             part.data.diverging_epoch.end_offset >= Offset{0};
    });
    if (news || parts.empty() || naps_.ended() || !Up() || scheduler_.now() >= deadline) break;
    co_await polls_.For(deadline - scheduler_.now());
  }
  std::vector<PartitionData> data;
  for (FetchPart& part : parts) {
    answer->records[NameOf(part.data.partition_index)] = std::move(part.records);
    data.push_back(std::move(part.data));
  }
  if (context.Superseded()) data.clear();
  (void)sessions.Answer(context, data, scheduler_.now(), answer->response);
}

// One of a connection that has ended, whose session is another.
bool SimLeader::TakeStale(Answer& answer) {
  if (kept_.empty()) return false;
  Answer& stale = random_.Pick(kept_);
  if (stale.response.session_id == answer.response.session_id) return false;
  answer = stale;
  return true;
}

void SimLeader::Deliver(FetchExchange& exchange, Answer answer, bool misplaced, bool damaged) {
  const auto frame = std::make_shared<Frame>();
  size_t room = 0;
  for (const auto& [name, records] : answer.records)
    for (const ModelBatch* batch : records) room += batch->bytes.size();
  frame->memory.resize(room + (answer.records.size() + 1) * kBlock);
  std::byte* at = frame->memory.data();
  exchange.response = std::move(answer.response);
  const FetchResponse& response = exchange.response;
  const bool usable = !misplaced && response.error_code == KafkaError::kNone;
  trace_.Tell(endpoint_.host, ": answer, session ", response.session_id, " error ", KafkaErrorName(response.error_code),
              misplaced ? ", not of this session" : "");
  for (FetchableTopicResponse& topic : exchange.response.responses) {
    for (PartitionData& data : topic.partitions) {
      const TopicPartition name = NameOf(data.partition_index);
      ModelBatches& records = answer.records[name];
      const std::optional<FilePosition> landing =
          exchange.landing ? exchange.landing(topic, data.partition_index) : std::nullopt;
      while (landing && reinterpret_cast<uintptr_t>(at) % kBlock != landing->value % kBlock) ++at;
      std::byte* const begin = at;
      for (const ModelBatch* batch : records) at = std::copy(batch->bytes.begin(), batch->bytes.end(), at);
      data.records.external_bytes = 0;
      data.records.bytes = ByteSpan(begin, at);
      if (damaged && begin != at && random_.Chance({1, 2})) {
        // Anywhere in a batch but where neither its length nor its CRC can tell: base offset and epoch.
        const size_t victim = random_.Below(records.size());
        std::byte* byte = begin;
        for (size_t i = 0; i < victim; ++i) byte += records[i]->bytes.size();
        const size_t header = BatchField::kMagic;
        byte += header + random_.Below(records[victim]->bytes.size() - header);
        *byte ^= static_cast<std::byte>(1 + random_.Below(255));
        records.resize(victim);
      }
      trace_.Tell(endpoint_.host, ": ", name.ToString(), " error ", KafkaErrorName(data.error_code), " high watermark ",
                  data.high_watermark.value, " start ", data.log_start_offset.value, " diverging ",
                  data.diverging_epoch.end_offset.value, " batches ", records.size(), " bytes ",
                  data.records.bytes.size());
      const auto asked = answer.asked.find(name);
      if (usable && asked != answer.asked.end()) witness_.OnRecords(*this, name, asked->second, records);
    }
  }
  SLIP_CHECK(at <= frame->memory.data() + frame->memory.size());
  exchange.frame = frame;
}

}  // namespace slipstream::sim
