#include "tool/metrics_json.h"

namespace slipstream {
namespace {

nlohmann::json ToJson(const FetcherThreadMetrics& thread) {
  nlohmann::json lanes = nlohmann::json::object();
  for (const LaneMetrics& lane : thread.lanes)
    lanes[LaneName(lane.kind)] = {{"partitions", lane.partitions},
                                  {"left_out", lane.left_out},
                                  {"requests", lane.requests},
                                  {"bytes", lane.bytes}};
  return {{"name", thread.name},
          {"leader", thread.leader.value},
          {"host", thread.endpoint.host},
          {"port", thread.endpoint.port},
          {"dead", thread.dead},
          {"requests_per_second", thread.requests_per_second},
          {"bytes_per_second", thread.bytes_per_second},
          {"lanes", std::move(lanes)}};
}

}  // namespace

nlohmann::json ToJson(const FetcherMetrics& metrics) {
  nlohmann::json threads = nlohmann::json::array();
  for (const FetcherThreadMetrics& thread : metrics.threads) threads.push_back(ToJson(thread));
  return {{"max_lag", metrics.max_lag},
          {"min_fetch_rate", metrics.min_fetch_rate},
          {"failed_partitions", metrics.failed_partitions},
          {"dead_threads", metrics.dead_threads},
          {"threads", std::move(threads)}};
}

}  // namespace slipstream
