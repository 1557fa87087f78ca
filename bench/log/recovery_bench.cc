// How long does a log dir take to open after a crash, when all of it must be read? After a clean stop:
// idle_partitions_bench.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/log/cpu_meter.h"
#include "bench/log/stamp_run.h"
#include "log/io/blocking_queue.h"
#include "log/log_directory.h"
#include "tests/support/batches.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

constexpr int kPartitions = 8;

LogDirectoryConfig ConfigFor(const std::filesystem::path& log_dir) {
  LogDirectoryConfig config;
  config.log_dir = log_dir;
  config.log.segment_bytes = 256 << 20;
  return config;
}

asio::awaitable<absl::Status> Fill(PartitionLog& log, IoQueue& queue, uint64_t bytes) {
  std::vector<std::byte> run = MakeRun({.value_bytes = 100'000}, 10);
  while (log.size_bytes() < bytes) {
    StampRun(run, log.log_end_offset());
    const absl::Status appended = co_await log.AppendAsFollower(queue, run, WriteHint::kBulk);
    if (!appended.ok()) co_return appended;
  }
  co_return co_await log.Flush(queue);
}

// On the disk and out of memory, as a machine finds its files that has just started.
void DropFromCache(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  SLIP_CHECK_GE(file, 0);
  SLIP_CHECK_EQ(::fsync(file), 0);
  SLIP_CHECK_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  ::close(file);
}

// Arg: MiB in the log dir, which was not stopped cleanly.
void BM_RecoverUnclean(benchmark::State& state) {
  const TempDir dir;
  const uint64_t bytes = static_cast<uint64_t>(state.range(0)) << 20;
  BlockingIoQueue queue;
  Offset end;
  {
    const std::unique_ptr<LogDirectory> filled = *LogDirectory::Open(SystemFileIo(), ConfigFor(dir.path()));
    for (int p = 0; p < kPartitions; ++p) {
      PartitionLog& log = **filled->GetOrCreate({"bench", p}, Uuid{});
      SLIP_CHECK(RunToEnd(Fill(log, queue, bytes / kPartitions)).ok());
      end = log.log_end_offset();
    }
  }
  const CpuMeter cpu;
  for (auto _ : state) {
    state.PauseTiming();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path()))
      if (entry.path().extension() == ".log") DropFromCache(entry.path());
    state.ResumeTiming();
    const std::unique_ptr<LogDirectory> opened = *LogDirectory::Open(SystemFileIo(), ConfigFor(dir.path()));
    SLIP_CHECK_EQ(opened->Find({"bench", kPartitions - 1})->log_end_offset().value, end.value);
    // Not closed: the next time is a crash again, and the recovery point stays where it was.
    std::filesystem::remove(dir.path() / kRecoveryPointCheckpoint);
  }
  const double read = static_cast<double>(state.iterations()) * static_cast<double>(bytes);
  cpu.Report(state, read);
  state.SetBytesProcessed(static_cast<int64_t>(read));
}
BENCHMARK(BM_RecoverUnclean)->ArgName("MiB")->Arg(64)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slipstream
