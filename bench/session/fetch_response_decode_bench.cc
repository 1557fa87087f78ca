// How fast is a fetch response decoded into one that is decoded into again and again, and does that allocate?
// The records stay where they are, so their size does not count: figures are per response of so many partitions.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/allocations.h"
#include "log/check.h"
#include "session/wire/codec.h"
#include "session/wire/messages/fetch.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 17;
constexpr int32_t kCorrelationId = 7;
constexpr size_t kPartitionsPerTopic = 10;

std::vector<std::byte> EncodeFrame(size_t partitions, ByteSpan records) {
  FetchResponse response;
  while (partitions > 0) {
    FetchableTopicResponse& topic = response.responses.emplace_back();
    topic.topic_id = {1, partitions};
    topic.partitions.resize(std::min(partitions, kPartitionsPerTopic));
    partitions -= topic.partitions.size();
    for (PartitionData& partition : topic.partitions) {
      partition.high_watermark = {1000};
      partition.last_stable_offset = {1000};
      partition.log_start_offset = {0};
      partition.records.bytes = records;
    }
  }
  std::vector<std::byte> frame = Join(EncodeResponse(response, kVersion, kCorrelationId));
  frame.erase(frame.begin(), frame.begin() + 4);
  return frame;
}

void BM_DecodeFetchResponse(benchmark::State& state) {
  const std::vector<std::byte> records(100);
  const std::vector<std::byte> frame = EncodeFrame(static_cast<size_t>(state.range(0)), records);
  FetchResponse response;
  SLIP_CHECK(DecodeResponse(ByteSpan(frame), kVersion, kCorrelationId, response).ok());
  const uint64_t allocations_before = Allocations();
  for (auto _ : state) {
    SLIP_CHECK(DecodeResponse(ByteSpan(frame), kVersion, kCorrelationId, response).ok());
    benchmark::DoNotOptimize(response);
  }
  const uint64_t allocated = Allocations() - allocations_before;
  SLIP_CHECK_EQ(response.responses.back().partitions.back().records.bytes.size(), records.size());
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(allocated), benchmark::Counter::kAvgIterations);
  state.SetItemsProcessed(state.iterations() * state.range(0));  // partitions
}
BENCHMARK(BM_DecodeFetchResponse)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace slipstream
