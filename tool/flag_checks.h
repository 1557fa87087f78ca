// What flags of several subcommands are checked for as they are read; a failure is a usage error that names the flag.
#pragma once

#include <CLI/Validators.hpp>

#include <string>

namespace slipstream {

// An empty value is most often a script's variable that was never set.
inline CLI::Validator NotEmpty() {
  return CLI::Validator([](const std::string& value) { return std::string(value.empty() ? "must not be empty" : ""); },
                        "");
}

}  // namespace slipstream
