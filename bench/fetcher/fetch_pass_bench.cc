// What does a fetch of one busy partition cost beside idle ones of the same thread: building the request, judging the
// answer, appending a record? It must not hang on how many there are; what it allocates is counted.
#include <benchmark/benchmark.h>

#include <boost/asio/post.hpp>

#include <functional>
#include <memory>

#include "bench/allocations.h"
#include "bench/fetcher/running_lanes.h"
#include "bench/idle_log_dir.h"
#include "log/bytes.h"
#include "log/record_batch.h"
#include "tests/support/no_questions_leader.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr int64_t kWarmUpPasses = 2000, kPassesUncounted = 100;
const Uuid kTopicId{1, 2};

// Each fetch that asks for the busy partition gets one more record of it at once, any other waits; in a full request
// each partition has no news. Answers are made in place.
class BusyLeader final : public NoQuestionsLeader {
 public:
  explicit BusyLeader(asio::io_context& io) : io_(io), closing_(io.get_executor()) {}

  BrokerId broker_id() const override { return BrokerId{1}; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override { co_return true; }
  void Close() override {
    closed_ = true;
    closing_.NotifyAll();
  }

  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t) override {
    co_await asio::post(io_, asio::use_awaitable);  // as a network would
    std::vector<PartitionData>& answers = StartAnswer(exchange.response, kTopicId);
    for (const ForgottenTopic& topic : exchange.request.forgotten_topics_data)
      for (const int32_t partition : topic.partitions) busy_ = busy_ && partition != 0;
    told_last_ = 0;
    for (const FetchTopic& topic : exchange.request.topics) {
      for (const FetchPartition& partition : topic.partitions) {
        ++told_last_;
        if (partition.partition == 0) {
          busy_ = true;
          next_ = partition.fetch_offset;
        } else if (exchange.request.session_epoch == 0) {
          answers.push_back(NoNews(partition));
        }
      }
    }
    while (!busy_ && answers.empty() && !closed_) co_await closing_.Wait();
    if (closed_) co_return absl::CancelledError("closed");
    if (busy_) answers.push_back(OneRecord());
    if (on_record && busy_) on_record();
    co_return absl::OkStatus();
  }

  std::function<void()> on_record;                 // once for each that is answered
  size_t told_last() const { return told_last_; }  // partitions that the last request told of

 private:
  static PartitionData NoNews(const FetchPartition& asked) {
    PartitionData data;
    data.partition_index = asked.partition;
    data.high_watermark = asked.fetch_offset;
    data.log_start_offset = Offset{0};
    return data;
  }
  PartitionData OneRecord() {
    WriteBigEndian<int64_t>(batch_, BatchField::kBaseOffset, next_.value);  // the checksum does not cover it
    PartitionData data = NoNews({.partition = 0, .fetch_offset = next_ + 1});
    data.records.bytes = batch_;
    return data;
  }

  asio::io_context& io_;
  AsyncEvent closing_;
  const Endpoint endpoint_{"bench", 9092};
  std::vector<std::byte> batch_ = MakeBatch({.record_count = 1});
  Offset next_;
  bool busy_ = false, closed_ = false;
  size_t told_last_ = 0;
};

// Arg: idle partitions. Time: of one fetch of the busy one, from building it to its record in the log.
void BM_FetchPass(benchmark::State& state) {
  const TempDir dir;
  const int64_t idle = state.range(0);
  FillIdle(dir.path(), idle + 1, kTopicId);
  const std::unique_ptr<LogDirectory> logs = *LogDirectory::Open(SystemFileIo(), {.log_dir = dir.path()});
  asio::io_context io{1};
  BlockingIoQueue queue;
  const FetcherConfig config;
  std::vector<BusyLeader*> leaders;
  const auto make_leader = [&] {
    auto leader = std::make_unique<BusyLeader>(io);
    leaders.push_back(leader.get());
    return leader;
  };
  const RunningLanes lanes(io, make_leader, queue, config, *logs, kTopicId, LeaderEpoch{0});
  const FetchCounters& counters = lanes.counters();
  int64_t passes_left = kWarmUpPasses;
  uint64_t fetches_before = 0, allocations_before = 0;
  const auto begin_count = [&] {
    fetches_before = counters.fetches.load();
    allocations_before = Allocations();
  };
  for (BusyLeader* leader : leaders) {
    leader->on_record = [&] {
      --passes_left;
      if (passes_left == state.max_iterations) begin_count();
      if (passes_left == 0) io.stop();
    };
  }
  io.run();

  // In one run(), as a fetcher thread is: Asio keeps a coroutine's memory for the next one until it ends.
  passes_left = state.max_iterations + kPassesUncounted;
  io.restart();
  while (state.KeepRunningBatch(state.max_iterations)) io.run();
  const double passes = static_cast<double>(state.iterations());
  state.counters["allocations"] = static_cast<double>(Allocations() - allocations_before) / passes;
  state.counters["fetches"] = static_cast<double>(counters.fetches.load() - fetches_before) / passes;
  state.counters["told"] = static_cast<double>(leaders[static_cast<size_t>(LaneKind::kTail)]->told_last());

  const TopicPartition busy{"bench", 0};
  const LaneGroup& group = lanes.group();
  SLIP_CHECK(group.LaneOf(busy) == &group.lane(LaneKind::kTail));
  SLIP_CHECK_EQ(group.lane(LaneKind::kIdle).size(), static_cast<size_t>(idle));
  SLIP_CHECK_EQ(logs->Find(busy)->log_end_offset().value, kIdleLogEnd + static_cast<int64_t>(counters.records.load()));
  SLIP_CHECK_EQ(counters.fetch_errors.load() + counters.stale_answers.load(), 0u);
}
BENCHMARK(BM_FetchPass)->ArgName("partitions")->RangeMultiplier(10)->Range(10, 100'000)->Iterations(20'000);

}  // namespace
}  // namespace slipstream
