// `slipstream follow`: copies topics of a cluster into a log dir.
#pragma once

#include <absl/status/status.h>

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace slipstream {

struct FollowOptions {
  std::string bootstrap_server;
  std::vector<std::string> topics;
  std::vector<std::string> log_dirs;
  std::string until;             // "" or "caught-up"
  std::string format = "human";  // or "json"
  std::string throttle;          // "" or bytes per second
  std::string config;            // a properties file
  std::vector<std::string> properties;
};

void AddFollowFlags(CLI::App& command, FollowOptions& options);
// The property table's help text.
std::string FollowPropertiesHelp();
absl::Status RunFollow(const FollowOptions& options);

}  // namespace slipstream
