// What does one partition that nothing good comes of take from the 999 others of its thread? Its leader sends it
// damaged batches, or has its records cut again and again, or its disk is full; they get a record each with every
// fetch. It is tried again a hundred times as often as by default, so that a second of measuring sees it.
#include <benchmark/benchmark.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

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
constexpr int64_t kRoundsPerTurn = 20;  // some 70 ms: several tries of the bad partition
constexpr int32_t kBad = 0;
const Uuid kTopicId{1, 2};

// One record at a time for each partition that is asked for, answers in place.
class GenerousLeader final : public NoQuestionsLeader {
 public:
  // `trouble` may change while it answers, and outlives it.
  GenerousLeader(asio::io_context& io, const Trouble& trouble) : io_(io), trouble_(trouble) {
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
  const Trouble& trouble_;
  const Endpoint endpoint_{"bench", 9092};
  const std::vector<std::byte> batch_ = MakeBatch({.record_count = 1, .leader_epoch = 1, .value_bytes = 1000});
  std::vector<std::byte> damaged_ = batch_;
  std::map<int32_t, Offset> next_;               // of those in the session
  std::vector<std::vector<std::byte>> batches_;  // of the answer
  bool closed_ = false;
};

// Refuses what the log of one partition appends, while the trouble is that.
class DiskFullForOne final : public IoQueue {
 public:
  DiskFullForOne(std::filesystem::path full, const Trouble& trouble)
      : IoQueue(64 << 10), full_(std::move(full)), trouble_(trouble) {}

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) override {
    co_return WriteNow(file, bytes, at);
  }
  absl::Status WriteNow(File& file, ByteSpan bytes, FilePosition at) override {
    if (file.path().parent_path() == full_ && trouble_ == Trouble::kFullDisk)
      return absl::ResourceExhaustedError("no space left on the bench's disk");
    return file.WriteAt(bytes, at);
  }
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override {
    co_return file.WriteDirectAt(parts, at);
  }
  asio::awaitable<absl::Status> Sync(File& file) override { co_return file.Sync(); }

 private:
  const std::filesystem::path full_;
  const Trouble& trouble_;
};

// A fetcher thread's lanes over 1,000 partitions of a log dir.
class Thread {
 public:
  // Until each of the others has had that many answers with a record for it, with the bad one in that trouble.
  void Run(int64_t rounds, Trouble trouble) {
    trouble_ = trouble;
    rounds_left_ = rounds;
    rounds_ += rounds;
    io_.restart();
    io_.run();
  }
  uint64_t troubles() const { return lanes_.counters().fetch_errors.load() + lanes_.counters().truncations.load(); }
  bool HasAll(int32_t partition) const {
    // An answer's records are in the logs when the next one is asked for.
    return logs_->Find({"bench", partition})->log_end_offset() >= Offset{kIdleLogEnd + rounds_ - 1};
  }

 private:
  static std::unique_ptr<LogDirectory> Fill(const std::filesystem::path& log_dir) {
    FillIdle(log_dir, kPartitions, kTopicId);
    return *LogDirectory::Open(SystemFileIo(), {.log_dir = log_dir});
  }
  static FetcherConfig Config() {
    FetcherConfig config;
    config.replica_fetch_backoff = config.failed_partition_backoff_max = std::chrono::milliseconds(10);
    return config;
  }
  std::unique_ptr<LeaderEndpoint> MakeLeader() {
    auto leader = std::make_unique<GenerousLeader>(io_, trouble_);
    leader->on_answer = [this](size_t partitions) {
      if (partitions >= kPartitions - 1 && --rounds_left_ == 0) io_.stop();
    };
    return leader;
  }

  const TempDir dir_;
  const std::unique_ptr<LogDirectory> logs_ = Fill(dir_.path());
  const FetcherConfig config_ = Config();
  const LaneGroup::MakeLeader make_leader_ = [this] { return MakeLeader(); };
  Trouble trouble_ = Trouble::kNone;
  DiskFullForOne queue_{dir_.path() / "bench-0", trouble_};
  asio::io_context io_{1};
  int64_t rounds_left_ = 0, rounds_ = 0;
  const RunningLanes lanes_{io_, make_leader_, queue_, config_, *logs_, kTopicId, LeaderEpoch{1}};
};

// Arg: the trouble. Time: of `kRoundsPerTurn` fetches that bring each of the others a record, to their logs, while it
// lasts. Turns without it come between, since a machine's speed changes by more than what is looked for:
// others_lose_percent is by how much the rate falls with the trouble, the median over the pairs of turns.
void BM_OneBadPartitionOf1000(benchmark::State& state) {
  const auto trouble = static_cast<Trouble>(state.range(0));
  Thread thread;
  const auto turn = [&](Trouble now) {
    const auto from = std::chrono::steady_clock::now();
    thread.Run(kRoundsPerTurn, now);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  };
  turn(Trouble::kNone);  // warms up
  std::vector<double> rates_kept;
  for (auto _ : state) {
    const bool healthy_first = rates_kept.size() % 2 == 0;
    double healthy_s = healthy_first ? turn(Trouble::kNone) : 0;
    const double troubled_s = turn(trouble);
    if (!healthy_first) healthy_s = turn(Trouble::kNone);
    rates_kept.push_back(healthy_s / troubled_s);
    state.SetIterationTime(troubled_s);
  }
  state.counters["others_per_s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kRoundsPerTurn * (kPartitions - 1), benchmark::Counter::kIsRate);
  const auto middle = rates_kept.begin() + static_cast<ptrdiff_t>(rates_kept.size() / 2);
  std::ranges::nth_element(rates_kept, middle);
  state.counters["others_lose_percent"] = 100 * (1 - *middle);

  for (int32_t other = 1; other < kPartitions; ++other) SLIP_CHECK(thread.HasAll(other));
  SLIP_CHECK_EQ(thread.HasAll(kBad), trouble == Trouble::kNone);
  state.counters["troubles"] = static_cast<double>(thread.troubles());
  SLIP_CHECK_EQ(thread.troubles() > 0, trouble != Trouble::kNone);
}
BENCHMARK(BM_OneBadPartitionOf1000)->ArgName("trouble")->DenseRange(0, 3)->Iterations(20)->UseManualTime();

}  // namespace
}  // namespace slipstream
