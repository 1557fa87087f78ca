// What does a follower's throttle cost per partition: asked while a fetch is built, told after the append? Neither may
// allocate. A quota that nobody has bounded is the usual case and must be next to free.
#include "throttle/follower_throttle.h"

#include <absl/strings/str_cat.h>
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "bench/allocations.h"
#include "log/check.h"

namespace slipstream {
namespace {

using TimePoint = FollowerThrottle::TimePoint;

constexpr int32_t kPartitionsPerTopic = 10;
constexpr BrokerId kSelf{1};

enum Situation { kNobodyListedNoBound, kListedNoBound, kListedWithinBound, kListedBeyondBound };

// Every second partition is listed, one by one, as a reassignment does it.
FollowerThrottle MakeThrottle(Situation situation, const std::vector<TopicPartition>& partitions) {
  FollowerThrottle throttle(kSelf, {}, TimePoint());
  if (situation == kNobodyListedNoBound) return throttle;
  for (const TopicPartition& partition : partitions)
    if (partition.partition == 0) SLIP_CHECK(throttle.replicas().Update(partition.topic, "0:1,2:1,4:1,6:1,8:1").ok());
  if (situation == kListedWithinBound) throttle.quota().set_bound(int64_t{1} << 60);
  if (situation == kListedBeyondBound) throttle.quota().set_bound(1);
  return throttle;
}

// Args: situation, partitions. Time: of one pass over all partitions; a pass a millisecond.
void BM_LeavesOutAndRecord(benchmark::State& state) {
  std::vector<TopicPartition> partitions;
  for (int32_t i = 0; i < state.range(1); ++i)
    partitions.push_back({absl::StrCat("some-topic-", i / kPartitionsPerTopic), i % kPartitionsPerTopic});
  const auto situation = static_cast<Situation>(state.range(0));
  FollowerThrottle throttle = MakeThrottle(situation, partitions);
  int64_t left_out = 0;
  TimePoint now;
  const uint64_t allocations_before = Allocations();
  for (auto _ : state) {
    now += std::chrono::milliseconds(1);
    for (const TopicPartition& partition : partitions) {
      left_out += throttle.LeavesOut(partition, 1, now) ? 1 : 0;
      throttle.OnAppend(partition, 1000, now);
    }
  }
  const uint64_t allocated = Allocations() - allocations_before;
  SLIP_CHECK_EQ(allocated, uint64_t{0});
  SLIP_CHECK_EQ(left_out > 0, situation == kListedBeyondBound);
  state.counters["allocations"] = static_cast<double>(allocated);
  state.SetItemsProcessed(state.iterations() * state.range(1));  // partitions
  state.counters["per_partition"] = benchmark::Counter(static_cast<double>(state.iterations() * state.range(1)),
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_LeavesOutAndRecord)
    ->ArgNames({"situation", "partitions"})
    ->ArgsProduct({{kNobodyListedNoBound, kListedNoBound, kListedWithinBound, kListedBeyondBound}, {10, 2000}});

}  // namespace
}  // namespace slipstream
