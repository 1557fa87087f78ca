// What does one partition that nothing good comes of take from the 999 others of its thread? Its leader sends it
// damaged batches, or has its records cut again and again, or its disk is full; they get a record each with every
// fetch. It is tried again a hundred times as often as by default, so that a second of measuring sees it.
#include <benchmark/benchmark.h>

#include <boost/asio/post.hpp>

#include <functional>
#include <map>
#include <memory>

#include "bench/fetcher/running_lanes.h"
#include "bench/idle_log_dir.h"
#include "log/bytes.h"
#include "log/record_batch.h"
#include "tests/support/no_questions_leader.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

enum class Trouble { kNone, kDamagedBatch, kEndlessDivergence, kFullDisk };

constexpr int kPartitions = 1000;
constexpr int64_t kWarmUpRounds = 20;
constexpr int32_t kBad = 0;
const Uuid kTopicId{1, 2};

// One record at a time for each partition that is asked for, answers in place.
class GenerousLeader final : public NoQuestionsLeader {
 public:
  GenerousLeader(asio::io_context& io, Trouble trouble) : io_(io), trouble_(trouble) {
    damaged_.back() ^= std::byte{1};
  }

  BrokerId broker_id() const override { return BrokerId{1}; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override { co_return true; }
  void Close() override { closed_ = true; }

  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t) override {
    co_await asio::post(io_, asio::use_awaitable);  // as a network would
    if (exchange.request.session_epoch == 0) next_.clear();
    for (const ForgottenTopic& topic : exchange.request.forgotten_topics_data)
      for (const int32_t partition : topic.partitions) next_.erase(partition);
    for (const FetchTopic& topic : exchange.request.topics)
      for (const FetchPartition& partition : topic.partitions) next_[partition.partition] = partition.fetch_offset;
    if (closed_) co_return absl::CancelledError("closed");
    std::vector<PartitionData>& answers = StartAnswer(exchange.response, kTopicId);
    batches_.resize(next_.size());
    for (const auto& [partition, offset] : next_)
      answers.push_back(Answer(partition, offset, batches_[answers.size()]));
    on_answer(next_.size());
    co_return absl::OkStatus();
  }

  std::function<void(size_t partitions)> on_answer;

 private:
  PartitionData Answer(int32_t partition, Offset offset, std::vector<std::byte>& batch) {
    const Trouble trouble = partition == kBad ? trouble_ : Trouble::kNone;
    PartitionData data;
    data.partition_index = partition;
    data.high_watermark = offset + 1;
    data.log_start_offset = Offset{0};
    if (trouble == Trouble::kEndlessDivergence && offset > Offset{kIdleLogEnd}) {
      data.diverging_epoch = {LeaderEpoch{0}, Offset{kIdleLogEnd}};
      return data;
    }
    batch = trouble == Trouble::kDamagedBatch ? damaged_ : batch_;
    WriteBigEndian<int64_t>(batch, BatchField::kBaseOffset, offset.value);  // the checksum does not cover it
    data.records.bytes = batch;
    return data;
  }

  asio::io_context& io_;
  const Trouble trouble_;
  const Endpoint endpoint_{"bench", 9092};
  const std::vector<std::byte> batch_ = MakeBatch({.record_count = 1, .leader_epoch = 1, .value_bytes = 1000});
  std::vector<std::byte> damaged_ = batch_;
  std::map<int32_t, Offset> next_;               // of those in the session
  std::vector<std::vector<std::byte>> batches_;  // of the answer
  bool closed_ = false;
};

// Writes what the log of one partition appends nowhere.
class DiskFullForOne final : public IoQueue {
 public:
  explicit DiskFullForOne(std::filesystem::path full) : full_(std::move(full)) {}

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) override {
    co_return WriteNow(file, bytes, at);
  }
  absl::Status WriteNow(File& file, ByteSpan bytes, FilePosition at) override {
    if (file.path().parent_path() == full_) return absl::ResourceExhaustedError("no space left on the bench's disk");
    return file.WriteAt(bytes, at);
  }
  size_t write_now_bytes_max() const override { return 64 << 10; }
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override {
    co_return file.WriteDirectAt(parts, at);
  }
  asio::awaitable<absl::Status> Sync(File& file) override { co_return file.Sync(); }

 private:
  const std::filesystem::path full_;
};

// Arg: the trouble. Time: of a fetch that brings each of the others a record, to their logs.
void BM_OneBadPartitionOf1000(benchmark::State& state) {
  const auto trouble = static_cast<Trouble>(state.range(0));
  const TempDir dir;
  FillIdle(dir.path(), kPartitions, kTopicId);
  const std::unique_ptr<LogDirectory> logs = *LogDirectory::Open(SystemFileIo(), {.log_dir = dir.path()});
  asio::io_context io{1};
  DiskFullForOne queue(trouble == Trouble::kFullDisk ? dir.path() / "bench-0" : "");
  FetcherConfig config;
  config.replica_fetch_backoff = config.failed_partition_backoff_max = std::chrono::milliseconds(10);
  int64_t rounds_left = kWarmUpRounds;
  const auto make_leader = [&] {
    auto leader = std::make_unique<GenerousLeader>(io, trouble);
    leader->on_answer = [&](size_t partitions) {
      if (partitions >= kPartitions - 1 && --rounds_left == 0) io.stop();
    };
    return leader;
  };
  const RunningLanes lanes(io, make_leader, queue, config, *logs, kTopicId, LeaderEpoch{1});
  const FetchCounters& counters = lanes.counters();
  io.run();
  const auto troubles = [&] { return counters.fetch_errors.load() + counters.truncations.load(); };
  const uint64_t troubles_before = troubles();
  rounds_left = state.max_iterations;
  io.restart();
  while (state.KeepRunningBatch(state.max_iterations)) io.run();
  state.counters["others_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * (kPartitions - 1), benchmark::Counter::kIsRate);

  const auto end = [&](int32_t partition) { return logs->Find({"bench", partition})->log_end_offset().value; };
  for (int32_t other = 1; other < kPartitions; ++other) SLIP_CHECK(end(other) >= kIdleLogEnd + state.iterations());
  SLIP_CHECK_EQ(end(kBad) <= kIdleLogEnd + 1, trouble != Trouble::kNone);
  state.counters["troubles"] = static_cast<double>(troubles() - troubles_before);
  SLIP_CHECK_EQ(troubles() > troubles_before, trouble != Trouble::kNone);
}
BENCHMARK(BM_OneBadPartitionOf1000)->ArgName("trouble")->DenseRange(0, 3)->Iterations(200)->UseRealTime();

}  // namespace
}  // namespace slipstream
