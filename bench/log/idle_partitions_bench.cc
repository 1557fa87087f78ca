// What does a partition cost that nobody writes to or reads: the time to open it after a clean stop, memory,
// descriptors?
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <fstream>

#include "bench/idle_log_dir.h"
#include "log/log_directory.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

int64_t ResidentBytes() {
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;  // the second number
  return pages * 4096;
}

int64_t OpenDescriptors() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return std::distance(begin(descriptors), end(descriptors));
}

// Arg: partitions.
void BM_OpenClean(benchmark::State& state) {
  const TempDir dir;
  const int64_t partitions = state.range(0);
  FillIdle(dir.path(), partitions, Uuid::Random());
  const std::filesystem::path mark = dir.path() / ".kafka_cleanshutdown", kept = dir.path() / "mark";
  std::filesystem::copy(mark, kept);
  for (auto _ : state) {
    state.PauseTiming();
    std::filesystem::copy(kept, mark, std::filesystem::copy_options::overwrite_existing);
    ::malloc_trim(0);  // what making the logs has freed would hide a part of what opening them takes
    const int64_t resident = ResidentBytes(), descriptors = OpenDescriptors();
    state.ResumeTiming();
    const std::unique_ptr<LogDirectory> opened = *LogDirectory::Open(SystemFileIo(), {.log_dir = dir.path()});
    state.PauseTiming();
    SLIP_CHECK_EQ(opened->partition_count(), static_cast<size_t>(partitions));
    SLIP_CHECK_EQ(opened->Find({"bench", static_cast<int32_t>(partitions - 1)})->log_end_offset().value, kIdleLogEnd);
    state.counters["rss_bytes_each"] =
        static_cast<double>(ResidentBytes() - resident) / static_cast<double>(partitions);
    state.counters["descriptors"] = static_cast<double>(OpenDescriptors() - descriptors);
    state.ResumeTiming();
  }
}
BENCHMARK(BM_OpenClean)
    ->ArgName("partitions")
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slipstream
