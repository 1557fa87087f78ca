// The settings of logs that every subcommand with logs of its own takes as properties; Kafka's topic and broker
// settings.
#pragma once

#include "log/compaction/compaction_limits.h"
#include "log/partition_log.h"
#include "tool/properties.h"

namespace slipstream {

// All outlive the table.
void AddLogProperties(PropertyTable& table, LogConfig& log);
void AddCleanerProperties(PropertyTable& table, CompactionLimits& limits);

}  // namespace slipstream
