// How fast does one round of compaction go over a log of which half is superseded? Reading for keys, reading again,
// writing what survives and its fsync; not the swap.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

#include "log/compaction/compaction.h"
#include "log/io/blocking_queue.h"
#include "log/partition_log.h"
#include "log/record_batch_writer.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr uint64_t kLogBytes = 32 << 20;
constexpr int kRecordsPerBatch = 100;

// Each key is written twice, half a log apart: what is in the first half goes.
class TwiceWrittenLog {
 public:
  TwiceWrittenLog(size_t value_bytes, Compression codec) {
    config_.segment_bytes = 8 << 20;
    config_.cleanup_compact = true;
    config_.retention_ms = std::chrono::milliseconds(-1);
    log_ = *PartitionLog::Open(SystemFileIo(), dir_.path() / "bench-0", {"bench", 0}, config_, {.clean = true});
    const uint64_t batches = std::max<uint64_t>(2, kLogBytes / (value_bytes * kRecordsPerBatch));
    for (uint64_t i = 0; i < batches; ++i) Write(i % (batches / 2) * kRecordsPerBatch, value_bytes, codec);
    SLIP_CHECK(RunToEnd(log_->Flush(queue_)).ok());
    log_->UpdateHighWatermark(log_->log_end_offset());
  }

  CompactionPlan Plan() {
    absl::StatusOr<std::optional<CompactionPlan>> plan = log_->PlanCompaction(Timestamp{0});
    SLIP_CHECK(plan.ok() && plan->has_value());
    return **std::move(plan);
  }

 private:
  void Write(uint64_t first_key, size_t value_bytes, Compression codec) {
    RecordBatchWriter writer({.base_offset = log_->log_end_offset(), .compression = codec});
    std::string value(value_bytes, 0);
    for (uint64_t key = first_key; key < first_key + kRecordsPerBatch; ++key) {
      for (char& c : value) c = static_cast<char>('a' + ((random_ = random_ * 6364136223846793005u + 1) >> 33) % 16);
      writer.Append({.timestamp = Timestamp{1000}, .key = AsBytes(std::to_string(key)), .value = AsBytes(value)});
    }
    const std::vector<std::byte> batch = *std::move(writer).Finish();
    SLIP_CHECK(RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached)).ok());
  }

  TempDir dir_;
  LogConfig config_;
  BlockingIoQueue queue_;
  uint64_t random_ = 42;
  std::unique_ptr<PartitionLog> log_;
};

// Args: bytes of a value, codec.
void BM_Compact(benchmark::State& state) {
  TwiceWrittenLog log(static_cast<size_t>(state.range(0)), static_cast<Compression>(state.range(1)));
  const CompactionPlan plan = log.Plan();
  uint64_t bytes = 0;
  for (auto _ : state) {
    Compaction compaction(plan, {});
    for (;;) {
      const absl::StatusOr<bool> more = compaction.CleanNext();
      SLIP_CHECK(more.ok());
      if (!*more) break;
      compaction.Discard();
    }
    const CompactionResult& result = compaction.result();
    SLIP_CHECK_LT(result.records_after, result.records_before);
    bytes += result.bytes_before;
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_Compact)
    ->ArgsProduct({{100, 1000, 10'000}, {0, 4}})
    ->ArgNames({"value", "codec"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace slipstream
