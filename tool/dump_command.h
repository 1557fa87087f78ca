// `slipstream dump`'s command line.
#pragma once

#include <absl/status/status.h>

#include <CLI/App.hpp>

#include <string>

namespace slipstream {

struct DumpFlags {
  std::string path;
  bool deep = false;
};

void AddDumpFlags(CLI::App& command, DumpFlags& flags);
absl::Status RunDump(const DumpFlags& flags);

}  // namespace slipstream
