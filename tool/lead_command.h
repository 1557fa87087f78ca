// `slipstream lead`'s command line.
#pragma once

#include <absl/status/status.h>

#include <CLI/App.hpp>

#include <string>
#include <vector>

#include "tool/lead.h"

namespace slipstream {

struct LeadFlags {
  LeadOptions options;
  std::string listen = "127.0.0.1:9092";
  std::string advertise;  // empty: not given
  std::vector<std::string> generate, cut, properties;
  std::string config;  // a properties file
};

void AddLeadFlags(CLI::App& command, LeadFlags& flags);
std::string LeadPropertiesHelp();
absl::Status RunLead(LeadFlags flags);

}  // namespace slipstream
