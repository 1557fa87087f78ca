// Every backend, bare and behind each decorator, for the suites that all of them must pass.
#pragma once

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "log/check.h"
#include "log/state/caching_backend.h"
#include "log/state/heap_backend.h"
#include "log/state/metered_backend.h"
#include "log/state/rocksdb_backend.h"
#include "log/state/typed_state.h"
#include "tests/log/state/hand_clock.h"
#include "tests/support/temp_dir.h"

namespace slipstream {

enum class Store { kHeap, kRocksDb };
enum class Around { kNothing, kCache, kMetrics, kMetricsAroundSmallCache };
using Shape = std::tuple<Store, Around>;

using Positions = ValueState<TopicPartition, Offset>;
using Names = ListState<std::string, std::string>;
using GroupOffsets = MapState<std::string, TopicPartition, Offset>;

inline const TopicPartition kA0{"a", 0}, kA1{"a", 1}, kB0{"b", 0};

class StateBackendFixture : public ::testing::TestWithParam<Shape> {
 protected:
  StateBackendFixture() { backend_ = Make("own"); }

  std::unique_ptr<StateBackend> Make(const std::string& name) {
    const auto [store, around] = GetParam();
    std::unique_ptr<StateBackend> backend;
    if (store == Store::kHeap) {
      backend = std::make_unique<HeapBackend>(SystemFileIo(), HeapBackendOptions{clock_.function(), {LogDir()}});
    } else {
      auto opened = RocksDbBackend::Open(SystemFileIo(), dir_.path() / name, {.clock = clock_.function()});
      SLIP_CHECK(opened.ok());
      backend = *std::move(opened);
    }
    if (around == Around::kCache) backend = std::make_unique<CachingBackend>(std::move(backend), 1 << 20);
    if (around == Around::kMetricsAroundSmallCache)
      backend = std::make_unique<CachingBackend>(std::move(backend), /*bytes_max=*/600);  // two or three entries
    if (around == Around::kMetrics || around == Around::kMetricsAroundSmallCache)
      backend = std::make_unique<MeteredBackend>(std::move(backend), [] { return std::chrono::nanoseconds(0); });
    return backend;
  }
  std::filesystem::path LogDir() const { return dir_.path(); }
  std::filesystem::path SnapshotDir() const { return dir_.path() / "snapshots" / "one"; }

  Positions OpenPositions(StateOptions options = {}) { return *Positions::Open(*backend_, "positions", options); }
  Names OpenNames(StateOptions options = {}) { return *Names::Open(*backend_, "names", options); }
  GroupOffsets OpenGroupOffsets() { return *GroupOffsets::Open(*backend_, "group-offsets"); }

  static std::map<TopicPartition, Offset> All(const Positions& positions, absl::string_view name_space) {
    std::map<TopicPartition, Offset> all;
    const absl::Status status = positions.ForEach(name_space, [&](const TopicPartition& tp, Offset offset) {
      EXPECT_TRUE(all.emplace(tp, offset).second);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return all;
  }
  static std::vector<std::pair<TopicPartition, Offset>> All(const GroupOffsets& offsets, absl::string_view name_space,
                                                            const std::string& group) {
    std::vector<std::pair<TopicPartition, Offset>> all;
    const absl::Status status = offsets.ForEach(name_space, group, [&](const TopicPartition& tp, Offset offset) {
      all.emplace_back(tp, offset);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return all;
  }

  TempDir dir_;
  HandClock clock_;
  std::unique_ptr<StateBackend> backend_;
};

inline std::string ShapeName(const ::testing::TestParamInfo<Shape>& info) {
  constexpr const char* kStores[] = {"Heap", "RocksDb"};
  constexpr const char* kArounds[] = {"", "Cached", "Metered", "MeteredAndBarelyCached"};
  const auto [store, around] = info.param;
  return absl::StrCat(kStores[static_cast<int>(store)], kArounds[static_cast<int>(around)]);
}
inline auto AllShapes() {
  return ::testing::Combine(
      ::testing::Values(Store::kHeap, Store::kRocksDb),
      ::testing::Values(Around::kNothing, Around::kCache, Around::kMetrics, Around::kMetricsAroundSmallCache));
}

}  // namespace slipstream
