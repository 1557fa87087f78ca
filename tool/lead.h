// `slipstream lead`: serves the topics of a log dir to any Kafka client, as a cluster of one broker.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "fetcher/leader/record_generator.h"
#include "log/compaction/compaction_limits.h"
#include "log/partition_log.h"
#include "session/endpoint.h"

namespace slipstream {

struct LeadOptions {
  LeadOptions() { log.retention_ms = std::chrono::milliseconds(-1); }  // unless somebody asks for it, nothing goes

  std::filesystem::path log_dir;
  Endpoint listen{"127.0.0.1", 9092};  // port 0: any free one
  std::optional<Endpoint> advertise;   // where clients are told to connect; nullopt: where it listens
  LogConfig log;
  CompactionLimits compaction;
  bool auto_create = false;            // a topic that a client asks for is made, when the client allows it
  std::vector<CutSpec> cut;            // first: what an unclean election loses,
  std::vector<GenerateSpec> generate;  // then what the new leader writes
  GenerateOptions generate_options;    // first_timestamp is set by RunLead
};

// Serves until SIGINT or SIGTERM, then closes the logs cleanly. Once ready prints "listening on HOST:PORT" on stdout.
absl::Status RunLead(const LeadOptions& options);

}  // namespace slipstream
