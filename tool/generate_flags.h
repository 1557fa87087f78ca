// How --generate and --cut of `slipstream lead` are written.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "fetcher/leader/record_generator.h"

namespace slipstream {

// "TOPIC:PARTITIONS:BYTES" and "TOPIC:BYTES"; bytes may end in K, M, G or T, powers of 1024. kInvalidArgument names the
// text and what is wrong with it.
absl::StatusOr<GenerateSpec> ParseGenerateSpec(absl::string_view text);
absl::StatusOr<CutSpec> ParseCutSpec(absl::string_view text);

}  // namespace slipstream
