#include "tool/exit_code.h"

#include <absl/strings/cord.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

namespace slipstream {

constexpr char kExitCodePayload[] = "slipstream/exit-code";

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return ExitCode::kDone;
  int code = 0;
  const auto payload = status.GetPayload(kExitCodePayload);
  if (payload && absl::SimpleAtoi(std::string(*payload), &code)) return static_cast<ExitCode>(code);
  return absl::IsUnauthenticated(status) ? ExitCode::kAuthentication : ExitCode::kRuntime;
}

absl::Status WithExitCode(absl::Status status, ExitCode code) {
  if (!status.ok()) status.SetPayload(kExitCodePayload, absl::Cord(absl::StrCat(static_cast<int>(code))));
  return status;
}

}  // namespace slipstream
