// What does one read or write of small state cost, in memory and in RocksDB, one at a time and in batches?
#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <random>

#include "log/state/caching_backend.h"
#include "log/state/heap_backend.h"
#include "log/state/rocksdb_backend.h"
#include "log/state/typed_state.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using Positions = ValueState<TopicPartition, Offset>;

enum class Store { kHeap, kRocksDb, kCachedRocksDb };

class StateBench {
 public:
  StateBench(Store store, int64_t keys) {
    const StateClock clock = [] { return Timestamp{1}; };
    if (store == Store::kHeap) {
      backend_ = std::make_unique<HeapBackend>(SystemFileIo(), HeapBackendOptions{clock, {}});
    } else {
      backend_ = *RocksDbBackend::Open(SystemFileIo(), dir_.path() / "state", {.clock = clock});
      if (store == Store::kCachedRocksDb)
        backend_ = std::make_unique<CachingBackend>(std::move(backend_), /*bytes_max=*/64 << 20);
    }
    positions_ = *Positions::Open(*backend_, "positions");
    for (int64_t i = 0; i < keys; ++i)
      partitions_.push_back({absl::StrCat("topic-", i / 100), static_cast<int32_t>(i % 100)});
    Put(static_cast<size_t>(keys), Offset{0});
  }

  // The next `count` keys, in one batch.
  void Put(size_t count, Offset offset) {
    StateBatch batch;
    for (size_t i = 0; i < count; ++i) positions_->Put(batch, "east", Next(), offset);
    SLIP_CHECK(backend_->Apply(batch).ok());
  }
  Offset Get(const TopicPartition& partition) { return (*positions_->Get("east", partition)).value(); }
  const TopicPartition& Next() { return partitions_[at_++ % partitions_.size()]; }
  const TopicPartition& Last() const { return partitions_[(at_ - 1) % partitions_.size()]; }
  const TopicPartition& Any() { return partitions_[random_() % partitions_.size()]; }

 private:
  TempDir dir_;
  std::unique_ptr<StateBackend> backend_;
  std::optional<Positions> positions_;
  std::vector<TopicPartition> partitions_;
  size_t at_ = 0;
  std::minstd_rand random_{42};
};

void BM_StateGet(benchmark::State& state, Store store) {
  StateBench bench(store, state.range(0));
  for (auto _ : state) SLIP_CHECK_EQ(bench.Get(bench.Any()), Offset{0});
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_StateGet, heap, Store::kHeap)->Arg(100)->Arg(100'000);
BENCHMARK_CAPTURE(BM_StateGet, rocksdb, Store::kRocksDb)->Arg(100)->Arg(100'000);
BENCHMARK_CAPTURE(BM_StateGet, cached_rocksdb, Store::kCachedRocksDb)->Arg(100)->Arg(100'000);

void BM_StatePut(benchmark::State& state, Store store) {
  constexpr int64_t kKeys = 10'000;
  const auto batch = static_cast<size_t>(state.range(0));
  StateBench bench(store, kKeys);
  Offset offset;
  for (auto _ : state) bench.Put(batch, offset = offset + 1);
  SLIP_CHECK_EQ(bench.Get(bench.Last()), offset);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * batch));
}
BENCHMARK_CAPTURE(BM_StatePut, heap, Store::kHeap)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(BM_StatePut, rocksdb, Store::kRocksDb)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(BM_StatePut, cached_rocksdb, Store::kCachedRocksDb)->Arg(1)->Arg(100);

}  // namespace
}  // namespace slipstream
