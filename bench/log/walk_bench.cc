// How fast are batches stepped over and their CRCs checked, in memory?
#include <benchmark/benchmark.h>

#include "log/record_batch.h"
#include "tests/support/batches.h"

namespace slipstream {
namespace {

constexpr size_t kRunBytes = 1 << 20;

std::vector<std::byte> Run(size_t batch_bytes) {
  const size_t overhead = MakeBatch({.value_bytes = 0}).size() + 4;
  return MakeRun({.value_bytes = batch_bytes > overhead ? batch_bytes - overhead : 0},
                 static_cast<int>(kRunBytes / batch_bytes));
}

void Walk(benchmark::State& state, bool check_crc) {
  const std::vector<std::byte> run = Run(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    BatchWalker walker(run);
    while (walker.Next()) {
      if (check_crc) SLIP_CHECK(walker.batch().CrcValid());
      benchmark::DoNotOptimize(walker.batch().next_offset());
    }
    SLIP_CHECK_EQ(walker.valid_bytes(), run.size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * run.size()));
}

void BM_WalkFraming(benchmark::State& state) { Walk(state, /*check_crc=*/false); }
BENCHMARK(BM_WalkFraming)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20);

void BM_WalkWithCrc(benchmark::State& state) { Walk(state, /*check_crc=*/true); }
BENCHMARK(BM_WalkWithCrc)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(1 << 20);

}  // namespace
}  // namespace slipstream
