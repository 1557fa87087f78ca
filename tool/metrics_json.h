// What fetchers show of themselves, for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "fetcher/fetcher_metrics.h"

namespace slipstream {

nlohmann::json ToJson(const FetcherMetrics& metrics);

}  // namespace slipstream
