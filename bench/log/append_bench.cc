// How fast does one thread append a leader's batches to a log?
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>

#include "log/io/blocking_queue.h"
#include "log/io/io_ring.h"
#include "log/partition_log.h"
#include "log/record_batch.h"
#include "tests/support/batches.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr size_t kRunBytes = 1 << 20;                 // what one fetch response brings for a partition
constexpr uint64_t kLogBytesMax = uint64_t{1} << 30;  // then the log starts anew

std::vector<std::byte> RunOfAbout(size_t run_bytes, size_t batch_bytes) {
  const size_t overhead = MakeBatch({.value_bytes = 0}).size() + 4;
  const size_t value_bytes = batch_bytes > overhead ? batch_bytes - overhead : 0;
  return MakeRun({.value_bytes = value_bytes}, static_cast<int>(std::max<size_t>(1, run_bytes / batch_bytes)));
}

// The same run again and again, at the next offsets: stamping them is cheap and leaves the CRCs right.
class Appender {
 public:
  Appender(IoQueue& queue, size_t batch_bytes) : queue_(queue), run_(RunOfAbout(kRunBytes, batch_bytes)) {
    config_.segment_bytes = 256 << 20;
    log_ = *PartitionLog::Open(SystemFileIo(), dir_.path(), {"bench", 0}, config_, {.clean = true});
  }

  asio::awaitable<void> Append() {
    if (log_->size_bytes() > kLogBytesMax) SLIP_CHECK(log_->TruncateFullyAndStartAt(log_->log_end_offset()).ok());
    Offset next = log_->log_end_offset();
    BatchWalker walker(run_);
    while (walker.Next()) {
      StampBaseOffset(std::span(run_).subspan(walker.position().value, walker.batch().bytes().size()), next);
      next = walker.batch().next_offset();
    }
    const absl::Status appended = co_await log_->AppendAsFollower(queue_, run_, WriteHint::kCached);
    SLIP_CHECK(appended.ok());
  }
  size_t run_bytes() const { return run_.size(); }
  // A fast wrong answer is no result.
  void CheckLastRun() {
    const LogSlice slice = *log_->Read(log_->log_end_offset() + -1, log_->log_end_offset(), 1 << 30);
    SLIP_CHECK(slice.file != nullptr && slice.bytes <= run_.size());
    std::vector<std::byte> read(slice.bytes);
    const size_t got = *slice.file->ReadAt(read, slice.position);
    SLIP_CHECK_EQ(got, read.size());
    SLIP_CHECK(std::equal(read.begin(), read.end(), run_.end() - static_cast<ptrdiff_t>(read.size())));
  }

 private:
  IoQueue& queue_;
  std::vector<std::byte> run_;
  TempDir dir_;
  LogConfig config_;
  std::unique_ptr<PartitionLog> log_;
};

void AppendWith(benchmark::State& state, asio::io_context& io, IoQueue& queue) {
  Appender appender(queue, static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    bool done = false;
    asio::co_spawn(io, appender.Append(), [&done](std::exception_ptr error) {
      SLIP_CHECK(!error);
      done = true;
    });
    while (!done) io.run_one();
  }
  if (state.iterations() > 0) appender.CheckLastRun();
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * appender.run_bytes()));
}

// Arg: bytes of a batch.
void BM_AppendBlocking(benchmark::State& state) {
  asio::io_context io;
  const auto keep_running = asio::make_work_guard(io);
  BlockingIoQueue queue;
  AppendWith(state, io, queue);
}
BENCHMARK(BM_AppendBlocking)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20)->UseRealTime();

void BM_AppendRing(benchmark::State& state) {
  asio::io_context io;
  const auto keep_running = asio::make_work_guard(io);
  const auto ring = IoRing::Create(io);
  if (!ring.ok()) {
    state.SkipWithError(std::string(ring.status().message()).c_str());
    return;
  }
  AppendWith(state, io, **ring);
}
BENCHMARK(BM_AppendRing)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20)->UseRealTime();

}  // namespace
}  // namespace slipstream
