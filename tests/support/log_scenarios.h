// What is done to a log while the disk or the process fails: what the sweeps go over. A new one is a line in the list.
#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <vector>

#include "tests/support/log_world.h"

namespace slipstream {

struct LogScenario {
  const char* name;
  void (*prepare)(LogWorld&);
  void (*run)(LogWorld&);  // what fails at every call
};

std::span<const LogScenario> LogScenarios();

// What `run` asks of the disk when nothing fails; an error of the scenario itself.
absl::StatusOr<std::vector<SimulatedDisk::Call>> CallsOf(const LogScenario& scenario, WriteMode write_mode);

}  // namespace slipstream
