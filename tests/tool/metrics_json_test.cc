#include "tool/metrics_json.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(MetricsJsonTest, Fm14_Fm15_NamesEveryLaneOfEveryThread) {
  FetcherMetrics metrics{.max_lag = 7, .min_fetch_rate = 0.5, .failed_partitions = 1, .dead_threads = 2};
  FetcherThreadMetrics& thread = metrics.threads.emplace_back();
  thread = {.name = "fetcher-0-1",
            .leader = BrokerId{1},
            .endpoint = {"here", 9092},
            .requests_per_second = 0.5,
            .bytes_per_second = 1024};
  for (size_t i = 0; i < kLaneKinds; ++i)
    thread.lanes[i] = {
        .kind = static_cast<LaneKind>(i), .partitions = i, .left_out = i / 2, .requests = 10 + i, .bytes = 100 + i};
  EXPECT_EQ(ToJson(metrics), nlohmann::json::parse(R"({
    "max_lag": 7, "min_fetch_rate": 0.5, "failed_partitions": 1, "dead_threads": 2,
    "threads": [{"name": "fetcher-0-1", "leader": 1, "host": "here", "port": 9092, "dead": false,
                 "requests_per_second": 0.5, "bytes_per_second": 1024.0,
                 "lanes": {"idle": {"partitions": 0, "left_out": 0, "requests": 10, "bytes": 100},
                           "tail": {"partitions": 1, "left_out": 0, "requests": 11, "bytes": 101},
                           "bulk": {"partitions": 2, "left_out": 1, "requests": 12, "bytes": 102}}}]})"));
}

}  // namespace
}  // namespace slipstream
