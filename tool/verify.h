// `slipstream verify A B`: do two log dirs, two clusters, or one of each hold the same batches, byte for byte?
#pragma once

#include <absl/status/status.h>

#include <CLI/App.hpp>

#include <string>

namespace slipstream {

struct VerifyOptions {
  std::string a, b;              // log dirs of a node separated by commas, or kafka://HOST:PORT[,HOST:PORT]/TOPIC-REGEX
  std::string format = "human";  // or "json"
};

void AddVerifyFlags(CLI::App& command, VerifyOptions& options);
// Compares every partition from the larger log start offset to the end; prints what was compared. The first difference
// is an error that carries ExitCode::kDivergence and names partition, offset, field and both values.
absl::Status RunVerify(const VerifyOptions& options);

}  // namespace slipstream
