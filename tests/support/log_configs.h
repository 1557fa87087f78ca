// Settings of logs for tests.
#pragma once

#include "log/partition_log.h"

namespace slipstream {

// Records of tests are of the year 1970: no retention by age.
inline LogConfig KeepsAll() {
  LogConfig config;
  config.retention_ms = std::chrono::milliseconds(-1);
  return config;
}

}  // namespace slipstream
