// How fast does one thread append a leader's batches to logs, by the way of writing, the size of a run and the number
// of logs? Beside it the same bytes, stamped alike, written bare. Disk figures need a quiet machine;
// scripts/compare-disk puts fio beside them.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>

#include "bench/log/cpu_meter.h"
#include "bench/log/stamp_run.h"
#include "log/io/aligned_buffer.h"
#include "log/io/blocking_queue.h"
#include "log/io/io_ring.h"
#include "log/partition_log.h"
#include "tests/support/batches.h"
#include "tests/support/maintenance.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr uint64_t kLogBytesMax = uint64_t{1} << 30;  // then a log starts anew, which is not measured
constexpr int32_t kSegmentBytes = 256 << 20;
constexpr size_t kTailBatchBytesMax = 16 << 10;

// A batch of exactly `bytes` with one record.
std::vector<std::byte> BatchOf(size_t bytes, int64_t base_offset) {
  SLIP_CHECK_GT(bytes, 100u);
  for (size_t value_bytes = bytes - 100;; ++value_bytes) {
    std::vector<std::byte> batch = MakeBatch({.base_offset = base_offset, .value_bytes = value_bytes});
    SLIP_CHECK_LE(batch.size(), bytes);
    if (batch.size() == bytes) return batch;
  }
}

std::vector<std::byte> RunOf(size_t run_bytes, size_t batch_bytes) {
  std::vector<std::byte> run;
  for (int64_t offset = 0; run.size() < run_bytes; ++offset) {
    const bool last = run_bytes - run.size() < 2 * batch_bytes;
    const std::vector<std::byte> batch = BatchOf(last ? run_bytes - run.size() : batch_bytes, offset);
    run.insert(run.end(), batch.begin(), batch.end());
  }
  return run;
}

// Appends the same run again and again, as a follower does.
class Appender {
 public:
  Appender(IoQueue& queue, ByteSpan run, WriteMode mode) : queue_(queue), run_(run.size()), run_bytes_(run.size()) {
    std::ranges::copy(run, run_.data());
    config_.file_delete_delay = std::chrono::milliseconds(0);
    config_.segment_bytes = kSegmentBytes;
    config_.write_mode = mode;
    log_ = *PartitionLog::Open(SystemFileIo(), dir_.path(), {"bench", 0}, config_, {.clean = true});
  }

  // As a fetch lane does it: a look at the CRCs, which is a cost of its own (`crc`), then at once if it may be. False:
  // AppendWaiting has to do it.
  bool AppendNow(WriteHint hint, bool crc) {
    StampRun(bytes(), log_->log_end_offset());
    log_bytes_ += run_bytes_;
    if (crc) SLIP_CHECK(log_->CheckBatches(bytes()).ok());
    if (hint == WriteHint::kBulk) return false;
    const std::optional<absl::Status> appended = log_->AppendNow(queue_, bytes());
    SLIP_CHECK(!appended || appended->ok());
    return appended.has_value();
  }
  asio::awaitable<void> AppendWaiting(WriteHint hint) {
    const absl::Status appended = co_await log_->AppendAsFollower(queue_, bytes(), hint, /*checked=*/true);
    SLIP_CHECK(appended.ok());
  }
  bool full() const { return log_bytes_ + run_bytes_ > kLogBytesMax; }
  void StartAnew() {
    SLIP_CHECK(log_->TruncateFullyAndStartAt(log_->log_end_offset()).ok());
    SLIP_CHECK(MaintainAndRemove(*log_, Timestamp{0}).ok());  // the old files leave the disk
    log_bytes_ = 0;
  }
  // A fast wrong answer is no result.
  void CheckLastRun() {
    const LogSlice slice = *log_->Read(log_->log_end_offset() + -1, log_->log_end_offset(), 1 << 30);
    SLIP_CHECK(slice.file != nullptr && slice.bytes <= run_bytes_);
    std::vector<std::byte> read(slice.bytes);
    const size_t got = *slice.file->ReadAt(read, slice.position);
    SLIP_CHECK_EQ(got, read.size());
    SLIP_CHECK(std::equal(read.begin(), read.end(), bytes().end() - static_cast<ptrdiff_t>(read.size())));
  }

 private:
  std::span<std::byte> bytes() { return run_.span().first(run_bytes_); }

  IoQueue& queue_;
  AlignedBuffer run_;
  const size_t run_bytes_;
  uint64_t log_bytes_ = 0;  // kept here, so that asking costs the log nothing
  TempDir dir_;
  LogConfig config_;
  std::unique_ptr<PartitionLog> log_;
};

// One run to each of `logs` logs at once, as one fetch response brings them.
void AppendWith(benchmark::State& state, asio::io_context& io, IoQueue& queue, size_t run_bytes, size_t batch_bytes,
                int64_t logs, WriteMode mode, WriteHint hint, bool crc) {
  const std::vector<std::byte> run = RunOf(run_bytes, batch_bytes);
  std::vector<std::unique_ptr<Appender>> appenders;
  for (int64_t i = 0; i < logs; ++i) appenders.push_back(std::make_unique<Appender>(queue, run, mode));
  CpuMeter cpu;
  for (auto _ : state) {
    size_t running = 0;
    for (const std::unique_ptr<Appender>& appender : appenders) {
      if (appender->full()) cpu.Untimed(state, [&] { appender->StartAnew(); });
      if (appender->AppendNow(hint, crc)) continue;
      ++running;
      asio::co_spawn(io, appender->AppendWaiting(hint), [&running](std::exception_ptr error) {
        SLIP_CHECK(!error);
        --running;
      });
    }
    while (running > 0) io.run_one();
  }
  const double bytes =
      static_cast<double>(state.iterations()) * static_cast<double>(logs) * static_cast<double>(run_bytes);
  cpu.Report(state, bytes);
  if (state.iterations() > 0)
    for (const std::unique_ptr<Appender>& appender : appenders) appender->CheckLastRun();
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

std::unique_ptr<IoQueue> MakeQueue(asio::io_context& io, bool ring) {
  if (!ring) return std::make_unique<BlockingIoQueue>();
  return MakeIoQueue(io);
}

// Args: ring or inline pwrite, bytes of a run, logs, whether CRCs are looked at before. As at the tail: through the
// page cache, batches of up to 16 KiB.
void BM_AppendTail(benchmark::State& state) {
  asio::io_context io;
  const auto keep_running = asio::make_work_guard(io);
  const std::unique_ptr<IoQueue> queue = MakeQueue(io, state.range(0) == 1);
  const auto run_bytes = static_cast<size_t>(state.range(1));
  AppendWith(state, io, *queue, run_bytes, std::min(run_bytes, kTailBatchBytesMax), state.range(2),
             WriteMode::kBuffered, WriteHint::kCached, state.range(3) == 1);
}
BENCHMARK(BM_AppendTail)
    ->ArgNames({"ring", "run", "logs", "crc"})
    ->ArgsProduct({{0, 1}, {1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}, {1}, {0, 1}})
    ->Args({1, 16 << 10, 16, 1})
    ->UseRealTime();

// Args: log.write.mode, bytes of a run, of a batch, logs, whether CRCs are looked at before. As while catching up.
void BM_AppendBulk(benchmark::State& state) {
  asio::io_context io;
  const auto keep_running = asio::make_work_guard(io);
  const std::unique_ptr<IoQueue> queue = MakeQueue(io, /*ring=*/true);
  AppendWith(state, io, *queue, static_cast<size_t>(state.range(1)), static_cast<size_t>(state.range(2)),
             state.range(3), static_cast<WriteMode>(state.range(0)), WriteHint::kBulk, state.range(4) == 1);
}
constexpr auto kDirect = static_cast<int64_t>(WriteMode::kDirect),
               kUncached = static_cast<int64_t>(WriteMode::kUncached),
               kBuffered = static_cast<int64_t>(WriteMode::kBuffered);
BENCHMARK(BM_AppendBulk)
    ->ArgNames({"mode", "run", "batch", "logs", "crc"})
    ->ArgsProduct({{kDirect, kUncached, kBuffered}, {256 << 10, 1 << 20, 8 << 20}, {100'000}, {1, 8}, {0, 1}})
    ->Args({kDirect, 1 << 20, 1 << 10, 8, 1})
    ->UseRealTime();

// What the machine gives without us: the same bytes, stamped alike, in writes as large, into files as large that come
// and go as often. Arg: bytes of a write.
void BM_BarePwrite(benchmark::State& state) {
  const TempDir dir;
  const auto run_bytes = static_cast<size_t>(state.range(0));
  const std::vector<std::byte> run = RunOf(run_bytes, std::min(run_bytes, kTailBatchBytesMax));
  AlignedBuffer buffer(run_bytes);
  const std::span<std::byte> bytes = buffer.span().first(run_bytes);
  std::ranges::copy(run, bytes.begin());
  Offset next{0};
  std::vector<int> files;
  uint64_t at = kSegmentBytes;
  const auto close_all = [&] {
    for (const int file : files) ::close(file);
    files.clear();
  };
  const auto path = [&](size_t number) { return dir.path() / std::to_string(number); };
  const auto open_next = [&] {
    files.push_back(::open(path(files.size()).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    SLIP_CHECK_GE(files.back(), 0);
  };
  CpuMeter cpu;
  for (auto _ : state) {
    if (at + bytes.size() > kSegmentBytes) {
      if (files.size() * kSegmentBytes >= kLogBytesMax) {
        cpu.Untimed(state, [&] {
          for (size_t i = 0; i < files.size(); ++i) std::filesystem::remove(path(i));
          close_all();
          open_next();
        });
      } else {
        open_next();
      }
      at = 0;
    }
    next = StampRun(bytes, next);
    SLIP_CHECK_EQ(::pwrite(files.back(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
                  static_cast<ssize_t>(bytes.size()));
    at += bytes.size();
  }
  close_all();
  const double written = static_cast<double>(state.iterations()) * static_cast<double>(bytes.size());
  cpu.Report(state, written);
  state.SetBytesProcessed(static_cast<int64_t>(written));
}
BENCHMARK(BM_BarePwrite)
    ->ArgName("run")
    ->Arg(1 << 10)
    ->Arg(16 << 10)
    ->Arg(64 << 10)
    ->Arg(256 << 10)
    ->Arg(1 << 20)
    ->UseRealTime();

}  // namespace
}  // namespace slipstream
